"""A CPU launcher that is compiled once for any part of its rows.

``@rows_of("unit_start")`` stands over a loop ``search_cpu(row_from, row_to, day, ...)`` whose
argument ``unit_start`` has an entry a row. Called without the first two arguments it does all rows
in this thread; whoever has threads (:meth:`qfb_gpu.backend.Backend.launch`) gives each a part of
the rows through ``loop``, which lets go of Python's lock. Numba's own ``prange`` would compile a
loop twice over, its wrapper besides: that was a third of the time of compiling.
"""

from __future__ import annotations

from typing import Any

from qfb_kernels.linked import launcher


class RowsLauncher:
    """A loop over rows: ``launcher(*arrays)`` for all of them, ``loop(row_from, row_to, *arrays)``.

    Attributes
    ----------
    loop : callable
        Compiled when it is first called, kept on disk; it does not hold Python's lock.
    """

    def __init__(self, body: Any, of: str, *, offsets: bool) -> None:
        names = body.__code__.co_varnames[: body.__code__.co_argcount]
        if names[:2] != ("row_from", "row_to") or of not in names[2:]:
            msg = f"{body.__name__}: expected (row_from, row_to, ..., {of}, ...), it has {names}"
            raise TypeError(msg)
        self.loop = launcher(body)
        self.__name__ = body.__name__
        self.__doc__ = body.__doc__
        self._at = names.index(of) - 2
        self._more = 1 if offsets else 0

    def n_rows(self, *arrays: Any) -> int:
        """Return over how many rows a call with these arguments goes."""
        return int(arrays[self._at].shape[0]) - self._more

    def __call__(self, *arrays: Any) -> None:
        """Do all rows, in this thread."""
        self.loop(0, self.n_rows(*arrays), *arrays)


def rows_of(of: str, *, offsets: bool = False) -> Any:
    """Turn a loop over rows into a launcher; ``of`` names the argument that has an entry a row.

    ``offsets``: it has one entry more than there are rows.
    """
    return lambda body: RowsLauncher(body, of, offsets=offsets)
