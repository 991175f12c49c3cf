"""How relations are split, in a form that outlives the night.

A relation's split depends on the days and amounts of its payments and on nothing else, so one
that has the same days and amounts as a relation of an earlier night has its split: only the
others are split anew. Groups are numbered within their relation; ``group_offsets`` says where a
relation's groups lie in ``fit_int`` and ``fit_float``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import find
from qfb_gpu.payments.units import offsets_of, ragged_slots
from qfb_kernels.fingerprints import fingerprints_cpu, fingerprints_gpu
from qfb_kernels.groups import relations_cpu, relations_gpu
from qfb_kernels.search import N_FIT_INT

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger
    from qfb_gpu.payments.rounds import Work


@dataclass(frozen=True, slots=True)
class Splits:
    """The splits of some relations.

    Attributes
    ----------
    fingerprint : int64, shape (n_relations,), of the days and amounts of its payments
    payment_offsets, group_offsets : int64, shape (n_relations + 1,)
    rest : int32, shape (n_relations,), the group that describes what no group took; -1: none
    owner : int32, shape (n_payments,), group within the relation; -1: none
    due, offset : int32, shape (n_payments,), due date answered and ticks from it
    fit_int : int64, shape (n_groups, 14), see :mod:`qfb_kernels.search`
    fit_float : float64, shape (n_groups, 2)
    """

    fingerprint: Any
    payment_offsets: Any
    group_offsets: Any
    rest: Any
    owner: Any
    due: Any
    offset: Any
    fit_int: Any
    fit_float: Any


SPLIT_COLUMNS = tuple(field.name for field in fields(Splits))


def fingerprints(ledger: Ledger, backend: Backend) -> Any:
    """Return a hash of each relation's days and amounts.

    Returns
    -------
    array of int64, shape (n_relations,)
    """
    fingerprint = backend.xp.empty(ledger.n_relations, dtype="uint64")
    backend.launch(
        fingerprints_cpu, fingerprints_gpu, ledger.n_relations, ledger.day, ledger.amount_minor,
        ledger.relation_offsets, fingerprint,
    )  # fmt: skip
    return fingerprint.view("int64")


def places_of(fingerprint: Any, sizes: Any, known: Splits, xp: Any) -> Any:
    """Return the row of a relation of ``known`` with the same payments for each; -1: none."""
    if known.fingerprint.shape[0] == 0:
        return xp.full(fingerprint.shape[0], -1, dtype="int64")
    order = xp.argsort(known.fingerprint)
    at, same = find(known.fingerprint[order], fingerprint, xp)
    row = order[at]
    same &= (known.payment_offsets[row + 1] - known.payment_offsets[row]) == sizes
    return xp.where(same, row, -1)


def of_work(work: Work, ledger: Ledger, fingerprint: Any, backend: Backend) -> Splits:
    """Return a finished split with groups numbered by relation; what nothing refers to is left."""
    xp = backend.xp
    n_relations = ledger.n_relations
    offsets = ledger.relation_offsets
    of_group = xp.full(work.n_owned, -1, dtype="int64")
    backend.launch(relations_cpu, relations_gpu, n_relations, work.owner, offsets, of_group)
    rested = xp.flatnonzero(work.rest_row >= 0)
    of_group[work.rest_row[rested]] = rested
    kept = xp.flatnonzero(of_group >= 0)
    order = kept[xp.argsort(of_group[kept], kind="stable")]
    group_offsets = offsets_of(xp.bincount(of_group[order], minlength=n_relations), xp)
    number = xp.full(work.n_owned + 1, -1, dtype="int32")  # the last entry: no group
    number[order] = xp.arange(order.shape[0]) - group_offsets[of_group[order]]
    return Splits(
        fingerprint=fingerprint,
        payment_offsets=offsets,
        group_offsets=group_offsets,
        rest=number[work.rest_row],
        owner=number[work.owner],
        due=work.due,
        offset=work.offset,
        fit_int=xp.concatenate([*work.fit_int, xp.zeros((0, N_FIT_INT), dtype="int64")])[order],
        fit_float=xp.concatenate([*work.fit_float, xp.zeros((0, 2))])[order],
    )


def merged(new: Splits, known: Splits, place: Any, backend: Backend) -> Splits:
    """Return ``new`` with the splits of ``known`` where ``place`` names a row of it."""
    xp = backend.xp
    taken = xp.flatnonzero(place >= 0)
    row = place[taken]
    n_groups = new.group_offsets[1:] - new.group_offsets[:-1]
    n_groups[taken] = known.group_offsets[row + 1] - known.group_offsets[row]
    group_offsets = offsets_of(n_groups, xp)
    fresh = xp.flatnonzero(place < 0)
    target = ragged_slots(group_offsets[fresh], n_groups[fresh], backend)
    source = ragged_slots(new.group_offsets[fresh], n_groups[fresh], backend)
    at = ragged_slots(group_offsets[taken], n_groups[taken], backend)
    came = ragged_slots(known.group_offsets[row], n_groups[taken], backend)
    total = int(group_offsets[-1])
    fit_int, fit_float = xp.empty((total, N_FIT_INT), dtype="int64"), xp.empty((total, 2))
    fit_int[target], fit_float[target] = new.fit_int[source], new.fit_float[source]
    fit_int[at], fit_float[at] = known.fit_int[came], known.fit_float[came]
    size = new.payment_offsets[1:] - new.payment_offsets[:-1]
    to = ragged_slots(new.payment_offsets[taken], size[taken], backend)
    out_of = ragged_slots(known.payment_offsets[row], size[taken], backend)
    columns = {name: getattr(new, name).copy() for name in ("owner", "due", "offset", "rest")}
    for name in ("owner", "due", "offset"):
        columns[name][to] = getattr(known, name)[out_of]
    columns["rest"][taken] = known.rest[row]
    return Splits(
        fingerprint=new.fingerprint,
        payment_offsets=new.payment_offsets,
        group_offsets=group_offsets,
        fit_int=fit_int,
        fit_float=fit_float,
        **columns,
    )
