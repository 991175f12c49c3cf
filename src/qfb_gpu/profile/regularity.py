"""Features of regularity: how much of a customer's payments is regular, and what is committed.

Made from the columns of streams, after the run has decided which are regular; payments are not
read again. Money is in the main currency, in whole minor units, so sums are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.currencies import EXPONENT, currency_code, minor_per_major
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.profile.feature import Feature, ratio
from qfb_gpu.schema import STATUSES
from qfb_kernels import regularity as tally

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_STOPPED = STATUSES.index("stopped")
_CODES = 2**15


def _declared() -> tuple[Feature, ...]:
    def row(name: str, unit: str, words: str, words_zh: str, dtype: Any = "float64") -> Feature:
        return Feature(f"regularity_{name}", unit, words, words_zh, dtype, "streams")

    rows = [
        row("n_streams", "streams", "regular streams", "规律收付流数", "int32"),
        row("n_in", "streams", "regular streams received", "规律收款流数", "int32"),
        row("n_out", "streams", "regular streams paid", "规律付款流数", "int32"),
        row("n_stopped", "streams", "regular streams that stopped", "已停止的规律流数", "int32"),
        row("payment_share", "share", "payments of regular streams / payments of all streams",
            "规律流笔数 ÷ 全部流笔数"),
        row("in_share", "share", "money of regular streams received / money received, main "
            "currency, all time; streams that net to 0 or less left out",
            "规律收款流金额 ÷ 收款金额（主币种，全部时间；不计净额不为正的流）"),
        row("out_share", "share", "money of regular streams paid / money paid, main currency, all "
            "time; streams that net to 0 or less left out",
            "规律付款流金额 ÷ 付款金额（主币种，全部时间；不计净额不为正的流）"),
    ]  # fmt: skip
    for days in (30, 90):
        for name, words, words_zh in (("in", "come in", "收入"), ("out", "go out", "支出")):
            rows.append(
                row(f"committed_{name}_minor_{days}d", "minor",
                    f"money that regular streams are expected to make {words} in the next {days} "
                    f"days: expected amount x due dates a mean period apart, main currency; an "
                    f"estimate, expected_payments has the dates themselves",
                    f"未来{days}天规律流预计{words_zh}（主币种）："
                    f"预计金额 × 按平均周期推算的到期次数；估计值，"
                    f"具体日期见expected_payments", "int64"),
            )  # fmt: skip
    rows += [
        row("next_in_days", "days", "days until the next regular receipt; null where none",
            "距下一笔规律收款的天数（没有为空）"),
        row("next_out_days", "days", "days until the next regular payment out; null where none",
            "距下一笔规律付款的天数（没有为空）"),
    ]  # fmt: skip
    return tuple(rows)


REGULARITY = _declared()


def regularity_features(
    columns: dict[str, Any],
    customer: Any,
    main_currency: Any,
    as_of_day: int,
    backend: Backend,
) -> dict[str, Any]:
    """Return what :data:`FEATURES` of source ``streams`` declare, a value per customer.

    Parameters
    ----------
    columns : dict of arrays, shape (n_streams,)
        ``is_regular`` (bool), ``n_payments``, ``amount_total_minor`` (int64), ``direction``
        (int8 code), ``currency`` (int16 code), ``next_date`` (int32 day, ``NULL_DAY``),
        ``next_amount`` (float64 in units of the currency), ``period_days`` (float64), ``status``
        (Labelled by ``STATUSES``).
    customer : array of integers, shape (n_streams,)
        Row of the stream's customer, ascending.
    main_currency : array of int16, shape (n_customers,)
        From :func:`customer_features`.
    as_of_day : int

    Returns
    -------
    dict of str to array, shape (n_customers,)

    Raises
    ------
    ValueError
        ``customer`` is not ascending.
    """
    xp, n_customers = backend.xp, main_currency.shape[0]
    if customer.shape[0] and bool((customer[1:] < customer[:-1]).any()):
        msg = "expected streams in the order of their customers, got another; sort them first"
        raise ValueError(msg)
    offsets = xp.searchsorted(customer, xp.arange(n_customers + 1)).astype("int64")
    table = xp.empty((n_customers, tally.N_COLUMNS), dtype="int64")
    backend.launch(
        tally.regularity_cpu, tally.regularity_gpu, n_customers,
        offsets,
        columns["is_regular"].astype("int8") * (1 + _is_stopped(columns["status"], xp)),
        columns["n_payments"].astype("int64"),
        columns["amount_total_minor"],
        columns["direction"],
        columns["currency"],
        columns["next_date"],
        _minor(columns["next_amount"], columns["currency"], backend),
        columns["period_days"],
        main_currency,
        as_of_day,
        table,
    )  # fmt: skip
    return _features(table, xp)


def _is_stopped(status: Labelled, xp: Any) -> Any:
    if len(status.labels) <= _STOPPED or status.labels[_STOPPED] != "stopped":
        msg = f"expected a status labelled {STATUSES}, got {status.labels}"
        raise ValueError(msg)
    return xp.asarray(status.codes == _STOPPED).astype("int8")


def _minor(amount: Any, currency: Any, backend: Backend) -> Any:
    """Return amounts in units of their currency as whole minor units; 0 where unknown."""
    import numpy as np

    factor = np.ones(_CODES)
    for name in EXPONENT:
        code = currency_code(name)
        factor[code] = minor_per_major(code)
    minor = amount * backend.asarray(factor)[currency]
    return backend.xp.rint(backend.xp.where(minor == minor, minor, 0.0)).astype("int64")  # noqa: PLR0124


def _features(table: Any, xp: Any) -> dict[str, Any]:
    def column(index: int) -> Any:
        return table[:, index]

    found = {
        "n_streams": column(tally.N_REGULAR) + column(tally.N_REGULAR + 1),
        "n_in": column(tally.N_REGULAR),
        "n_out": column(tally.N_REGULAR + 1),
        "n_stopped": column(tally.N_STOPPED),
        "payment_share": ratio(column(tally.PAID_REGULAR), column(tally.PAID), xp),
        "in_share": ratio(column(tally.SUM_REGULAR), column(tally.SUM), xp),
        "out_share": ratio(column(tally.SUM_REGULAR + 1), column(tally.SUM + 1), xp),
        "committed_in_minor_30d": column(tally.NEXT_30),
        "committed_out_minor_30d": column(tally.NEXT_30 + 1),
        "committed_in_minor_90d": column(tally.NEXT_90),
        "committed_out_minor_90d": column(tally.NEXT_90 + 1),
        "next_in_days": _or_null(column(tally.DAYS_TO_NEXT), xp),
        "next_out_days": _or_null(column(tally.DAYS_TO_NEXT + 1), xp),
    }
    return {f.name: found[f.name.removeprefix("regularity_")].astype(f.dtype) for f in REGULARITY}


def _or_null(days: Any, xp: Any) -> Any:
    return xp.where(days == NULL_DAY, xp.nan, days.astype("float64"))
