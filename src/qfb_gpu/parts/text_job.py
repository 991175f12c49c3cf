"""Text models and the tables they read, on disk: what the command line and the night share."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from qfb_gpu.backend import get_backend
from qfb_gpu.errors import ConfigError, InputError, in_a_line
from qfb_gpu.lake.draft import draft_of
from qfb_gpu.lake.texts import as_text
from qfb_gpu.models import text

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu._config.text import TextJob
    from qfb_gpu.backend import Backend

_PREFIX = "__label__"
_TABLES = {".parquet", ".pq", ".csv"}
_PACKED = {".gz", ".bz2", ".zst", ".lz4"}
_BLANKS = re.compile("[ \\t\\v\\f\\r\\0]+")
"""What stands between the words of a line, as to fastText; ``\\n`` alone ends a line."""


def load_model(path: Path, backend: Backend) -> text.Categoriser:
    """Read a model file, or the one in a folder, and the card beside it.

    Raises
    ------
    ConfigError
        There is no such file.
    InputError
        It is no fastText model.
    """
    found = [path] if path.is_file() else sorted([*path.glob("*.bin"), *path.glob("*.ftz")])
    if len(found) != 1:
        msg = (
            f"{path}: expected a fastText .bin or .ftz file, or a folder with one, found "
            f"{len(found)}; `qfb text train` makes one"
        )
        raise ConfigError(msg)
    card = found[0].parent / "card.json"
    kept = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    model = text.read_model(found[0].read_bytes(), str(found[0]))
    return text.Categoriser(text.load_predictor(model, backend), kept)


def open_model(path: Path, device: str) -> text.Categoriser:
    """Return :func:`load_model` on a device: ``auto``, ``cpu`` or ``gpu``."""
    return load_model(path, get_backend(device))  # type: ignore[arg-type]


def save_model(learned: text.Learned, folder: Path) -> Path:
    """Write ``model.bin`` (``.ftz`` where quantised) and ``card.json``; return the model's path.

    An earlier model stays until both are written.
    """
    whole, codes = folder / "model.bin", folder / "model.ftz"
    path, other = (codes, whole) if learned.model.is_quantised else (whole, codes)
    card = json.dumps(learned.card, indent=1, ensure_ascii=False)
    with draft_of(folder / "card.json") as words:
        words.write_text(card + "\n", encoding="utf-8")
        with draft_of(path) as model:
            model.write_bytes(text.write_model(learned.model))
    other.unlink(missing_ok=True)
    return path


def train(job: TextJob, device: str) -> tuple[text.Learned, Path]:
    """Read a job's table, train, measure and save; return the model and where it is.

    Raises
    ------
    ConfigError, InputError
        The table, a column or the rows are missing.
    """
    columns = job.text if isinstance(job.text, list) else [job.text]
    wanted = [*columns, *([job.label] if job.label else []), *([job.group] if job.group else [])]
    table = read_table(job.base / job.data, wanted, columns[0], job.label)
    texts = joined([column(table, name) for name in columns])
    if job.training.kind != "supervised":
        learned = text.learn_embedding(texts, job.training)
    elif job.label is None:
        msg = "label is missing: a supervised model needs the column of its categories"
        raise ConfigError(msg)
    else:
        group = column(table, job.group) if job.group else None
        rows = text.examples(texts, column(table, job.label), group)
        learned = text.learn(rows, job.training, get_backend(device))  # type: ignore[arg-type]
    return learned, save_model(learned, job.base / job.output)


def read_table(path: Path, columns: list[str], text_column: str, label: str | None) -> pa.Table:
    """Return columns of Parquet or CSV files, or lines of fastText as text and label columns.

    Parameters
    ----------
    path : Path
        A file, a folder of files, or a glob.
    columns : list of str
    text_column, label : str
        Names that text and label of fastText lines get.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if _kind(p) in _TABLES)
    else:
        files = [path] if path.is_file() else sorted(path.parent.glob(path.name))
    if not files:
        msg = f"{path}: expected a Parquet, CSV or fastText file, a folder or a glob, found nothing"
        raise ConfigError(msg)
    return pa.concat_tables([_read_file(file, columns, text_column, label) for file in files])


def _kind(path: Path) -> str:
    """Return how a file's name ends: ``.csv`` of ``Memos.CSV.gz``."""
    inner = path.with_suffix("") if path.suffix.lower() in _PACKED else path
    return inner.suffix.lower()


def _read_file(path: Path, columns: list[str], text_column: str, label: str | None) -> pa.Table:
    kind = _kind(path)
    try:
        if kind not in _TABLES:
            return _read_lines(path, text_column, label or "label")
        table = _read_csv(path) if kind == ".csv" else pq.read_table(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeError) as error:
        msg = (
            f"{path}: cannot be read ({in_a_line(error)}); expected Parquet, CSV with commas and a "
            "header, or lines of fastText, in UTF-8"
        )
        raise InputError(msg) from error
    for name in columns:
        if table.column_names.count(name) != 1:
            is_there = name in table.column_names
            what = f"several columns are called {name!r}" if is_there else f"no column {name!r}"
            msg = f"{path}: {what}; there are {', '.join(table.column_names)}"
            raise InputError(msg)
    names = list(dict.fromkeys(columns))
    return pa.table({name: _texts(table.column(name), f"{path}: {name}") for name in names})


