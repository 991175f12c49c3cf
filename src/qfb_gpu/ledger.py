"""The arrays that stages pass around.

Inside the engine a date is an int32 day since 1970-01-01 (``NULL_DAY`` where there is none),
money is an int64 count of minor units (``NULL_MINOR``), a text with few values is a
:class:`Labelled`. They become Arrow dates, nulls and strings only where a table is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NULL_DAY = -(2**31)
NULL_MINOR = -(2**63)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text column of few distinct values.

    Attributes
    ----------
    codes : integer array, shape (n_rows,)
        Index into ``labels``; negative means null. On the backend's device.
    labels : tuple of str
    """

    codes: Any
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The payments of one bucket up to the as-of date, in two levels of CSR.

    Sorted by customer key, then relation (counterparty key, description key, direction,
    currency), then day, amount and transaction key, so the same payments give the same arrays
    whatever the order of their source. A relation is all payments between one customer and one
    counterparty in one direction and one currency; where no counterparty is given, all with one
    normalised description (:mod:`qfb_gpu.lake.descriptions`). All arrays but
    ``texts`` live on the backend's device.

    Attributes
    ----------
    day : int32, shape (n_payments,), days since 1970-01-01
    amount_minor : int64, shape (n_payments,), minor units of the relation's currency;
        negative for a reversal (red invoice, credit note, refund)
    txn_key : int64, shape (n_payments,), hash of the transaction id
    text_row : int64, shape (n_payments,), row of the payment in ``texts``
    relation_offsets : int64, shape (n_relations + 1,), into the payments
    relation_customer : int32, shape (n_relations,), row of the customer
    counterparty_key : int64, shape (n_relations,), hash of the counterparty id (0: none given)
    direction : int8, shape (n_relations,), index into ``DIRECTIONS``
    currency : int16, shape (n_relations,), see :mod:`qfb_gpu.currencies`
    customer_offsets : int64, shape (n_customers + 1,), into the relations
    customer_key : int64, shape (n_customers,), hash of the customer id
    texts : host Arrow table with columns txn_id, customer_id, counterparty_id and, where the
        source has them, memo, category, channel; in the row order of silver
    description_key : int64, shape (n_relations,), hash of the description, which no counterparty
        id has; 0 where there is a counterparty or the memo says nothing; None: 0 for all
    description : Labelled, shape (n_relations,), the normalised texts; None: null for all
    """

    day: Any
    amount_minor: Any
    txn_key: Any
    text_row: Any
    relation_offsets: Any
    relation_customer: Any
    counterparty_key: Any
    direction: Any
    currency: Any
    customer_offsets: Any
    customer_key: Any
    texts: Any
    description_key: Any = None
    description: Labelled | None = None

    @property
    def n_payments(self) -> int:
        """Number of payments."""
        return int(self.day.shape[0])

    @property
    def n_relations(self) -> int:
        """Number of (customer, counterparty, direction, currency) relations."""
        return int(self.direction.shape[0])

    @property
    def n_customers(self) -> int:
        """Number of customers."""
        return int(self.customer_key.shape[0])

    def relation_of_payment(self, backend: Any, dtype: str = "int64") -> Any:
        """Return the relation of each payment: an integer array, shape (n_payments,)."""
        counts = self.relation_offsets[1:] - self.relation_offsets[:-1]
        return backend.repeat(backend.xp.arange(self.n_relations, dtype=dtype), counts)

    def customer_of_payment(self, backend: Any) -> Any:
        """Return the customer's row of each payment: as ``relation_customer``, (n_payments,)."""
        counts = self.relation_offsets[1:] - self.relation_offsets[:-1]
        return backend.repeat(self.relation_customer, counts)


@dataclass(frozen=True, slots=True)
class Streams:
    """What the payments stage found in one ledger.

    Attributes
    ----------
    columns : dict of str to array or Labelled, each shape (n_streams,)
        The columns of ``payment_streams`` but for the ids that are text, in the order of their
        relation, then ordinal.
    relation : int32, shape (n_streams,), row of the stream's relation in the ledger
    stream_of_payment : int32, shape (n_payments,), row of the payment's stream
    role : int8, shape (n_payments,), index into ``ROLES``
    due_day : int32, shape (n_payments,), ``NULL_DAY`` where nothing was due
    splits : how relations were split, for a later night: :mod:`qfb_gpu.payments.splits`
    described : what was measured of each stream, likewise: :mod:`qfb_gpu.payments.described`
    """

    columns: dict[str, Any]
    relation: Any
    stream_of_payment: Any
    role: Any
    due_day: Any
    splits: Any = None
    described: Any = None


@dataclass(frozen=True, slots=True)
class SourceRows:
    """The rows of one source (not payments) in one bucket, as they were known on the as-of date.

    Sorted by customer key, then by the columns of the source's key, so the same rows give the
    same arrays whatever their order in the source. All arrays but ``texts`` live on the
    backend's device.

    Attributes
    ----------
    name : str
        The source.
    columns : dict of str to array or Labelled, each shape (n_rows,)
        Every column of the source but those in ``texts``, in its engine form: a date is int32
        days (``NULL_DAY``), ``amount`` is ``amount_minor`` (int64, ``NULL_MINOR``), ``currency``
        an int16 code (-1 where null), a number float64 (NaN), a bool int8 (-1 where null), a text
        of few values a Labelled.
    keys : dict of str to int64 array, shape (n_rows,)
        The hash of each ``<name>_id`` column by its name, 0 where null: equal ids have equal hashes
        in every source, ``counterparty_key`` and ``customer_key`` of the ledger among them.
    texts : host Arrow table
        The ids and the texts that rarely repeat.
    customer : int32 array, shape (n_rows,)
        Row of the customer in the ledger; -1 where the customer has no payment.
    """

    name: str
    columns: dict[str, Any]
    keys: dict[str, Any]
    texts: Any
    customer: Any

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.customer.shape[0])


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days of one country or bank.

    Attributes
    ----------
    name : str
    first_day : int, days since 1970-01-01 of entry 0
    is_working : bool array, shape (n_days,)
    known_until : int, last day whose holidays are published; later days know weekends only
    known_from : int, first day whose holidays are published
    """

    name: str
    first_day: int
    is_working: Any
    known_until: int
    known_from: int = NULL_DAY
