"""How well found streams agree with a generated portfolio's truth.

A true stream counts where it has three payments (two if annual). It is found by the regular
stream that shares most with it, if what they share is at least half of what either has (Jaccard
index); each pairs once. A regular stream that pairs with no true stream of any size is false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from detectors.relations import Answer

    from qfb_gpu.ledger import Ledger

OVERLAP = 0.5
NEAR_DAYS = 3
_ROUNDING = 0.005  # amounts are written in cents
_SIZES = (0, 3, 4, 6, 9, 14, 30, 10**9)


class Truth:
    """The true stream of each payment, and one row per true stream."""

    def __init__(self, of_payment: np.ndarray, streams: pd.DataFrame) -> None:
        self.of_payment = of_payment
        self.streams = streams

    @classmethod
    def of(cls, tables: dict[str, pa.Table], ledger: Ledger) -> Truth:
        """Read the truth of a portfolio for the payments of its ledger, in their order."""
        key = ["customer_id", "txn_id"]
        number = tables["truth/stream_payments"].to_pandas().set_index(key).stream_no
        payments = ledger.texts.select(key).take(pa.array(ledger.text_row)).to_pandas()
        number = number.reindex(pd.MultiIndex.from_frame(payments)).fillna(-1)
        streams = tables["truth/streams"].to_pandas().set_index("stream_no")
        next_date = pd.to_datetime(streams.next_date)
        streams["next_day"] = (next_date - pd.Timestamp(0)) / pd.Timedelta(days=1)
        due = pd.to_datetime(streams.next_due_date)
        streams["due_day"] = (due - pd.Timestamp(0)) / pd.Timedelta(days=1)
        return cls(number.to_numpy().astype(np.int64), streams)


def compare(truth: Truth, answer: Answer) -> pd.DataFrame:
    """Return the true streams that count, each with the row of ``answer`` that found it (-1).

    ``attrs`` holds ``n_found``, the number of regular streams, and ``n_false`` of them.
    """
    n_regular = len(answer.next_day)
    pairs = pd.DataFrame({"true": truth.of_payment, "found": answer.stream})
    size_true = pairs.true[pairs.true >= 0].value_counts()
    size_found = pairs.found[pairs.found >= 0].value_counts()
    both = pairs[(pairs.true >= 0) & (pairs.found >= 0)].value_counts().rename("n").reset_index()
    whole = both.true.map(size_true) + both.found.map(size_found) - both.n
    both["overlap"] = both.n / whole
    both = both[both.overlap >= OVERLAP].sort_values("overlap", ascending=False, kind="stable")
    both = both.drop_duplicates("true").drop_duplicates("found")
    streams = truth.streams
    least = np.where(streams.cadence == "annual", 2, 3)
    counts = streams[(streams.n_payments >= least) & streams.index.isin(size_true.index)].copy()
    row = both.set_index("true").found.reindex(counts.index).fillna(-1).astype(int)
    counts["row"] = row
    for name in ("cadence", "next_day", "earliest", "latest", "amount_low", "amount_high"):
        values = np.append(np.asarray(getattr(answer, name), dtype=object), None)
        counts[f"found_{name}"] = values[counts.row]
    counts.attrs["n_found"] = n_regular
    counts.attrs["n_false"] = n_regular - len(both)
    return counts


def scores(counts: pd.DataFrame) -> dict[str, Any]:
    """Return recall, precision, F1, cadence accuracy, next dates and coverage, each a share.

    Next dates are asked of streams that are found and go on; a forecast that is missing is wrong,
    and a range that is missing is no range (NaN). ``schedule_within_3_days`` is what the true
    schedule and roll would give for the same streams: what is beyond it are skips and slips.
    """
    hit = counts.row >= 0
    found = counts[hit]
    n_found, n_false = counts.attrs["n_found"], counts.attrs["n_false"]
    recall = float(hit.mean())
    precision = 1 - n_false / n_found if n_found else 0.0
    going = found[found.status == "active"]
    day = pd.to_numeric(going.found_next_day).replace(NULL_DAY, np.nan)
    return {
        "n_streams": len(counts),
        "n_found": n_found,
        "recall": recall,
        "precision": precision,
        "f1": 2 * recall * precision / (recall + precision) if recall + precision else 0.0,
        "cadence": float((found.cadence == found.found_cadence).mean()),
        "next_within_3_days": float(((day - going.next_day).abs() <= NEAR_DAYS).mean()),
        "schedule_within_3_days": float(
            ((going.due_day - going.next_day).abs() <= NEAR_DAYS).mean()
        ),
        "date_coverage": _coverage(going, "earliest", "latest", going.next_day, 0),
        "amount_coverage": _coverage(
            going, "amount_low", "amount_high", going.next_amount, _ROUNDING
        ),
    }


def by(counts: pd.DataFrame, what: str) -> dict[str, dict[str, float]]:
    """Return recall, cadence accuracy and next dates by cadence or by number of payments."""
    keys = counts.cadence if what == "cadence" else pd.cut(counts.n_payments, _SIZES).astype(str)
    table = {}
    for key, rows in counts.groupby(keys):
        rows.attrs.update(n_found=0, n_false=0)
        kept = scores(rows)
        names = ("n_streams", "recall", "cadence", "next_within_3_days",
                 "schedule_within_3_days", "date_coverage")  # fmt: skip
        table[str(key)] = {name: kept[name] for name in names}
    return table


def chance_streams(truth: Truth, relation: np.ndarray, answer: Answer) -> dict[str, int]:
    """Count the relations of three and more payments without any schedule, and the called ones."""
    frame = pd.DataFrame(
        {"relation": relation, "true": truth.of_payment, "called": answer.stream >= 0}
    )
    of = frame.groupby("relation").agg(
        true=("true", "max"), called=("called", "any"), n=("true", "size")
    )
    random = of[(of.true < 0) & (of.n >= 3)]
    return {"n_random": len(random), "n_random_called": int(random.called.sum())}


def _coverage(going: pd.DataFrame, low: str, high: str, value: pd.Series, slack: float) -> float:
    least = pd.to_numeric(going[f"found_{low}"])
    most = pd.to_numeric(going[f"found_{high}"])
    ranged = least.notna() & value.notna()
    inside = (least - slack <= value) & (value <= most + slack)
    return float(inside[ranged].mean()) if ranged.any() else float("nan")
