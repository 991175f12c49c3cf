"""Train fastText models with the library, on one thread: the same rows and seed, the same model.

Threads of the library write to one matrix without locks, so only one gives the same bits twice.
The library reads lines from a file, which is made in a temporary folder and removed.
"""

from __future__ import annotations

import errno
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.counted import counted
from qfb_gpu.errors import InputError
from qfb_gpu.models.text.fileformat import read_model
from qfb_gpu.models.text.model import LABEL_PREFIX, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu._config.text import TextTraining
    from qfb_gpu.models.text.model import TextModel
    from qfb_gpu.models.text.sampling import Examples

_LABELS = rf"(^|[ \t\n\v\f\r\x00]){LABEL_PREFIX}[^ \t\n\v\f\r\x00]*"
"""Words of a text that the library takes for labels: as features it knows none of them."""
_SEEN_ROWS = 1_000_000
_LEAST_EPOCHS, _MOST_EPOCHS = 5, 30
_LEAST_ROWS_TO_QUANTISE = 256
_MOST = 2**31 - 1
"""Of a number that the library is told."""


def train_supervised(rows: Examples, settings: TextTraining) -> TextModel:
    """Return a model of the labels of some rows, in the order they are in.

    Raises
    ------
    InputError
        There are no rows, or fewer than two classes.
    """
    found = [rows.labels[code] for code in sorted(set(rows.label.tolist()))]
    if len(found) < 2:  # noqa: PLR2004
        msg = (
            f"a classifier needs rows of two classes or more; of {counted(rows.n_rows, 'row')} "
            f"with a text and a label, the classes are {found}; give rows of another"
        )
        raise InputError(msg)
    names = pa.array([written(name) for name in rows.labels], pa.string())
    label = names.take(pa.array(rows.label))
    text = pc.replace_substring_regex(rows.text, _LABELS, r"\1")
    return _train(pc.binary_join_element_wise(label, text, " "), settings, rows.n_rows)


def train_unsupervised(texts: pa.Array, settings: TextTraining) -> TextModel:
    """Return a model of texts alone; its seed is the library's 0, their order decides the rest."""
    if len(texts) == 0:
        msg = "an embedding is learnt from texts, and there are none; give rows with a text"
        raise InputError(msg)
    return _train(texts, settings, len(texts))


def _train(lines: pa.Array, settings: TextTraining, n_rows: int) -> TextModel:
    import fasttext

    has_ngrams = settings.maxn > 0 or settings.word_ngrams > 1
    options: dict[str, Any] = {
        "dim": settings.dim,
        "lr": settings.lr,
        "epoch": epochs(settings, n_rows),
        "minCount": settings.min_count,
        "minn": settings.minn,
        "maxn": settings.maxn,
        "wordNgrams": settings.word_ngrams,
        "bucket": max(settings.bucket, 1) if has_ngrams else 0,
        "thread": 1,
        "verbose": 0,
    }
    with _scratch() as folder:
        path = folder / "lines.txt"
        _write_lines(lines, path)
        try:
            if settings.kind == "supervised":
                found = fasttext.train_supervised(
                    input=str(path), loss=settings.loss, seed=settings.seed, **options
                )
            else:
                found = fasttext.train_unsupervised(input=str(path), model=settings.kind, **options)
        except (ValueError, RuntimeError) as error:
            msg = f"fastText cannot train so ({error}); try a smaller lr or min_count"
            raise InputError(msg) from error
        except TypeError as error:  # of its binding: a number that 32 bits do not hold
            told = {**options, "seed": settings.seed}
            large = [name for name, n in told.items() if isinstance(n, int) and n > _MOST]
            if not large:
                raise
            msg = f"fastText takes no {', '.join(large)} above {_MOST:,}; give a smaller number"
            raise InputError(msg) from error
        if settings.quantise:
            _quantise(found)
        saved = folder / "model.bin"
        found.save_model(str(saved))  # where the disk is full it says nothing
        try:
            return read_model(saved.read_bytes())
        except InputError as error:
            msg = "fastText could not write its whole model; make room, or set TMPDIR"
            raise OSError(errno.ENOSPC, msg) from error


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a folder for the time being; an error of the disk names it."""
    with tempfile.TemporaryDirectory(prefix="qfb-text-") as folder:
        try:
            yield Path(folder)
        except OSError as error:
            error.filename = error.filename or folder
            raise


def epochs(settings: TextTraining, n_rows: int) -> int:
    """Return how often the rows are seen; ``auto``: a million rows in all, 5 to 30 times."""
    if settings.epoch != "auto":
        return settings.epoch
    return max(_LEAST_EPOCHS, min(_MOST_EPOCHS, _SEEN_ROWS // max(n_rows, 1)))


def _quantise(found: Any) -> None:
    """Turn the input matrix into codes, norms apart; small ones cannot be."""
    if found.get_input_matrix().shape[0] < _LEAST_ROWS_TO_QUANTISE:
        msg = (
            f"quantise needs {_LEAST_ROWS_TO_QUANTISE} rows of words and n-grams or more; "
            "set quantise = false"
        )
        raise InputError(msg)
    found.quantize(qnorm=True, thread=1, verbose=0)


def _write_lines(lines: pa.Array, path: Path) -> None:
    """Write a line a text; a line end inside a text becomes a space."""
    flat = pc.replace_substring_regex(lines, r"[\n\r]+", " ")
    with path.open("wb") as out:
        for start in range(0, len(flat), 100_000):
            part = flat.slice(start, 100_000).to_pylist()
            out.write(("\n".join(part) + "\n").encode("utf-8"))
