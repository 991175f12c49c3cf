"""What a part of the night is: a subject with its own sources, tables and profile columns.

A part composes a stage (``finance``, ``models``, ...) into the night in up to five steps, each a
plain function, so that memory stays bounded by the bucket:

1. ``score``: one bucket, on a worker. Sees the payments and the sources; returns sets of columns.
2. ``measure``: one bucket, on a worker, after every bucket is scored. Reads what ``score`` saved of
   the bucket, and small sets of all buckets, of sums alone, so that no order matters; returns sets
   of columns. What has rows of customers and can only be said beside the others goes here: ``fit``
   then reads a column at a time, and no process holds what all customers have.
3. ``fit``: once, on a worker, after every bucket is scored, regular streams are decided and the
   part's own ``measure`` is done. Reads what the steps before saved, and of what the night fits for
   all parts what it says in ``waits``; nothing of other parts' fits, which run beside it; returns
   sets of columns.
4. ``publish``: one bucket, on a worker. Returns the rows of its gold tables, and under the name
   ``customer_profiles`` further columns of its customers' profiles.
5. ``whole``: once, in the main process, while workers publish the buckets or, where it reads what
   they write, after that: the gold tables that are not written by bucket.

An update (:mod:`qfb_gpu._pipeline.update`) goes through ``score``, ``measure`` and ``publish`` with
the customers whose rows changed alone, and gives ``publish`` what ``fit`` kept of the night before;
``measure`` too, in place of the sets of all buckets. Sets of ``fit`` that have rows of customers
are made for a bucket by ``place``; a part that has such sets and no ``place`` is left as it is.

A part whose sources are not in the config is left out, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qfb_gpu.backend import get_backend
from qfb_gpu.parts import decided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.lake.work import Workspace
    from qfb_gpu.ledger import Calendar, Ledger, SourceRows, Streams

Columns = dict[str, Any]
"""Columns of one length: arrays of the backend, Labelled, or Arrow arrays for texts."""
PROFILE = "customer_profiles"
FEATURES = "features"
PAYMENT_GRAPH, PROFILES = "payment_graph", "profiles"
"""What the night fits for all parts: the network with the parties' names, customers' profiles."""
WHOLE = -1
"""The bucket under which what concerns all buckets is saved."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the ``score`` of a part sees: one bucket.

    Attributes
    ----------
    bucket, as_of_day : int
    config : Config
        The part's own settings are in it.
    calendar : Calendar
    ledger : Ledger
        Payments up to the as-of date; ``texts`` is None, see ``payment_texts``.
    streams : Streams
        All streams, before it is decided which are regular.
    sources : mapping of source to SourceRows
        Those the part needs or may use; one that is not in the config has no rows.
    payment_texts : callable(columns) -> pyarrow.Table
        Reads text columns of the payments (``txn_id``, ``memo``, ``category``, ``channel``, ids) in
        the row order of silver; ``ledger.text_row`` leads from a payment to its row. What repeats
        comes as dictionaries: see :func:`qfb_gpu.lake.silver.read_texts`.
    backend : Backend
    """

    bucket: int
    as_of_day: int
    config: Config
    calendar: Calendar
    ledger: Ledger
    streams: Streams
    sources: Mapping[str, SourceRows]
    payment_texts: Callable[[list[str]], Any]
    backend: Backend


@dataclass(frozen=True, slots=True)
class Saved:
    """What the later steps of a part see: whatever the steps before it saved.

    Loaded columns are read-only NumPy arrays, Labelled or Arrow arrays, whatever the device.
    """

    part: str
    workspace: Workspace
    buckets: tuple[int, ...]
    as_of_day: int
    config: Config
    device: str
    lake: Path
    placed: int | None = None
    """The bucket for which :meth:`fitted` knows sets that ``place`` made; None in a whole night."""

    @property
    def is_update(self) -> bool:
        """Whether :meth:`fitted` is what a night before has fitted."""
        return self.placed is not None

    @property
    def backend(self) -> Backend:
        """The backend of the run."""
        return get_backend("gpu" if self.device == "gpu" else "cpu")

    def scored(self, name: str, bucket: int) -> Columns:
        """Return a set of columns that this part's ``score`` returned for a bucket."""
        return self.workspace.load("score", bucket, f"{self.part}.{name}")

    def scored_view(self, name: str, bucket: int) -> Mapping[str, Any]:
        """Return such a set to read a column at a time of; see :meth:`Workspace.view`."""
        return self.workspace.view("score", bucket, f"{self.part}.{name}")

    def measured(self, name: str, bucket: int) -> Mapping[str, Any]:
        """Return a set of columns that this part's ``measure`` returned for a bucket, as a view."""
        return self.workspace.view("measure", bucket, f"{self.part}.{name}")

    def fitted(self, name: str) -> Columns:
        """Return a set of columns that this part's ``fit``, or its ``place``, returned."""
        name = f"{self.part}.{name}"
        if self.placed is not None and self.workspace.has("place", self.placed, name):
            return self.workspace.load("place", self.placed, name)
        return self.workspace.load("fit", WHOLE, name)

    def customers(self, bucket: int) -> Columns:
        """Return ``customer_key`` and ``customer_id`` of a bucket's customers, in ledger order."""
        return self.workspace.load("score", bucket, "customers")

    def profiles(self, bucket: int) -> Mapping[str, Any]:
        """Return the profile columns of a bucket's customers, as a view; see ``Part.waits``."""
        return decided.profiles(self.workspace, bucket)

    def streams(self, bucket: int) -> Columns:
        """Return the decided streams of a bucket (``relation`` leads to :meth:`relations`)."""
        return decided.streams(self.workspace, bucket, self.config)

    def relations(self, bucket: int) -> Columns:
        """Return a bucket's relations: customer row, keys and ids, direction, currency."""
        return self.workspace.load("score", bucket, "relations")

    def edges(self, bucket: int) -> Mapping[str, Any]:
        """Return the payment network's edges of a bucket, as a view.

        See :func:`qfb_gpu.network.relation_edges`.
        """
        return self.workspace.view("score", bucket, "edges")


