"""Descriptions in the night: each stream's category, and features of what a customer pays for.

``[text] model = "FILE"`` uses a model that is there: its features join the profile before segments
are made. ``[text] train = true`` learns from the payments that have a category; the model is there
only after every bucket was read, so its features join the profile where it is published.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu import profile
from qfb_gpu.backend import get_backend
from qfb_gpu.errors import InputError
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import text
from qfb_gpu.models.registry import Candidate, champion, offer
from qfb_gpu.parts.part import FEATURES, PROFILE, Columns, Part
from qfb_gpu.parts.text_job import load_model, save_model
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.parts.part import Given, Saved

_MODEL_NAME = "text"
_OUT = DIRECTIONS.index("out")
_TABLE = "stream_categories"
_LEAST_CLASSES = 2


def _score(given: Given) -> dict[str, Columns]:
    settings = given.config.text
    if not settings.is_on:
        return {}
    memos, moved = _memos(given)
    if settings.model is None:
        return {"memos": memos, "moved": moved, "examples": _examples(given)}
    model = _from_config(given.config, given.backend)
    found = _describe(memos, moved, given.ledger.n_customers, model)
    found[FEATURES] = {k: given.backend.asarray(v) for k, v in found[FEATURES].items()}
    return found


def _memos(given: Given) -> tuple[Columns, Columns]:
    """Return each stream's distinct descriptions with their payments, and what it moves.

    Only money that goes out in the customer's main currency counts as moved, less what came back.
    """
    host = given.backend.to_host
    row, stream = host(given.ledger.text_row), host(given.streams.stream_of_payment)
    column = given.payment_texts(["memo"]).column("memo").cast(pa.string())
    coded = column.combine_chunks().dictionary_encode()
    code = coded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)[row]
    there = code >= 0
    size = max(len(coded.dictionary), 1)
    pair, count = np.unique(stream[there].astype(np.int64) * size + code[there], return_counts=True)
    memos = {
        "memo": coded.dictionary.take(pa.array(pair % size)),
        "stream": pair // size,
        "count": count,
    }
    relation = host(given.streams.relation)
    direction = host(given.ledger.direction)[relation]
    memos["direction"] = pa.array(DIRECTIONS).take(pa.array(direction[memos["stream"]]))
    amount = np.zeros(len(relation), np.int64)
    np.add.at(amount, stream, host(given.ledger.amount_minor))
    customer = host(given.ledger.relation_customer)[relation]
    main = host(profile.main_currency(given.ledger, given.backend))
    is_main = host(given.ledger.currency)[relation] == main[customer]
    is_counted = is_main & (direction == _OUT)
    return memos, {"customer": customer, "amount": np.where(is_counted, amount, 0)}


def _examples(given: Given) -> Columns:
    """Return a bucket's distinct (description, category, counterparty), texts normalised.

    A description ends with the payment's direction: ``货款`` paid is not ``货款`` received.
    """
    host = given.backend.to_host
    row = pa.array(host(given.ledger.text_row))
    relation = host(given.streams.relation)[host(given.streams.stream_of_payment)]
    direction = pa.array(DIRECTIONS).take(pa.array(host(given.ledger.direction)[relation]))
    texts = given.payment_texts(["memo", "category", "counterparty_id"]).take(row)
    training = given.config.text.training
    memo = texts.column("memo").cast(pa.string()).combine_chunks().dictionary_encode()
    values = text.normalise(memo.dictionary) if training.normalise else memo.dictionary
    columns = {
        "memo": pc.binary_join_element_wise(values.take(memo.indices), direction, " "),
        **{n: texts.column(n).cast(pa.string()).combine_chunks() for n in texts.column_names[1:]},
    }
    table = pa.table(columns).filter(_is_labelled(columns))
    counted = table.group_by(list(columns)).aggregate([([], "count_all")])
    found: Columns = {name: counted.column(name).combine_chunks() for name in columns}
    counts = counted.column("count_all").to_numpy()
    return {**found, "count": np.minimum(counts, training.copies)}


def _is_labelled(columns: Columns) -> pa.Array:
    return pc.and_(columns["memo"].is_valid(), columns["category"].is_valid())


def _fit(saved: Saved) -> dict[str, Columns]:
    """Learn from every bucket's examples; the better of it and the champion names the streams."""
    if not saved.config.text.train:
        return {}
    tables = [saved.scored("examples", bucket) for bucket in saved.buckets]
    repeat = pa.array(np.repeat(*_rows_and_counts(tables)))
    columns = {
        name: pa.chunked_array([t[name] for t in tables], pa.string()).combine_chunks().take(repeat)
        for name in ("memo", "category", "counterparty_id")
    }
    rows = text.examples(columns["memo"], columns["category"], columns["counterparty_id"])
    if len(rows.labels) < _LEAST_CLASSES:
        msg = (
            f"text.train learns from payments with a memo and a category; {rows.n_rows:,} have "
            f"both, of {len(rows.labels)} categories; map sources.transactions columns memo and "
            "category, or give text.model"
        )
        raise InputError(msg)
    training = saved.config.text.training
    held = training.model_copy(update={"normalise": False, "refit": False})
    learned = text.learn(rows, held, saved.backend)
    card = learned.card | {"normalise": training.normalise, "with_direction": True}
    new = text.Categoriser(text.load_predictor(learned.model, saved.backend), card)
    chosen, is_champion, why = _gate(new, learned.unseen, saved)
    for name, content in chosen.files().items():
        _folder(saved).mkdir(parents=True, exist_ok=True)
        (_folder(saved) / name).write_bytes(content)
    save_model(text.Learned(learned.model, card), saved.config.output_dir / "models" / "text")
    offer(saved.workspace.root, _candidate(new, is_champion, why))
    return {"measures": _measures(card)}


