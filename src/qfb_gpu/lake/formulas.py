"""Texts that a spreadsheet was to leave alone: ``="001"`` in a CSV file is the text 001.

Who exports for Excel writes ids so, lest it take their zeros or their last digits; Excel shows 001.
Read as it stands, the id would match that of no other table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from qfb_gpu.lake.texts import text_buffers

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA = r'^\s*="([^"]*)"\s*$'


def without_formulas(texts: pa.Array) -> pa.Array:
    """Return texts of a CSV file, ``="001"`` as 001; any other formula stays as it was written.

    Parameters
    ----------
    texts : pyarrow.Array of string
        Nulls stay.

    Returns
    -------
    pyarrow.Array of string
        The same array where there is none.
    """
    if b'="' not in text_buffers(texts)[0].tobytes():
        return texts  # as nearly always: a look at the bytes, and at no row
    return pc.replace_substring_regex(texts, _FORMULA, r"\1")
