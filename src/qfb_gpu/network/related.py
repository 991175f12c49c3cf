"""Related parties (关联方): customers that share an address, a phone, an account, a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import distinct

if TYPE_CHECKING:
    from qfb_gpu._config.network import Related
    from qfb_gpu.backend import Backend

_COLUMNS = {
    "customer": "int64", "related": "int64", "group_id": "int32", "kinds": "int64",
    "strength": "float64",
}  # fmt: skip


def related(marks: dict[str, Any], settings: Related, backend: Backend) -> dict[str, Any]:
    """Return the pairs of customers that share something.

    Parameters
    ----------
    marks : dict of arrays, shape (n_marks,)
        ``customer`` (int64, key), ``kind`` (int8, 0 to 62: address, phone, ...), ``mark`` (int64,
        hash of what it is; 0 is nothing).
    settings : Related
    backend : Backend

    Returns
    -------
    dict of arrays, shape (n_pairs,); each pair in both directions, by customer, strongest first
        ``customer``, ``related`` (int64), ``group_id`` (int32: connected by pairs; 0 is the
        largest group, of equals the one with the smallest key), ``kinds`` (int64: bit ``kind`` is
        set where they share it), ``strength`` (float64: the sum over what they share of
        1 / (customers that have it - 1), so that what only two share counts 1).
    """
    xp = backend.xp
    there = xp.nonzero(marks["mark"] != 0)[0]
    customer, kind, mark = (marks[name][there] for name in ("customer", "kind", "mark"))
    order = backend.lexsort((kind, mark, customer))
    customer, kind, mark = customer[order], kind[order], mark[order]
    is_new = xp.ones(customer.shape[0], dtype=bool)
    is_new[1:] = (kind[1:] != kind[:-1]) | (mark[1:] != mark[:-1]) | (customer[1:] != customer[:-1])
    customer, kind, mark = customer[is_new], kind[is_new], mark[is_new]
    starts = xp.ones(customer.shape[0], dtype=bool)
    starts[1:] = (kind[1:] != kind[:-1]) | (mark[1:] != mark[:-1])
    begin = xp.nonzero(starts)[0]
    if int(begin.shape[0]) == 0:
        return {name: xp.empty(0, dtype=dtype) for name, dtype in _COLUMNS.items()}
    holder = xp.cumsum(starts) - 1
    size = xp.bincount(holder)
    tells = (size[holder] > 1) & (size[holder] <= settings.max_sharing)
    row = xp.nonzero(tells)[0]
    n_others = size[holder[row]]
    left = backend.repeat(row, n_others)
    ends = xp.cumsum(n_others)
    first = backend.repeat(ends - n_others, n_others)
    right = begin[holder[left]] + xp.arange(left.shape[0]) - first
    apart = left != right
    return _pairs(customer, kind, size[holder], left[apart], right[apart], backend)


def _pairs(
    customer: Any, kind: Any, size: Any, left: Any, right: Any, backend: Backend
) -> dict[str, Any]:
    xp = backend.xp
    keys = distinct(customer, xp)
    n = int(keys.shape[0])
    code = xp.searchsorted(keys, customer[left]) * n + xp.searchsorted(keys, customer[right])
    pair, at = xp.unique(code, return_inverse=True)
    n_pairs = int(pair.shape[0])
    strength = xp.bincount(at, weights=1.0 / (size[left] - 1), minlength=n_pairs)
    bit = xp.left_shift(xp.ones_like(kind[left], dtype="int64"), kind[left].astype("int64"))
    kinds = xp.bincount(at, weights=bit.astype("float64"), minlength=n_pairs).astype("int64")
    mine, other = pair // max(n, 1), pair % max(n, 1)
    group = _groups(mine, other, n, backend)
    order = backend.lexsort((mine, -xp.round(strength, 12), other))
    return {
        "customer": keys[mine][order],
        "related": keys[other][order],
        "group_id": group[mine][order],
        "kinds": kinds[order],
        "strength": strength[order],
    }


def _groups(mine: Any, other: Any, n: int, backend: Backend) -> Any:
    """Return the group of each customer, numbered by size among those that have a pair."""
    xp = backend.xp
    label = backend.components(n, mine, other)
    paired = distinct(mine, xp)
    labels, first, member, size = xp.unique(
        label[paired], return_index=True, return_inverse=True, return_counts=True
    )
    order = backend.lexsort((-size, first))
    rank = xp.empty(labels.shape[0], dtype="int32")
    rank[order] = xp.arange(labels.shape[0], dtype="int32")
    group = xp.full(n, -1, dtype="int32")
    group[paired] = rank[member]
    return group