def _read_csv(path: Path) -> pa.Table:
    """Read all columns as texts; one that is empty is null, ``NA`` and ``null`` are words."""
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    with pa_csv.open_csv(path, parse_options=parse) as first:
        names = first.schema.names
    kinds = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    return pa_csv.read_csv(path, parse_options=parse, convert_options=kinds)


def _texts(values: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Return a column as strings, or as lists of strings, whatever its kind."""
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return values.cast(pa.list_(pa.string()))
    try:
        chunks = [as_text(chunk).cast(pa.string()) for chunk in values.chunks]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"{where}: is {kind}; expected a column of texts"
        raise InputError(msg) from error
    return pa.chunked_array(chunks, pa.string())


def _read_lines(path: Path, text_column: str, label: str) -> pa.Table:
    """Read lines ``__label__a __label__b text``; several labels of a line are several rows' worth.

    The label column is a list of the line's labels.
    """
    texts, labels = [], []
    with pa.input_stream(str(path), compression="detect") as stream:
        content = stream.read().decode("utf-8-sig")
    for line in content.removesuffix("\n").split("\n") if content else []:
        words = _BLANKS.split(line)
        labels.append([word.removeprefix(_PREFIX) for word in words if word.startswith(_PREFIX)])
        texts.append(" ".join(word for word in words if not word.startswith(_PREFIX)))
    return pa.table({text_column: pa.array(texts, pa.string()),
                     label: pa.array(labels, pa.list_(pa.string()))})  # fmt: skip


def column(table: pa.Table, name: str) -> pa.Array:
    """Return a column as strings; of a list its first value."""
    values = table.column(name).combine_chunks()
    if pa.types.is_list(values.type):
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
        first = values.offsets.to_numpy()[:-1]
        return values.values.take(pa.array(first, mask=lengths == 0))
    return values


def label_lists(table: pa.Table, name: str) -> list[list[str]]:
    """Return the labels of each row as a list, of a plain column of one."""
    values = table.column(name).combine_chunks()
    if pa.types.is_list(values.type):
        lists: list[list[str]] = values.to_pylist()
        return lists
    return [[] if value is None else [value] for value in values.to_pylist()]


def joined(columns: list[pa.Array]) -> pa.Array:
    """Return texts joined by a space; a null among them is left out, null where all are."""
    joined_texts = columns[0]
    for other in columns[1:]:  # two by two: Arrow's own skipping loses rows where all are null
        both = pc.binary_join_element_wise(joined_texts, other, " ", null_handling="emit_null")
        joined_texts = pc.coalesce(both, joined_texts, other)
    return joined_texts


def predicted(loaded: text.Categoriser, texts: pa.Array, k: int) -> pa.Table:
    """Return text, category, probability and is_unknown of each row; for k > 1 lists of both."""
    found = loaded.predictor.predict(loaded.prepared(texts), k)
    names = pa.array(found.labels, pa.string())
    label = found.label
    chance = np.minimum(found.probability, 1)
    is_unknown = chance[:, 0] < loaded.threshold
    flat = names.take(pa.array(label.ravel(), mask=label.ravel() < 0))
    if label.shape[1] == 1:
        kinds = {"category": flat, "probability": pa.array(chance[:, 0])}
    else:
        ends = pa.array(np.arange(0, label.size + 1, label.shape[1], dtype=np.int32))
        kinds = {
            "categories": pa.ListArray.from_arrays(ends, flat),
            "probabilities": pa.ListArray.from_arrays(ends, pa.array(chance.ravel())),
        }
    return pa.table({"text": texts, **kinds, "is_unknown": pa.array(is_unknown)})


def embedded(loaded: text.Categoriser, texts: pa.Array) -> pa.Table:
    """Return text and embedding (a list of float32) of each row."""
    vectors = loaded.predictor.embed(loaded.prepared(texts))
    flat = pa.array(vectors.ravel())
    return pa.table(
        {"text": texts, "embedding": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}
    )


def tested(
    loaded: text.Categoriser, texts: pa.Array, truth: list[list[str]], k: int
) -> dict[str, float]:
    """Return precision and recall at k, as fastText's test counts, and those of believed answers.

    Rows without a label or without an answer are not counted.
    """
    found = loaded.predictor.predict(loaded.prepared(texts), k)
    number = {name: i for i, name in enumerate(found.labels)}
    rows = [i for i, names in enumerate(truth) if names and found.label[i, 0] >= 0]
    wanted = [{number.get(text.read_back(name), -2) for name in truth[i]} for i in rows]
    right = np.array(
        [[int(c) in names for c in found.label[i]] for i, names in zip(rows, wanted, strict=True)]
    ).reshape(len(rows), -1)
    believed = found.probability[rows, 0] >= loaded.threshold
    n_truth = sum(len(truth[i]) for i in rows)
    nan = float("nan")
    return {
        "n_rows": len(rows),
        "precision": float(right.mean()) if rows else nan,
        "recall": float(right.sum() / n_truth) if rows else nan,
        "coverage": float(believed.mean()) if rows else nan,
        "precision_believed": float(right[believed, 0].mean()) if believed.any() else nan,
    }
