"""What the operations take and give: a column of any library in, the same library out.

Inside, a column is one Arrow array in host memory, so the answer cannot depend on the library
that holds the column. An operation on texts sees the distinct values of a column that comes as
codes (an Arrow dictionary, a pandas categorical, any column of a GPU), else every row: telling
texts apart costs more than most operations.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu._backend import columns as device
from qfb_gpu._backend.devices import n_threads
from qfb_gpu.calendars import days_of, names_no_year
from qfb_gpu.counted import counted
from qfb_gpu.errors import InputError
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.prepare.zones import refuse_zones
from qfb_kernels import days as kernels
from qfb_kernels.text import OK

if TYPE_CHECKING:
    from collections.abc import Callable

_NULLABLE = {
    "bool": "boolean",
    **{f"int{bits}": f"Int{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UInt{bits}" for bits in (8, 16, 32, 64)},
}
"""pandas dtypes with a null of their own: the dtype never depends on what a column holds."""
_PIECE_ROWS = 1 << 16


def to_arrow(values: Any) -> pa.Array:
    """Return a column as one Arrow array.

    Parameters
    ----------
    values : pandas, cuDF or Polars Series, pyarrow.Array or ChunkedArray, or a list
        Texts of Arrow's view layout, which few of its functions take, come back in the usual one.

    Raises
    ------
    InputError
        It is nothing of the kind, or its times are of several zones.
    """
    if isinstance(values, pa.ChunkedArray):
        return to_arrow(values.combine_chunks())
    if isinstance(values, pa.Array):
        return values.cast(pa.string()) if pa.types.is_string_view(values.type) else values
    if isinstance(values, str):  # Arrow makes a row of each of its characters
        msg = f"expected a column of texts, got one text, {values!r:.60}; give a list of it"
        raise InputError(msg)
    if getattr(values, "ndim", 1) != 1:
        msg = f"expected one column, got {type(values).__name__} of {values.ndim} dimensions"
        raise InputError(msg)
    if hasattr(values, "to_arrow"):  # cuDF
        return to_arrow(values.to_arrow())
    try:
        made = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError) as error:
        msg = (
            "expected a column (pandas, cuDF or Arrow) of one kind of value, "
            f"got {type(values).__name__}: {error}"
        )
        raise InputError(" ".join(msg.split())) from error
    refuse_zones(values, made.type, "a column")
    return to_arrow(made)


def like(result: pa.Array, given: Any) -> Any:
    """Return an Arrow array as a column of the library that ``given`` is of, with its index."""
    if isinstance(given, pa.Array | pa.ChunkedArray):
        return result
    import pandas as pd

    if isinstance(given, pd.Series):
        return pd.Series(_pandas_array(result), index=given.index, name=given.name)
    if hasattr(type(given), "from_arrow"):  # cuDF
        made = type(given).from_arrow(result)
        made.index, made.name = given.index, given.name
        return made
    if is_polars(given):
        return type(given)(given.name, result)
    return result.to_pylist()


def is_polars(given: Any) -> bool:
    """Say whether a table or column is of Polars, which this package need not have."""
    return type(given).__module__.partition(".")[0] == "polars"


def list_like(result: pa.Array, given: Any) -> Any:
    """Return an Arrow array as a column like ``given`` whose rows are none of that one's."""
    if isinstance(given, pa.Array | pa.ChunkedArray):
        return result
    import pandas as pd

    if isinstance(given, pd.Series):
        return pd.Series(_pandas_array(result))
    if device.is_device_column(given):
        return type(given).from_arrow(result)
    if is_polars(given):
        return type(given)(given.name, result)
    return result.to_pylist()


