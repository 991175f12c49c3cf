"""fastText's ``.bin`` and ``.ftz`` files, to arrays and back without changing a bit.

Layout (little endian): magic and version; the settings; the dictionary with its entries, each
ended by a zero byte, and the kept hashes; the input matrix; the output matrix. A matrix is a flag
(quantised), then its shape and float32 rows; or its shape, codes, centroids.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from qfb_gpu.errors import InputError
from qfb_gpu.models.text.model import (
    KINDS,
    LOSSES,
    Dictionary,
    Matrix,
    Quantised,
    Quantiser,
    Settings,
    TextModel,
)

_MAGIC = 793_712_314
_NEWEST = 12
_HEADER = "<ii"
_SETTINGS = "<12id"
_COUNTS = "<iiiqq"
_ENTRY_TAIL = 9
"""Bytes of an entry's count and kind."""
_NO_PRUNING = -1


class _Reader:
    """Takes pieces off the bytes of a file, one after the other."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where, self.at = data, where, 0

    def numbers(self, layout: str) -> tuple[Any, ...]:
        """Take numbers off, laid out as ``struct`` says."""
        size = struct.calcsize(layout)
        self.need(size)
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += size
        return values

    def array(self, kind: str, count: int) -> Any:
        """Take ``count`` values of a NumPy type off: a view of the bytes."""
        size = np.dtype(kind).itemsize * count
        self.need(size)
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += size
        return values

    def need(self, size: int) -> None:
        """Raise InputError where the file has not so many bytes more."""
        if size < 0 or self.at + size > len(self.data):
            msg = (
                f"{self.where}: the model file is cut off at byte {len(self.data):,}; copy it anew"
            )
            raise InputError(msg)


def read_model(data: bytes, where: str = "the model") -> TextModel:
    """Return the model that the bytes of a ``.bin`` or ``.ftz`` file hold.

    Parameters
    ----------
    data : bytes
    where : str
        Names the file in errors.

    Raises
    ------
    InputError
        The bytes are no fastText model, of a newer format, or incomplete.
    """
    reader = _Reader(data, where)
    magic, version = reader.numbers(_HEADER)
    if magic != _MAGIC or version > _NEWEST:
        msg = (
            f"{where}: expected a fastText .bin or .ftz file of format {_NEWEST} or older, got "
            f"magic {magic}, format {version}; save it with fastText's save_model"
        )
        raise InputError(msg)
    settings = _read_settings(reader, version)
    dictionary = _read_dictionary(reader)
    input_matrix = _read_matrix(reader, *reader.numbers("<?"))
    output_matrix = _read_matrix(reader, *reader.numbers("<?"))
    return TextModel(settings, dictionary, input_matrix, output_matrix)


def _read_settings(reader: _Reader, version: int) -> Settings:
    *numbers, t = reader.numbers(_SETTINGS)
    dim, ws, epoch, min_count, neg, word_ngrams, loss, kind, bucket, minn, maxn, rate = numbers
    if not (1 <= loss <= len(LOSSES) and 1 <= kind <= len(KINDS) and dim > 0):
        msg = (
            f"{reader.where}: loss {loss}, model {kind}, dim {dim} are not fastText's; copy it anew"
        )
        raise InputError(msg)
    return Settings(
        dim=dim, ws=ws, epoch=epoch, min_count=min_count, neg=neg, word_ngrams=word_ngrams,
        loss=LOSSES[loss - 1], kind=KINDS[kind - 1], bucket=bucket, minn=minn, maxn=maxn,
        lr_update_rate=rate, t=t, version=version,
    )  # fmt: skip


def _read_dictionary(reader: _Reader) -> Dictionary:
    size, _, _, n_tokens, n_kept = reader.numbers(_COUNTS)
    pieces, counts, kinds = [], np.empty(size, np.int64), np.empty(size, np.int8)
    for row in range(size):
        end = reader.data.find(b"\0", reader.at)
        reader.need(end - reader.at + 1 + _ENTRY_TAIL if end >= 0 else -1)
        pieces.append(reader.data[reader.at : end])
        counts[row], kinds[row] = struct.unpack_from("<qb", reader.data, end + 1)
        reader.at = end + 1 + _ENTRY_TAIL
    offsets = np.zeros(size + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    data = np.frombuffer(b"".join(pieces), np.uint8)
    kept = reader.array("<i4", 2 * n_kept).reshape(-1, 2) if n_kept > _NO_PRUNING else None
    return Dictionary(data, offsets, counts, kinds, n_tokens, kept)


def _read_matrix(reader: _Reader, is_quantised: bool) -> Matrix:  # noqa: FBT001
    if not is_quantised:
        n_rows, dim = reader.numbers("<qq")
        return reader.array("<f4", n_rows * dim).reshape(n_rows, dim)
    has_norms, n_rows, dim, n_codes = reader.numbers("<?qqi")
    codes = reader.array("u1", n_codes)
    quantiser = _read_quantiser(reader)
    if not has_norms:
        return Quantised((n_rows, dim), codes, quantiser)
    norm_codes = reader.array("u1", n_rows)
    return Quantised((n_rows, dim), codes, quantiser, norm_codes, _read_quantiser(reader))


def _read_quantiser(reader: _Reader) -> Quantiser:
    dim, n_parts, dsub, last_dsub = reader.numbers("<4i")
    return Quantiser(dim, n_parts, dsub, last_dsub, reader.array("<f4", dim * 256))


def write_model(model: TextModel) -> bytes:
    """Return the bytes of the file that fastText itself would save for a model."""
    s = model.settings
    pieces = [
        struct.pack(_HEADER, _MAGIC, s.version),
        struct.pack(
            _SETTINGS, s.dim, s.ws, s.epoch, s.min_count, s.neg, s.word_ngrams,
            LOSSES.index(s.loss) + 1, KINDS.index(s.kind) + 1, s.bucket, s.minn, s.maxn,
            s.lr_update_rate, s.t,
        ),
        *_dictionary_bytes(model.dictionary),
        *_matrix_bytes(model.input),
        *_matrix_bytes(model.output),
    ]  # fmt: skip
    return b"".join(pieces)


def _dictionary_bytes(words: Dictionary) -> list[bytes]:
    size = words.is_label.shape[0]
    n_kept = _NO_PRUNING if words.kept is None else len(words.kept)
    pieces = [struct.pack(_COUNTS, size, words.n_words, words.n_labels, words.n_tokens, n_kept)]
    pieces += [
        words.entry(row) + b"\0" + struct.pack("<qb", words.count[row], words.is_label[row])
        for row in range(size)
    ]
    return [*pieces, b"" if words.kept is None else words.kept.astype("<i4").tobytes()]


def _matrix_bytes(matrix: Matrix) -> list[bytes]:
    if not isinstance(matrix, Quantised):
        shape = b"\0" + struct.pack("<qq", *matrix.shape)
        return [shape, np.ascontiguousarray(matrix, "<f4").tobytes()]
    has_norms = matrix.norms is not None
    head = b"\1" + struct.pack("<?qqi", has_norms, *matrix.shape, matrix.codes.shape[0])
    pieces = [head, matrix.codes.tobytes(), *_quantiser_bytes(matrix.quantiser)]
    if matrix.norms is not None:
        pieces += [matrix.norm_codes.tobytes(), *_quantiser_bytes(matrix.norms)]
    return pieces


def _quantiser_bytes(q: Quantiser) -> list[bytes]:
    return [struct.pack("<4i", q.dim, q.n_parts, q.dsub, q.last_dsub), q.centroids.tobytes()]
