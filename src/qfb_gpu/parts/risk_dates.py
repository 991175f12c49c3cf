"""What buckets' customers were measured to be at a month's end, a risk at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.finance import risks_peers
from qfb_gpu.finance.ranks import ranked
from qfb_gpu.finance.risks import RISKS
from qfb_gpu.finance.risks_history import HALF_YEAR, Past
from qfb_gpu.lake.work import at_hand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qfb_gpu.backend import Backend
    from qfb_gpu.parts.part import Saved


TOLD, FELL = 1, 2
"""What ``falls`` says: whose fall of income can be told, and whose income fell; else 0."""


class Bucket(NamedTuple):
    """What ``measure`` says of a bucket's customers at each date; read a column at a time."""

    raw: Mapping[str, Any]
    evidence: Mapping[str, Any]
    income: Mapping[str, Any]
    ordered: Mapping[str, Any]
    falls: Mapping[str, Any]
    main: Mapping[str, Any]


def of_bucket(saved: Saved, bucket: int) -> Bucket:
    """Return what ``measure`` says of a bucket."""
    return Bucket(*(saved.measured(name, bucket) for name in Bucket._fields))


def of_date(bucket: Bucket, ago: int) -> Bucket:
    """Return what :class:`Date` reads of a bucket, several times; what is compressed, once.

    All its columns of a file at once: of all buckets they take up to 40 bytes a customer.
    """
    dates = (ago, ago - HALF_YEAR) if is_tested(ago) else (ago,)
    raw = [f"{risk}.{at}" for at in dates for risk in RISKS]
    return bucket._replace(
        raw=at_hand(bucket.raw, raw),
        evidence=at_hand(bucket.evidence, raw[: len(RISKS)]),
        income=at_hand(bucket.income, [f"{ago}"]),
    )


def is_tested(ago: int) -> bool:
    """Return whether scores of so many months ago are compared with what came."""
    return ago >= HALF_YEAR and ago % HALF_YEAR == 0


class Date:
    """Buckets as they were measured so many months ago; all that is read twice is the bands."""

    def __init__(
        self, buckets: list[Bucket], ago: int, cuts: Mapping[int, Any], backend: Backend
    ) -> None:
        self._buckets, self._ago, self._backend = buckets, ago, backend
        self._cuts = cuts
        self._bands = [
            risks_peers.size_bands(*self._money(one), cuts, backend).astype("int8")
            for one in buckets
        ]

    def _money(self, one: Bucket) -> tuple[Any, Any]:
        """Return a bucket's incomes of the year and their currencies."""
        asarray = self._backend.asarray
        return asarray(one.income[f"{self._ago}"]), asarray(one.main["currency"])

    def scored(self, risk: str) -> Iterator[risks_peers.Scored]:
        """Yield each bucket's raw scores of a risk, and what they are drawn by."""
        backend, key = self._backend, f"{risk}.{self._ago}"
        for one, band in zip(self._buckets, self._bands, strict=True):
            raw, evidence = backend.asarray(one.raw[key]), backend.asarray(one.evidence[key])
            raw = risks_peers.from_whole(raw, backend.xp)
            yield risks_peers.Scored(raw, evidence.astype("float64"), band.astype("int64"))

    def drawn(
        self, risk: str, peers: risks_peers.Peers, times: float = 1.0
    ) -> Iterator[risks_peers.Drawn]:
        """Yield each bucket's scores of a risk, drawn towards the peers; ranges widened."""
        draw, backend = risks_peers.draw, self._backend
        return (draw(one, peers, risk, backend, times=times) for one in self.scored(risk))

    def pasts(self, risk: str) -> Iterator[Past]:
        """Yield each bucket's raw scores of a risk, and what came."""
        ago, later = f"{self._ago}", f"{self._ago - HALF_YEAR}"
        for one in self._buckets:
            columns = one.raw[f"{risk}.{ago}"], one.raw[f"{risk}.{later}"], one.falls[ago]
            raw, then, fall = map(self._backend.asarray, columns)
            yield Past(raw, then, fall == FELL, fall >= TOLD)

    def auc_small(self) -> float:
        """Return how well it ranks whose income falls that firms small in their currency do."""
        n = sum(int(told.sum()) for _, _, told in self._falls())
        if not n:
            return math.nan

        small = [(-size[told], fell_[told]) for size, fell_, told in self._falls()]
        return ranked(lambda: small, n, self._backend).auc

    def _falls(self) -> Iterator[tuple[Any, Any, Any]]:
        for one in self._buckets:
            fall = self._backend.asarray(one.falls[f"{self._ago}"])
            size = risks_peers.relative_sizes(*self._money(one), self._cuts, self._backend)
            yield size, fall == FELL, fall >= TOLD