def _nothing(_given: Any) -> dict[str, Columns]:
    return {}


def _no_rows(_saved: Any, _bucket: int) -> dict[str, Columns]:
    return {}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the night; see the module's text for its steps.

    Attributes
    ----------
    name : str
        Also the prefix of what it saves.
    what : str
        In words, for the report's list of parts that are left out.
    needs : tuple of str
        Sources without which it is left out.
    may_use : tuple of str
        Further sources that it reads where they are.
    tables : tuple of str
        Gold tables written by ``publish``, a part file a bucket. A bucket's ``publish`` returns all
        of them, with no rows where there are none.
    whole_tables : tuple of str
        Gold tables written by ``whole``.
    reads_published : bool
        ``whole`` reads gold parts that were published by bucket.
    rows : tuple of str
        Sets of ``fit`` that have rows of customers.
    read_by_measure, read_by_fit : tuple of str
        Sets of the steps before that this step reads last: where the disk is short they are
        deleted when it is done.
    waits : str
        ``PAYMENT_GRAPH`` or ``PROFILES`` where ``fit`` reads that; else it begins before they are.
    on_device : bool
        ``fit`` computes with arrays of the backend that grow with the bank. Others are fitted on
        the host's backend, beside the device, on a machine that has cores for it.
    score : callable(Given) -> dict of str to Columns
        A set named ``features`` has a row a customer of the ledger; its columns join the
        profile's features before anything is fitted.
    measure : callable(Saved, bucket) -> dict of str to Columns, or None
    fit : callable(Saved) -> dict of str to Columns, or iterable of (str, Columns)
    place : callable(Saved, bucket) -> dict of str to Columns, or None
        Makes the sets ``rows`` for the customers of a bucket from the other sets of ``fit``.
    publish : callable(Saved, bucket) -> dict of table to Columns
        Arrays are on the host.
    whole : callable(Saved) -> dict of table to Columns
    """

    name: str
    what: str
    needs: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    whole_tables: tuple[str, ...] = ()
    reads_published: bool = False
    rows: tuple[str, ...] = ()
    read_by_measure: tuple[str, ...] = ()
    read_by_fit: tuple[str, ...] = ()
    waits: str = ""
    on_device: bool = False
    score: Callable[[Given], dict[str, Columns]] = field(default=_nothing)
    measure: Callable[[Saved, int], dict[str, Columns]] | None = None
    fit: Callable[[Saved], dict[str, Columns] | Iterable[tuple[str, Columns]]] = field(
        default=_nothing
    )
    place: Callable[[Saved, int], dict[str, Columns]] | None = None
    publish: Callable[[Saved, int], dict[str, Columns]] = field(default=_no_rows)
    whole: Callable[[Saved], dict[str, Columns]] = field(default=_nothing)

    @property
    def can_update(self) -> bool:
        """Whether its tables can be made anew for some customers alone."""
        return not self.rows or self.place is not None
