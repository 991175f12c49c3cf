"""Text models beside the library: the same answers, and how many texts a second.

``python benchmarks/text.py`` trains the tutorial's model on ``cooking`` (QFB_DATA, else ../shared/
data) and a model of generated descriptions, checks that every answer is the library's, and times
both on distinct texts: one thread, then two (the library holds Python's lock, so two processes).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

import fasttext
import numba
import numpy as np
import pyarrow as pa
from results_file import ResultsFile

from qfb_gpu._config.text import TextTraining
from qfb_gpu.backend import get_backend
from qfb_gpu.models import text
from qfb_gpu.portfolio import generate_portfolio

ROOT = Path(__file__).parents[1]
TUTORIAL = {"lr": 1.0, "epoch": 25, "wordNgrams": 2}
_LIBRARY: list[fasttext.FastText._FastText] = []


def cooking(folder: Path, work: Path):
    """Return the tutorial's model file, its questions and the labels of each."""
    model = fasttext.train_supervised(
        str(folder / "cooking.train"), thread=1, verbose=0, **TUTORIAL
    )
    model.save_model(str(work / "cooking.bin"))
    lines = (folder / "cooking.valid").read_text(encoding="utf-8").splitlines()
    texts = [
        " ".join(w for w in line.split(" ") if not w.startswith("__label__")) for line in lines
    ]
    truth = [
        {w.removeprefix("__label__") for w in line.split(" ") if w.startswith("__label__")}
        for line in lines
    ]
    return work / "cooking.bin", texts, truth


def generated(work: Path, loss: str, customers: int):
    """Return a model file of generated descriptions, and distinct descriptions."""
    tables = generate_portfolio(customers, 5, tables=["transactions"])
    rows = tables["transactions"]
    memo = pa.array(rows["memo"], pa.string())
    found = text.examples(
        memo,
        pa.array(rows["category"], pa.string()),
        pa.array(rows["counterparty_id"], pa.string()),
    )
    settings = TextTraining(max_rows=20_000, epoch=5, test_share=0, loss=loss)
    learned = text.learn(found, settings, get_backend("cpu"))
    path = work / f"{loss}.bin"
    path.write_bytes(text.write_model(learned.model))
    return path, text.normalise(memo.drop_null()).unique().to_pylist()


def equal(path: Path, texts: list[str]) -> dict[str, float]:
    """Return how many answers differ from the library's, and by how much probabilities do."""
    model = fasttext.load_model(str(path))
    labels, chances = model.predict(texts)
    found = text.load_predictor(text.read_model(path.read_bytes()), get_backend("cpu")).predict(
        texts
    )
    mine = [found.labels[c] if c >= 0 else None for c in found.label[:, 0]]
    names = [n[0].removeprefix("__label__").replace("\u00a0", " ") if n else None for n in labels]
    gap = max(
        abs(p[0] - q) for p, q in zip(chances, found.probability[:, 0], strict=True) if len(p)
    )
    return {"texts": len(texts), "different": sum(a != b for a, b in zip(mine, names, strict=True)),
            "largest_gap": float(gap)}  # fmt: skip


def precision_at_1(path: Path, texts: list[str], truth: list[set[str]]) -> dict[str, float]:
    found = text.load_predictor(text.read_model(path.read_bytes()), get_backend("cpu")).predict(
        texts
    )
    ours = np.mean([found.labels[c] in t for c, t in zip(found.label[:, 0], truth, strict=True)])
    labels, _ = fasttext.load_model(str(path)).predict(texts)
    library = np.mean(
        [n[0].removeprefix("__label__") in t for n, t in zip(labels, truth, strict=True)]
    )
    return {"qfb": float(ours), "library": float(library)}


def seconds(run, times: int = 5) -> float:
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _answer(texts: list[str]) -> int:
    return len(_LIBRARY[0].predict(texts)[0])


def speeds(path: Path, texts: list[str]) -> dict[str, float]:
    """Return distinct texts a second of the library and of our path."""
    texts = (texts * (1 + 20_000 // len(texts)))[:20_000]
    distinct = [f"{t} {i % 7}" for i, t in enumerate(texts)]
    arrow = pa.array(distinct)
    n = len(arrow.unique())
    _LIBRARY[:] = [fasttext.load_model(str(path))]
    predictor = text.load_predictor(text.read_model(path.read_bytes()), get_backend("cpu"))
    found = {"library, 1 thread": len(distinct) / seconds(lambda: _answer(distinct))}
    halves = [distinct[::2], distinct[1::2]]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found["library, 2 processes"] = len(distinct) / seconds(lambda: pool.map(_answer, halves))
    n_cores = numba.config.NUMBA_NUM_THREADS
    for threads in (1, 2):
        numba.config.NUMBA_NUM_THREADS = min(threads, n_cores)
        found[f"qfb, {threads} threads"] = n / seconds(lambda: predictor.predict(arrow))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--customers", type=int, default=150)
    chosen = parser.parse_args()
    data = Path(os.environ.get("QFB_DATA", ROOT.parent / "shared" / "data")) / "cooking"
    results = ResultsFile.open(chosen.out, "text", {"customers": chosen.customers})
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cases = {
            f"generated, {loss}": generated(work, loss, chosen.customers)
            for loss in ("softmax", "ova")
        }
        if data.is_dir():
            path, texts, truth = cooking(data, work)
            cases["cooking"] = path, texts
            results.append({"case": "cooking", "p_at_1": precision_at_1(path, texts, truth)})
        for name, (path, texts) in cases.items():
            run = {"case": name, "equality": equal(path, texts), "texts_per_s": speeds(path, texts)}
            results.append(run)
            print(run)
    print(results.path)


if __name__ == "__main__":
    main()
