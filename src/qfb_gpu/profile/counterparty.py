"""Features of whom: how many counterparties, how concentrated, how many come and go.

A null counterparty is not a counterparty. Concentration is by a year's money in the main
currency, each direction for itself; a counterparty whose year nets to 0 or less has no share.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from qfb_gpu.profile.feature import Feature, Tallies, ratio
from qfb_kernels import features as tally

_ONE = float(tally.SHARE_ONE) ** 2


def _hhi(tallies: Tallies, side: int) -> Any:
    has_money = tallies.partners[:, tally.WITH_MONEY + side] > 0
    squares = tallies.partners[:, tally.SQUARES + side]
    return tallies.xp.where(has_money, squares / _ONE, tallies.xp.nan)


def _top(tallies: Tallies, side: int) -> Any:
    total = tallies.partners[:, tally.KNOWN_SUM + side]
    return ratio(tallies.partners[:, tally.TOP_SUM + side], total, tallies.xp)


def _share(tallies: Tallies, part: int, whole: int) -> Any:
    return ratio(tallies.partners[:, part], tallies.partners[:, whole], tallies.xp)


def _number(name: str, column: int, words: str, words_zh: str) -> Feature:
    return Feature(
        f"counterparty_{name}", "counterparties", words, words_zh,
        "int64", compute=lambda tallies: tallies.partners[:, column],
    )  # fmt: skip


def _per_side() -> tuple[Feature, ...]:
    rows: list[Feature] = []
    sides = (("in", "payers", "付款方"), ("out", "payees", "收款方"))
    for side, (name, who, who_zh) in enumerate(sides):
        rows += [
            _number(
                f"n_{name}_365d", tally.WITH_MONEY + side,
                f"{who} with positive net money in the last 365 days, main currency",
                f"最近365天净额为正的{who_zh}数（主币种）",
            ),
            Feature(
                f"counterparty_hhi_{name}", "score",
                f"Herfindahl-Hirschman index of counterparty_n_{name}_365d: sum of squared shares "
                f"of these {who} in their money; 1: a single one",
                f"上述{who_zh}的集中度（HHI，金额份额平方和；1：只有一家）",
                compute=partial(_hhi, side=side),
            ),
            Feature(
                f"counterparty_top1_share_{name}", "share",
                f"share of the largest of these {who} in their money",
                f"上述{who_zh}中最大一家的金额占比", compute=partial(_top, side=side),
            ),
        ]  # fmt: skip
    return tuple(rows)


COUNTERPARTY = (
    _number("n", tally.KNOWN, "counterparties of all time", "全部交易对手数"),
    _number("n_90d", tally.KNOWN_90, "counterparties of the last 90 days", "最近90天交易对手数"),
    _number(
        "n_365d", tally.KNOWN_YEAR, "counterparties of the last 365 days", "最近365天交易对手数"
    ),
    *_per_side(),
    Feature(
        "counterparty_new_share_90d", "share",
        "counterparties first seen in the last 90 days / counterparties of the last 90 days",
        "最近90天首次出现的交易对手 ÷ 最近90天交易对手",
        compute=partial(_share, part=tally.NEW, whole=tally.KNOWN_90),
    ),
    Feature(
        "counterparty_lost_share_90d", "share",
        "counterparties seen 90 to 364 days ago and not since / those seen 90 to 364 days ago",
        "90至364天前出现、此后未再出现的交易对手 ÷ 90至364天前出现的交易对手",
        compute=partial(_share, part=tally.LOST, whole=tally.BEFORE),
    ),
)  # fmt: skip
