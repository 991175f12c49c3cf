"""Ids as numbers on their way from batches to buckets: texts that begin alike and end in digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.lake.texts import text_buffers
from qfb_kernels.serials import MOST_DIGITS, read_serial_cpu, write_serial_cpu

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS = b"0123456789"
_FOUR_DIGITS = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), np.uint8)


@dataclass(frozen=True, slots=True)
class Serial:
    """How the texts of a column of a batch begin, and how many digits follow."""

    prefix: bytes
    n_digits: int

    @property
    def n_bytes(self) -> int:
        """How long each of the texts is."""
        return len(self.prefix) + self.n_digits


def serial_of(texts: pa.Array, order: Any) -> tuple[Serial, Any] | None:
    """Return the form of some texts and their numbers; None where one is not as the first.

    Parameters
    ----------
    texts : pyarrow string array
    order : int64 array, shape (n_rows,)
        Which of them.
    """
    if not order.size or texts.null_count:
        return None
    first = texts[int(order[0])].as_py().encode()
    n_digits = min(len(first) - len(first.rstrip(_DIGITS)), MOST_DIGITS)
    form = Serial(first[: len(first) - n_digits], n_digits)
    numbers = np.empty(order.size, np.int64)
    prefix = np.frombuffer(form.prefix, np.uint8)
    is_serial = read_serial_cpu(*text_buffers(texts), order, prefix, n_digits, numbers)
    return (form, numbers) if is_serial else None


def texts_of(forms: list[Serial], numbers: Any, ends: Any) -> tuple[Any, Any]:
    """Return the texts of numbers: how long each is, and their bytes.

    Parameters
    ----------
    forms : list of Serial, of each run of numbers
    numbers : int64 array, shape (n_rows,)
    ends : int64 array, shape (n_runs + 1,)
        Where each run begins and ends.
    """
    sizes = np.array([form.n_bytes for form in forms], np.int32)
    places = np.append(0, np.cumsum(sizes * np.diff(ends)))
    data = np.empty(int(places[-1]), np.uint8)
    for number, form in enumerate(forms):
        rows, some = slice(*ends[number : number + 2]), slice(*places[number : number + 2])
        prefix = np.frombuffer(form.prefix, np.uint8)
        write_serial_cpu(numbers[rows], prefix, form.n_digits, _FOUR_DIGITS, data[some])
    return np.repeat(sizes, np.diff(ends)), data