def to_batch(table: pa.Table) -> pa.RecordBatch:
    """Return a table in one piece; names that are there twice, and metadata, stay."""
    columns = [column.combine_chunks() for column in table.unify_dictionaries().columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def without_views(table: pa.Table, kind: pa.DataType) -> pa.Table:
    """Return a table with texts of Arrow's view layout, and runs, which little takes, as usual."""
    for place, field in enumerate(table.schema):
        if pa.types.is_run_end_encoded(field.type):
            chunks = [pc.run_end_decode(chunk) for chunk in table.column(place).chunks]
            column = pa.chunked_array(chunks, field.type.value_type)
            table = table.set_column(place, field.name, column)
        if pa.types.is_string_view(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(kind))
    return table


def table_like(result: pa.Table, given: Any) -> Any:
    """Return an Arrow table as a table of the library that ``given`` is of."""
    if isinstance(given, pa.Table):
        return result
    if isinstance(given, pa.RecordBatch):
        return to_batch(result)
    if isinstance(given, dict):
        return {name: result.column(name).combine_chunks() for name in result.column_names}
    import pandas as pd

    if isinstance(given, pd.DataFrame):
        columns = {
            name: _pandas_array(result.column(name).combine_chunks())
            for name in result.column_names
        }
        return pd.DataFrame(columns)
    return type(given).from_arrow(result)  # cuDF


def _pandas_array(result: pa.Array) -> Any:
    import pandas as pd

    if pa.types.is_date(result.type):
        result = result.cast(pa.timestamp("s"))
    if pa.types.is_string(result.type):
        dtype: Any = pd.StringDtype(na_value=np.nan)
        return dtype.__from_arrow__(result)
    return result.to_pandas(types_mapper=_pandas_dtype).array


def _pandas_dtype(kind: pa.DataType) -> Any:
    import pandas as pd

    return pd.api.types.pandas_dtype(_NULLABLE[str(kind)]) if str(kind) in _NULLABLE else None


def plain(column: pa.Array) -> pa.Array:
    """Return a column without codes or wide offsets: dictionaries as their values."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    is_wide = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
    return column.cast(pa.string()) if is_wide else column


def is_plain(kind: pa.DataType) -> bool:
    """Return whether Arrow orders values of a kind: no lists, no type of a library's own."""
    return not (pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType))


def without_empty(texts: pa.Array) -> pa.Array:
    """Return texts with null in the place of empty ones: what a CSV file says for nothing."""
    is_empty = pc.equal(pc.binary_length(texts), 0)
    if not pc.any(is_empty).as_py():
        return texts
    return pc.if_else(is_empty, pa.scalar(None, texts.type), texts)


def in_pieces(work: Callable[[pa.Array], pa.Array], values: pa.Array) -> pa.Array:
    """Return ``work`` of an array, done on a few pieces of it at once where it is long.

    Parameters
    ----------
    work : callable
        Array to array of the same length, row by row; lets other threads run.
    """
    pieces: dict[int, pa.Array] = {}

    def on_rows(rows: slice) -> None:
        """Keep what is made of some rows by the first of them."""
        pieces[rows.start] = work(values.slice(rows.start, rows.stop - rows.start))

    each_piece(on_rows, len(values))
    ordered = [pieces[start] for start in sorted(pieces)]
    return ordered[0] if len(ordered) == 1 else pa.concat_arrays(ordered)