def _rows_and_counts(tables: list[Columns]) -> tuple[np.ndarray, np.ndarray]:
    counts = np.concatenate([t["count"] for t in tables])
    return np.arange(len(counts)), counts


def _gate(
    new: text.Categoriser, unseen: text.Examples | None, saved: Saved
) -> tuple[text.Categoriser, bool, str]:
    """Return the model to publish with, whether it is the new one, and why."""
    now = champion(saved.config.output_dir, _MODEL_NAME, saved.workspace.root)
    if now is None:
        return new, True, "the first model"
    old = load_model(now.files, saved.backend)
    if now.is_pinned:
        return old, False, f"version {now.version} was chosen by hand"
    if unseen is None or unseen.n_rows == 0:
        return new, True, "no counterparty was held out to compare on"
    mine, theirs = (_accuracy(model, unseen) for model in (new, old))
    why = (
        f"{mine:.1%} right on {unseen.n_rows:,} payments of counterparties it has not seen, "
        f"version {now.version}: {theirs:.1%}"
    )
    return (new, True, why) if mine >= theirs else (old, False, why)


def _accuracy(model: text.Categoriser, rows: text.Examples) -> float:
    """Return the share of rows, whose texts are normalised already, that a model gets right."""
    found = model.predictor.predict(rows.text)
    number = {name: i for i, name in enumerate(rows.labels)}
    label = np.array([*(number.get(name, -2) for name in found.labels), -1])[found.label[:, 0]]
    return float((label == rows.label).mean())


def _candidate(model: text.Categoriser, is_champion: bool, why: str) -> Candidate:  # noqa: FBT001
    import pandas as pd

    example = pd.DataFrame(
        {"description": ["房租", "insurance premium"], "direction": [DIRECTIONS[_OUT]] * 2}
    )
    measured = model.card["unseen_counterparties"]
    return Candidate(
        name=_MODEL_NAME,
        loader="qfb_gpu.models.text.served",
        files=model.files(),
        example=example,
        predicted=model.predict(example),
        metrics={k: v for k, v in measured.items() if v is not None},
        params={k: str(v) for k, v in model.card["settings"].items()},
        card=card_text(model.card),
        is_champion=is_champion,
        why=why,
    )


def card_text(card: dict[str, Any]) -> str:
    """Return the card of a classifier in Markdown."""
    unseen, seen = card["unseen_counterparties"], card["seen_counterparties"]
    return (
        "# Categories of payments by their description\n\n"
        f"fastText, {card['n_labels']} categories, trained on {card['n_rows_trained']:,} rows; "
        f"{card['library']}.\n\n"
        f"- Counterparties it has not seen ({card['n_groups_held_out']:,}): "
        f"{unseen['accuracy']} of {unseen['n_rows']:,} rows right.\n"
        f"- Other rows of counterparties it knows: {seen['accuracy']} of {seen['n_rows']:,}.\n"
        f"- Below probability {card['threshold']:.3f} a category is unknown: at and above it "
        f"{unseen['coverage']} of unseen rows are answered, {unseen['precision']} of those right "
        f"({card['precision_wanted']} wanted).\n"
        "- It knows no category that it was not shown; read `is_unknown` before you act.\n"
    )


def _measures(card: dict[str, Any]) -> Columns:
    names = ("accuracy", "macro_f1", "coverage", "precision")
    measured = [card["unseen_counterparties"][name] for name in names]
    return {
        "measure": pa.array([f"unseen_{name}" for name in names]),
        "value": np.array([np.nan if value is None else value for value in measured]),
    }


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    streams, relations = saved.streams(bucket), saved.relations(bucket)
    customer_id = relations["customer_id"].take(pa.array(streams["relation"]))
    ids = {"customer_id": customer_id, "stream_id": streams["stream_id"]}
    if not saved.config.text.is_on:
        return {_TABLE: {k: v[:0] for k, v in (ids | _no_answers()).items()}}
    if saved.config.text.model is not None:
        found = {"answers": saved.scored("answers", bucket), "top": saved.scored("top", bucket)}
        return {_TABLE: ids | found["answers"], PROFILE: found["top"]}
    n_customers = len(saved.customers(bucket)["customer_key"])
    model = _trained(_folder(saved), saved.device, saved.config.text.threshold)
    memos, moved = saved.scored("memos", bucket), saved.scored("moved", bucket)
    found = _describe(memos, moved, n_customers, model)
    return {_TABLE: ids | found["answers"], PROFILE: found["top"] | found[FEATURES]}


def _no_answers() -> Columns:
    none = np.zeros(0, np.int64)
    return {
        "category": pa.array([], pa.string()),
        "probability": none.astype(float),
        "is_unknown": none.astype(bool),
        "n_described": none,
    }


def _describe(
    memos: Columns, moved: Columns, n_customers: int, model: text.Categoriser
) -> dict[str, Columns]:
    """Return the answers of each stream, and each customer's features and top category."""
    labels = model.predictor.model.dictionary.labels()
    label, probability = model.answers(memos["memo"], memos["direction"])
    found = text.vote(memos["stream"], label, probability, memos["count"], len(moved["customer"]))
    is_unknown = found["probability"] < model.threshold
    believed = np.where(is_unknown, -1, found["label"])
    money = text.money_by_category(
        moved["customer"], believed, moved["amount"], n_customers, len(labels)
    )
    answers = {
        "category": Labelled(found["label"], labels),
        "probability": found["probability"],
        "is_unknown": is_unknown,
        "n_described": found["n_described"],
    }
    top = Labelled(money.pop("top"), labels)
    features = {f"text_{name}": values for name, values in money.items()}
    vectors = _customer_vectors(memos, moved, n_customers, model)
    features |= {f"text_embedding_{axis}": vectors[:, axis] for axis in range(vectors.shape[1])}
    return {"answers": answers, "top": {"text_top_category": top}, FEATURES: features}


def _customer_vectors(
    memos: Columns, moved: Columns, n_customers: int, model: text.Categoriser
) -> np.ndarray:
    """Return the mean embedding of each customer's payments along the axes that tell labels apart.

    Rows are summed by customer and value, so the sum does not depend on their order.
    """
    texts = model.prepared(memos["memo"], memos["direction"])
    projected = model.predictor.embed(texts) @ text.axes(model.predictor.output())
    customer = moved["customer"][memos["stream"]]
    order = np.lexsort((memos["count"], *projected.T[::-1], customer))
    return text.mean_vectors(customer[order], projected[order], memos["count"][order], n_customers)


def _folder(saved: Saved) -> Path:
    return saved.workspace.root / "text"


def check_model(config: Config) -> None:
    """Read the model that ``text.model`` names, if it does.

    Raises
    ------
    ConfigError, InputError
        It is not there, is no fastText model, or has no labels.
    """
    if config.text.model is not None:
        _from_config(config, get_backend("cpu"))


def _from_config(config: Config, backend: Backend) -> text.Categoriser:
    path = (config.base / str(config.text.model)).resolve()
    return _trained(path, backend.name, config.text.threshold)


@lru_cache(maxsize=1)
def _trained(path: Path, device: str, threshold: float | None) -> text.Categoriser:
    """Return a model from disk; a worker reads it once."""
    found = load_model(path, get_backend("gpu" if device == "gpu" else "cpu"))
    if threshold is not None:
        found.card["threshold"] = threshold
    if found.predictor.scorer is None:
        msg = f'{path}: text.model has no labels; train it with kind = "supervised"'
        raise InputError(msg)
    return found


CATEGORIES = Part(
    "categories", "categories of descriptions", tables=(_TABLE,),
    score=_score, fit=_fit, publish=_publish,
)  # fmt: skip