def each_piece(work: Callable[[slice], None], n_rows: int) -> None:
    """Do some work on pieces of rows, on as many threads as there are where rows are many."""
    n_pieces = min(n_threads(), n_rows // _PIECE_ROWS)
    if n_pieces < 2:  # noqa: PLR2004  one is no piece
        work(slice(0, n_rows))
        return
    ends = [n_rows * i // n_pieces for i in range(n_pieces + 1)]
    with ThreadPoolExecutor(n_pieces) as pool:
        list(pool.map(work, [slice(a, b) for a, b in pairwise(ends)]))


def on_texts(body: Callable[..., pa.Array]) -> Callable[..., Any]:
    """Let a body over an Arrow string array take a column of any library, numbers and dates too.

    Null in, null out: the body may leave any value where a text is null. It is run on a column's
    distinct values where the column comes as codes.
    """

    @wraps(body)
    def run(values: Any, **settings: Any) -> Any:
        """Run the body on the texts of a column, and give back a column of its library."""
        if device.is_device_column(values):
            codes, distinct = device.distinct(values)
            done = body(as_text(to_arrow(distinct)), **settings)
            return device.by_code(done, codes, values)
        column = to_arrow(values)
        if pa.types.is_dictionary(column.type):
            done = body(as_text(column.dictionary), **settings).take(column.indices)
        else:
            done = body(as_text(column), **settings)
        return like(done, values)

    return run


def as_text(values: Any) -> pa.Array:
    """Return a column as texts; numbers and dates as Arrow writes them.

    Raises
    ------
    InputError
        Its values are no texts, as those of lists, periods or bytes that are no UTF-8.
    """
    column = plain(to_arrow(values))
    if pa.types.is_string(column.type):
        return column
    if isinstance(column.type, pa.BaseExtensionType):  # a period would be a bare number
        if not pa.types.is_string(column.type.storage_type):
            raise _no_texts(column.type, "a type of its own library")
        column = column.storage
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _no_texts(column.type, str(error)) from error


def _no_texts(kind: pa.DataType, why: str) -> InputError:
    msg = f"expected a column of texts, numbers or dates, got {kind}: {why}; make texts of it first"
    return InputError(" ".join(msg.split()))


def coded_text(values: Any) -> pa.DictionaryArray:
    """Return a column of texts as codes into its distinct values, none of which is null."""
    column = to_arrow(values)
    if pa.types.is_dictionary(column.type):
        is_plain = pa.types.is_string(column.type.value_type) and not column.dictionary.null_count
        if is_plain:
            return column
    return as_text(column).dictionary_encode()


def read_days(values: Any) -> tuple[Any, Any]:
    """Return a column's days and which of its values are no date.

    Parameters
    ----------
    values : column of dates, timestamps (the day on their own clock) or texts, year first
        (of three numbers of two digits nobody knows which is the year: such a text is no date)

    Returns
    -------
    days : int32 NumPy array, days since 1970-01-01; ``NULL_DAY`` for null and for what is no date
    unreadable : bool NumPy array
    """
    column = to_arrow(values)
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = days_of(column)
    elif pa.types.is_null(kind):
        column = column.cast(pa.date32())
    elif not pa.types.is_date(kind):
        return _read_texts(coded_text(column))
    elif pa.types.is_date64(kind):  # Arrow's cast refuses one that is no midnight
        column = days_of(column.view(pa.timestamp("ms")))
    numbers = column.cast(pa.date32()).view(pa.int32()).fill_null(NULL_DAY)
    days = np.asarray(numbers.to_numpy(zero_copy_only=False), np.int32)
    return days, np.zeros(len(days), bool)


def _read_texts(coded: pa.DictionaryArray) -> tuple[Any, Any]:
    texts = [text.encode() for text in coded.dictionary.to_pylist()]
    ends = np.cumsum([0, *(len(text) for text in texts)]).astype(np.int64)
    data = np.frombuffer(b"".join(texts) or b"\0", np.uint8)
    day, status = np.empty(len(texts), np.int32), np.empty(len(texts), np.int8)
    if texts:
        kernels.parse_date_cpu(data, ends, kernels.YMD, day, status)
    bad = (status != OK) | names_no_year(coded.dictionary)
    day[bad] = NULL_DAY
    codes = np.asarray(coded.indices.fill_null(-1), np.int64)
    return np.append(day, np.int32(NULL_DAY))[codes], np.append(bad, False)[codes]


def to_days(values: Any, where: str) -> Any:
    """Return a column's days; refuse what is no date.

    Parameters
    ----------
    values : column
    where : str
        Names the column in the message.

    Raises
    ------
    InputError
        A value is no date.
    """
    days, unreadable = read_days(values)
    if unreadable.any():
        first = to_arrow(values)[int(np.argmax(unreadable))].as_py()
        msg = (
            f"{where}: no date in {counted(int(unreadable.sum()), 'value')}, "
            f"the first is {first!r}; expected dates, or texts such as 2024-01-31: mend them or "
            "make them null"
        )
        raise InputError(msg)
    return days


def by_day(days: Any, work: Callable[[Any], Any], null: int) -> Any:
    """Return ``work`` of each day, done once per day of the calendar where there are more rows.

    Parameters
    ----------
    days : int32 array, shape (n_rows,), ``NULL_DAY`` where there is none
    work : callable
        int64 array of days to an integer array of the same length.
    null : int
        What a null becomes.

    Returns
    -------
    int32 array, shape (n_rows,)
    """
    has_null = bool((days == NULL_DAY).any())
    valid = days[days != NULL_DAY] if has_null else days
    if not len(valid):
        return np.full(len(days), null, np.int32)
    low, high = int(valid.min()), int(valid.max())
    if high - low >= len(days):
        found = np.asarray(work(days.astype(np.int64)), np.int32)
        return np.where(days == NULL_DAY, np.int32(null), found)
    table = np.append(work(np.arange(low, high + 1)), null).astype(np.int32)
    place = days - np.int32(low) if low >= 0 else days.astype(np.int64) - low
    return table[np.where(days == NULL_DAY, high - low + 1, place) if has_null else place]


def from_days(days: Any) -> pa.Array:
    """Return days since 1970-01-01 as an Arrow date column; ``NULL_DAY`` is null."""
    return pa.array(np.asarray(days, np.int32), mask=days == NULL_DAY).view(pa.date32())
