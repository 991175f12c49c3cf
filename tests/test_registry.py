"""The model registry: what a version holds, aliases, going back, and one version for one model."""

import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from full_disk import files_end_at
from typer.testing import CliRunner

from qfb_gpu._cli.models import _compared
from qfb_gpu.cli import app
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import feed
from qfb_gpu.models import registry, remembered, store, versions, waiting
from qfb_gpu.models.candidate import Candidate, offer, offered
from qfb_gpu.parts import registry as desk

environment = pytest.importorskip("mlflow.utils.environment")  # a machine with a GPU may lack it


def candidate(weight, *, is_champion=True, **changes):
    example = pd.DataFrame({"days": [1.0, 40.0]})
    settings = {
        "name": "churn",
        "loader": "loaded_weight",
        "files": {"model.json": json.dumps({"weight": weight}).encode()},
        "example": example,
        "predicted": pd.DataFrame({"probability": weight * example["days"]}),
        "metrics": {"auc": 0.7 + weight},
        "params": {"seed": 3},
        "card": f"# churn\nweight {weight}",
        "is_champion": is_champion,
        "why": "because",
    }
    return Candidate(**{**settings, **changes})


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Return one store for the file (making it takes seconds): versions 1 to 3, 1 and 3 crowned."""
    out = tmp_path_factory.mktemp("out")
    inputs = {"transactions": {"files": ["a.parquet"]}}
    assert registry.champion(out, "churn") is None
    assert not store.exists(out)  # asking did not make it
    assert registry.log_model(out, candidate(0.01), night="n1", inputs=inputs) == 1
    assert registry.log_model(out, candidate(0.02, is_champion=False), night="n2") == 2
    assert registry.log_model(out, candidate(0.03), night="n3") == 3
    return out


def test_who_may_not_write_a_store_can_list_its_models(output, monkeypatch):
    """It was "attempt to write a readonly database": MLflow writes into what it opens."""
    known, content = versions.versions(output), (output / "mlflow.db").read_bytes()
    ask, places = os.access, (output, output / "mlflow.db")
    monkeypatch.setattr(os, "access", lambda at, mode: at not in places and ask(at, mode))
    monkeypatch.setattr(store, "opened", None)
    assert versions.versions(output) == known
    assert (output / "mlflow.db").read_bytes() == content


def test_a_version_holds_what_a_bank_asks_of_it(output):
    newest, second, first = versions.versions(output)
    assert (newest.aliases, second.aliases, first.aliases) == (("champion",), ("challenger",), ())
    assert first.metrics == {"churn.auc": pytest.approx(0.71)}
    assert first.params == {"seed": "3"}
    assert first.tags["qfb_run"] == "n1"
    assert json.loads(first.tags["data"]) == {"transactions": {"files": ["a.parquet"]}}
    assert first.tags["gate"] == "because"
    assert json.loads((first.files / "model.json").read_text()) == {"weight": 0.01}
    artifacts = first.files.parents[1]
    assert (artifacts / "MODEL_CARD.md").read_text() == "# churn\nweight 0.01"
    assert "qfb-gpu==" in (artifacts / "requirements.txt").read_text()


def test_mlflow_itself_loads_it_checks_the_signature_and_predicts(output):
    import mlflow.pyfunc

    first = versions.versions(output)[-1]
    loaded = mlflow.pyfunc.load_model(str(first.files.parents[1]))
    assert loaded.metadata.signature.inputs.input_names() == ["days"]
    assert loaded.metadata.signature.outputs.input_names() == ["probability"]
    assert loaded.predict(loaded.input_example)["probability"].tolist() == [0.01, 0.4]
    with pytest.raises(Exception, match="days"):
        loaded.predict(pd.DataFrame({"weeks": [1.0]}))


def test_equal_files_are_one_version(output):
    assert registry.log_model(output, candidate(0.02, is_champion=False), night="n9") == 2
    assert len(versions.versions(output)) == 3


def test_back_and_forth(output):
    assert registry.champion(output, "churn").version == 3
    back = versions.rollback(output, "churn")
    assert (back.version, back.aliases, back.is_pinned) == (1, ("champion",), True)
    # a pinned champion is not replaced by a night, whatever its gate says
    assert registry.log_model(output, candidate(0.04), night="n4") == 4
    assert registry.champion(output, "churn").version == 1
    with pytest.raises(ConfigError, match="no champion before"):
        versions.rollback(output, "churn")
    assert versions.promote(output, "churn", 4).aliases == ("champion",)
    assert versions.rollback(output, "churn").version == 1
    versions.release(output, "churn")
    assert registry.log_model(output, candidate(0.05), night="n5") == 5
    assert registry.champion(output, "churn").version == 5


def test_a_champion_that_mlflow_itself_crowned_is_in_the_line(own):
    """Going back went to the last but one of what was written down, not to who served before."""
    versions.promote(own, "churn", 1)
    versions.promote(own, "churn", 3)
    by_mlflow(own)  # crowns 2
    assert versions.rollback(own, "churn").version == 3
    by_mlflow(own)
    versions.promote(own, "churn", 1)
    assert versions.rollback(own, "churn").version == 2


def test_who_is_champion_again_is_no_challenger(own):
    versions.promote(own, "churn", 1)
    versions.promote(own, "churn", 3)
    assert registry.log_model(own, candidate(0.01, is_champion=False), night="n8") == 1
    assert versions.rollback(own, "churn").aliases == ("champion",)


@pytest.mark.parametrize("harm", ["lost", "other", "cut", "emptied"])
def test_a_night_refuses_a_champion_whose_files_are_damaged(own, harm):
    night = own / ".work" / "p9"
    folder = registry.champion(own, "churn", night).files
    file = folder / "model.json"
    content = file.read_bytes()
    if harm == "lost":
        folder.rename(folder.with_name("away"))
    elif harm == "emptied":
        file.unlink()
    else:
        file.write_bytes(content[:-2] if harm == "cut" else content.replace(b"0.0", b"0.9"))
    with pytest.raises(InputError, match="the champion, are (lost|not those).*--promote churn"):
        registry.champion(own, "churn", night)
    assert not registry.is_pinned(own, "churn", own / ".work" / "p10")
    assert registry.champion(own, "churn") is not None  # a list of versions reads no files
    if harm == "lost":
        folder.with_name("away").rename(folder)
    file.write_bytes(content)
    assert registry.champion(own, "churn", night).files == folder


def refused(_output):
    pytest.fail("MLflow was asked")


@pytest.fixture
def own(output, tmp_path):
    """Return a copy of the store that a test may change, its champions asked for once."""
    shutil.copytree(output, tmp_path / "out")
    assert registry.champion(tmp_path / "out", "churn") is not None
    return tmp_path / "out"


def test_champions_are_remembered_and_mlflow_is_not_asked_again(own, monkeypatch):
    with store.opened(own) as client:
        asked = versions.note_champions(client, own)["churn"]
    monkeypatch.setattr(store, "opened", refused)
    assert registry.champion(own, "churn") == asked
    assert asked.files.is_dir()
    assert registry.champion(own, "nobody") is None
    assert registry.is_pinned(own, "churn") == asked.is_pinned
    own.rename(own.with_name("moved"))
    moved = registry.champion(own.with_name("moved"), "churn")
    assert moved.files == own.with_name("moved") / asked.files.relative_to(own)


def by_hand(out):
    desk.promote(out, "churn", 2)


def by_mlflow(out):
    import mlflow

    uri = f"sqlite:///{out / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.set_registered_model_alias("churn", "champion", "2")


def by_a_night(out):
    registry.log_model(out, candidate(0.02), night="n7")


@pytest.mark.parametrize("promote", [by_hand, by_mlflow, by_a_night])
def test_whatever_changes_the_registry_voids_what_was_remembered(own, promote):
    versions.promote(own, "churn", 3)
    versions.release(own, "churn")
    assert registry.champion(own, "churn").version == 3
    promote(own)
    assert remembered.recall(own) is None
    found = registry.champion(own, "churn")
    assert (found.version, found.is_pinned) == (2, promote is by_hand)
    assert remembered.recall(own) == {"churn": found}


@pytest.mark.parametrize("content", [b"", b"{}", b'{"stamp": "x", "champions": {}}', b"\xff"])
def test_what_cannot_be_read_is_asked_for(own, content):
    found = registry.champion(own, "churn")
    (own / "mlflow.champions.json").write_bytes(content)
    assert remembered.recall(own) is None
    assert registry.champion(own, "churn") == found


def test_nothing_is_remembered_while_the_store_is_being_written(own):
    found, stamp = registry.champion(own, "churn"), remembered.stamp_of(own)
    (own / "mlflow.db-wal").write_bytes(b"more")
    assert remembered.recall(own) is None
    (own / "mlflow.champions.json").unlink()
    remembered.remember(own, stamp, {"churn": found})
    assert not (own / "mlflow.champions.json").exists()


def test_a_night_leaves_its_champions_to_the_next(own, tmp_path, monkeypatch):
    work, report = own / ".work" / "n8", tmp_path / "report.html"
    report.write_text("<p>", encoding="utf-8")
    versions.release(own, "churn")
    offer(work, candidate(0.08))
    registry.log_run(own, registry.note_of("n8", {}, {}, {}, {}), report)
    monkeypatch.setattr(store, "opened", refused)
    assert registry.champion(own, "churn").tags["qfb_run"] == "n8"


def test_an_unknown_model_or_version_is_said_with_those_there_are(output):
    with pytest.raises(ConfigError, match="no model 'chrun'; it has churn"):
        versions.promote(output, "chrun", 1)
    with pytest.raises(ConfigError, match="has no version 77; it has"):
        versions.promote(output, "churn", 77)


def test_a_night_logs_the_models_it_offered(output):
    offer(output / ".work" / "n6", candidate(0.06, name="other", is_champion=False))
    report = output / "report.html"
    report.write_text("<html>")
    note = registry.note_of("n6", {"a": "b"}, {"rows": 1}, {"transactions": {"rows": 7}}, {})
    registry.log_run(output, note, report)
    other = [version for version in versions.versions(output) if version.name == "other"]
    assert [version.tags["qfb_run"] for version in other] == ["n6"]
    assert json.loads(other[0].tags["data"]) == {"transactions": {"rows": 7}}
    assert registry.champion(output, "other") is None  # it did not pass, and there is no other
    with store.opened(output) as client:
        [night] = client.search_runs(["1"], "attributes.run_name = 'n6'")
    assert night.data.tags["model.other"] == "1"


def test_what_is_offered_comes_back_and_replaces_what_was(tmp_path):
    offer(tmp_path, candidate(0.5))
    offer(tmp_path, candidate(0.25))
    [back] = offered(tmp_path)
    want = candidate(0.25)
    assert back.files == want.files
    assert back.digest() == want.digest() != candidate(0.5).digest()
    np.testing.assert_array_equal(back.example, want.example)
    np.testing.assert_array_equal(back.predicted, want.predicted)
    for name in ("name", "loader", "metrics", "params", "card", "is_champion", "why", "kind"):
        assert getattr(back, name) == getattr(want, name)
    assert offered(tmp_path / "nothing") == []


def test_a_replay_begins_with_the_champions_of_its_night(output, tmp_path):
    report = output / "report.html"
    report.write_text("<html>")

    def night(name, weight):
        offer(output / ".work" / name, candidate(weight, name="kept"))
        registry.log_run(output, registry.note_of(name, {}, {}, {}, {}), report)

    night("k1", 0.1)
    night("k2", 0.2)
    assert registry.champion(output, "kept").version == 2
    for name, before in (("k1", None), ("k2", 1)):
        copy = tmp_path / name
        shutil.copytree(output, copy)
        versions.restore(copy, name)
        found = registry.champion(copy, "kept")
        assert (found and found.version) == before
        if found:
            assert json.loads((found.files / "model.json").read_text()) == {"weight": 0.1}
    assert registry.champion(output, "kept").version == 2  # the original is as it was


def test_who_is_promoted_between_a_night_that_died_and_its_resume_is_champion_from_the_next(
    own, tmp_path
):
    """Churn went by the one, the next product by the other, and a replay by neither."""
    versions.promote(own, "churn", 1)
    versions.release(own, "churn")
    night, report = own / ".work" / "p1", tmp_path / "report.html"
    report.write_text("<p>", encoding="utf-8")
    assert registry.champion(own, "churn", night).version == 1
    assert registry.champion(own, "nobody", night) is None
    versions.promote(own, "churn", 3)
    assert registry.champion(own, "churn", night).version == 1
    assert not registry.is_pinned(own, "churn", night)
    assert registry.champion(own, "churn", own / ".work" / "p2").version == 3
    offer(night, candidate(0.02))  # what the night's gate lets pass replaces nobody's choice
    registry.log_run(own, registry.note_of("p1", {}, {}, {}, {}), report)
    assert registry.champion(own, "churn").version == 3
    versions.restore(own, "p1")
    assert registry.champion(own, "churn").version == 1
    assert not registry.is_pinned(own, "churn")


def test_a_night_that_began_without_a_model_goes_on_without(own):
    night = own / ".work" / "p3"
    (own / "mlflow.db").rename(own / "later.db")
    assert registry.champion(own, "churn", night) is None
    (own / "later.db").rename(own / "mlflow.db")
    assert registry.champion(own, "churn", night) is None


def registered_by_hand(out, name):
    import mlflow

    uri = f"sqlite:///{out / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    if name != "churn":
        client.create_registered_model(name)
    number = client.create_model_version(name, source=str(out)).version
    client.set_registered_model_alias(name, "champion", number)
    return int(number)


def test_a_champion_that_was_registered_by_hand_is_said_and_nothing_is_lost(own):
    """It ended a night, and every `qfb models`, with a KeyError."""
    night = own / ".work" / "p12"
    number = registered_by_hand(own, "churn")
    assert registry.champion(own, "next_product", night) is None  # who does not ask goes on
    for _ in range(2):
        with pytest.raises(InputError, match=rf"churn {number} was .* by hand.*--promote churn"):
            registry.champion(own, "churn", night)
    with pytest.raises(ConfigError, match=r"by hand.*registered: \d"):
        versions.promote(own, "churn", number)
    shown = CliRunner().invoke(app, ["models", str(own)], env={"COLUMNS": "300"})
    assert shown.exit_code == 0
    assert "registered by hand" in shown.output
    (own / "report.html").write_text("report")
    registry.log_run(own, registry.note_of("p12", {}, {}, {}, {}), own / "report.html")
    versions.promote(own, "churn", 1)
    assert registry.champion(own, "churn", night).version == 1
    versions.promote(own, "churn", 3)
    assert registry.champion(own, "churn", night).version == 1  # the night keeps to it
    with store.opened(own) as client:
        client.set_registered_model_alias("churn", "champion", str(number))
    versions.promote(own, "churn", 2)
    with pytest.raises(ConfigError, match="by hand"):
        versions.rollback(own, "churn")
    assert registry.champion(own, "churn").version == 2


@pytest.mark.parametrize("named", ["m-nobody", "a/b 张", "deleted"])
def test_a_model_id_that_names_no_logged_model_is_said(own, named):
    """MLflow's error ended `qfb models` and every night, of models of other names, too."""
    with store.opened(own) as client:
        if named == "deleted":
            named = registry.champion(own, "churn").model_id
            client.delete_logged_model(named)
        client.set_model_version_tag("churn", "1", "model_id", named)
        client.set_registered_model_alias("churn", "champion", "1")
    night = own / ".work" / "p14"
    assert registry.champion(own, "next_product", night) is None
    said = rf"churn 1: expected its tag `model_id` .*'{named}' names none .*--promote churn"
    with pytest.raises(InputError, match=said):
        registry.champion(own, "churn", night)
    with pytest.raises(ConfigError, match="names none .* a night registered: [2-9]"):
        versions.promote(own, "churn", 1)
    shown = CliRunner().invoke(app, ["models", str(own)], env={"COLUMNS": "300"})
    assert shown.exit_code == 0
    assert "its model_id names no model" in shown.output


def test_a_bank_s_own_model_in_the_store_is_left_alone(own):
    before = registry.champion(own, "churn").version
    registered_by_hand(own, "fraud")
    assert registry.champion(own, "churn", own / ".work" / "p13").version == before
    assert "fraud" in {one.name for one in versions.versions(own)}


def test_a_replay_that_was_stopped_goes_on(output, tmp_path, monkeypatch):
    """The same command again said that its folder is there already."""
    row = {"stages": "{}", "settings": json.dumps({
        "as_of": "2024-12-31", "output": "out", "device": "cpu",
        "sources": {"transactions": {"path": "t.csv"}}})}  # fmt: skip
    monkeypatch.setattr(desk, "run_row", lambda *_: row)
    into = tmp_path / "again"
    with monkeypatch.context() as patch:
        patch.setattr(desk, "restore", refused)
        with pytest.raises(TypeError):
            desk.replay_config(output, "k1", into)
    assert not into.exists()
    first = desk.replay_config(output, "k1", into)
    assert (into / "mlflow.db").is_file()
    (into / "lake").mkdir()
    assert desk.replay_config(output, "k1", into) == first
    assert (into / "lake").is_dir()
    assert [p.name for p in tmp_path.iterdir()] == ["again"]
    for other in ("k2", "k1"):
        with pytest.raises(ConfigError, match="is there already"):
            desk.replay_config(output, other, into)
        (into / "replay.json").unlink(missing_ok=True)


def test_a_replay_of_a_night_after_a_retry_says_so(monkeypatch, capsys, tmp_path):
    """It said that the version of qfb-gpu had changed."""
    files = {"files": [{"name": "t.csv", "identity": "1:2", "part": 0}], "mapping": "m"}
    row = {"as_of": "2024-12-31", "versions": "{}"}
    rows = {
        "k1": {**row, "inputs": json.dumps({"transactions": {**files, "retried": 2}})},
        "k2": {**row, "inputs": json.dumps({"transactions": files})},
        "k3": {**row, "inputs": json.dumps({"transactions": {**files, "mapping": "n"}})},
    }
    monkeypatch.setattr(desk, "run_row", lambda _, run_id: rows[run_id])
    monkeypatch.setattr(desk, "compare", lambda *_: {"rejects": True})
    _compared(tmp_path, tmp_path, "k1", "k2")
    said = capsys.readouterr().out
    assert "sources.transactions: before that night rejected rows had been tried again" in said
    assert "1 of 1 gold tables are equal" in said
    with pytest.raises(InputError, match="sources.transactions changed since"):
        _compared(tmp_path, tmp_path, "k1", "k3")


def test_a_replay_of_a_night_that_read_a_change_feed_says_so(tmp_path, monkeypatch, capsys):
    """It said that the source had changed, and to restore what it was."""
    root = tmp_path / "payments"
    table = pa.table({"txn_id": ["1", "2"], "amount": ["1.00", "2.00"]})
    write_deltalake(str(root), table, configuration={"delta.enableChangeDataFeed": "true"})
    write_deltalake(str(root), table, mode="append")
    changes = feed.fetch(root, 1, 1, 0, tmp_path / "feed.arrows")

    def row(name, numpy="2"):
        files = [{"name": name, "identity": "1", "part": 0}]
        inputs = {"claims": {"files": []}, "transactions": {"files": files}}
        return {"inputs": json.dumps(inputs), "versions": json.dumps({"numpy": numpy}),
                "as_of": "2024-12-31"}  # fmt: skip

    rows = {"a": row(changes.name), "b": row("payments/part-0.parquet")}
    assert desk.fed_inputs(rows["a"]) == ["sources.transactions"]
    assert desk.fed_inputs(rows["b"]) == []
    monkeypatch.setattr(desk, "run_row", lambda _folder, name: rows[name])
    monkeypatch.setattr(desk, "compare", lambda *_: {"orders": True, "segments": False})
    _compared(tmp_path, tmp_path / "again", "a", "b")
    said = " ".join(capsys.readouterr().out.split())
    assert "sources.transactions: that night read changes of a Delta table" in said
    assert "1 of 2 gold tables are equal" in said
    with pytest.raises(InputError, match="sources.transactions changed since"):
        _compared(tmp_path, tmp_path / "again", "b", "a")  # files then, a feed now
    rows["b"] = row("payments/part-0.parquet", "3")
    with pytest.raises(InputError, match="not a\\): numpy changed since"):
        _compared(tmp_path, tmp_path / "again", "a", "b")


def test_what_differs_from_a_night_and_where_its_config_stood(tmp_path):
    before = {"inputs": '{"claims": {"rows": 1}, "orders": {}}', "versions": '{"numpy": "2"}'}
    now = {"inputs": '{"claims": {"rows": 2}, "orders": {}}', "versions": '{"numpy": "3"}'}
    assert desk.differing_inputs(before, now) == ["sources.claims", "numpy"]
    assert desk.differing_inputs(now, now) == []
    assert desk._base(tmp_path / "a" / "out" / "x", "out/x") == (tmp_path / "a").resolve()
    assert desk._base(tmp_path / "a" / "moved", "out") == (tmp_path / "a").resolve()
    home = (tmp_path / "home").resolve()
    for folder, relative, kept in (
        (tmp_path / "out" / "x", "../out/x", "../../home"),
        (tmp_path / "far" / "x", str(tmp_path.resolve() / "far" / "x"), "../../home"),
        (home / "out", "out", ".."),
    ):
        assert desk._base(folder, relative, kept) == home
    assert desk._base(tmp_path / "a" / "moved", "out", "../home") == (tmp_path / "a").resolve()


def test_the_command_lists_goes_back_and_says_what_is_wrong(output, tmp_path):
    def said(*arguments):
        return CliRunner().invoke(app, ["models", *map(str, arguments)])

    assert "no model yet" in said(tmp_path).output
    listed = said(output).output
    assert "champion" in listed
    assert "auc 0." in listed
    assert "transactions" in listed
    before = registry.champion(output, "churn").version
    assert "is champion from the next night on" in said(output, "--rollback", "churn").output
    assert registry.champion(output, "churn").version != before
    said(output, "--promote", "churn", before)
    assert registry.champion(output, "churn").version == before
    assert isinstance(said(output, "--rollback", "nobody").exception, ConfigError)


def test_an_update_is_logged_with_the_next_night(tmp_path):
    output = tmp_path / "out"
    report = output / "report.html"
    output.mkdir()

    def log(how, name, rows):
        report.write_text(f"<html>{name}")
        inputs = {"transactions": {"rows": rows}}
        note = registry.note_of(name, {"a": name}, {"rows": rows}, inputs, {"k": rows})
        how(output, note, report)

    log(registry.log_later, "u1", 1)
    log(registry.log_later, "u1", 2)  # the first died before it was done
    log(registry.log_later, "u2", 3)
    assert not store.exists(output)
    log(registry.log_run, "n1", 4)
    assert waiting.folders(output) == []
    with store.opened(output) as client:
        found = client.search_runs([store.experiment(client, output)])
        runs = {run.info.run_name: run for run in found}
        assert {name: run.data.metrics["rows"] for name, run in runs.items()} == {
            "u1": 2, "u2": 3, "n1": 4,
        }  # fmt: skip
        for name, run in runs.items():
            assert run.data.params == {"a": name}
            assert run.info.status == "FINISHED"
            page = client.download_artifacts(run.info.run_id, "report.html", str(tmp_path))
            assert Path(page).read_text() == f"<html>{name}"
    assert runs["u1"].info.end_time <= runs["u2"].info.start_time <= runs["n1"].info.start_time


def test_a_store_made_beside_is_there_when_it_is_opened(tmp_path):
    store.opened_beside(tmp_path)
    with store.opened(tmp_path) as client:
        assert store.exists(tmp_path)
        store.experiment(client, tmp_path)
    assert not (tmp_path / ".work" / "mlflow.db").exists()
    store.opened_beside(tmp_path)
    with store.opened(tmp_path) as client:
        assert client.get_experiment_by_name(store.EXPERIMENT) is not None


def test_saving_a_model_leaves_mlflow_as_it_was():
    check = environment.warn_dependency_requirement_mismatches
    with registry._unchecked():
        assert environment.warn_dependency_requirement_mismatches is not check
    assert environment.warn_dependency_requirement_mismatches is check


def test_one_change_of_a_champion_at_a_time(output):
    """The first was made, then the second was refused."""
    before = [one.aliases for one in versions.versions(output)]
    asked = ["models", str(output), "--promote", "churn", "2", "--rollback", "nobody"]
    stopped = CliRunner().invoke(app, asked)
    assert isinstance(stopped.exception, InputError)
    assert "at a time; nothing was changed" in str(stopped.exception)
    assert [one.aliases for one in versions.versions(output)] == before
    released = CliRunner().invoke(app, ["models", str(output), "--release", "churn"])
    assert "churn: from the next night on the gate chooses" in released.output


def test_a_night_that_died_as_it_was_logged_is_not_under_way_for_ever(tmp_path, monkeypatch):
    """Its run stood there as RUNNING beside the one of the same command again."""
    report = tmp_path / "report.html"
    report.write_text("x", encoding="utf-8")
    note = registry.note_of("n7", {}, {"rows": 1.0}, {}, {})
    with store.opened(tmp_path) as client:
        kind = type(client)

    def full(*_arguments, **_named):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(kind, "log_text", full)
        with pytest.raises(OSError, match="No space"):
            registry.log_run(tmp_path, note, report)
    registry.log_run(tmp_path, note, report)
    with store.opened(tmp_path) as client:
        found = client.search_runs(
            [store.experiment(client, tmp_path)], "attributes.run_name = 'n7'"
        )
    assert sorted(run.info.status for run in found) == ["FAILED", "FINISHED"]


def test_what_sqlite_says_is_not_told_by_a_hundred_lines_of_mlflow(tmp_path, caplog):
    """MLflow logged a traceback with the values of the row; the error that it raises is told anyway."""
    with store.opened(tmp_path), caplog.at_level("WARNING"):
        logging.getLogger("mlflow.store.db.utils").error("a hundred lines")
    assert caplog.text == ""


@pytest.mark.parametrize("lost", ["deleted", "no files", "other bytes"])
def test_a_refit_is_not_taken_for_a_version_that_cannot_serve(own, lost):
    """It was crowned, and every night from then on ended with a line that it names no model."""
    twin = next(
        one for one in versions.versions(own) if one.tags["digest"] == candidate(0.02).digest()
    )
    with store.opened(own) as client:
        if lost == "deleted":
            client.delete_logged_model(twin.model_id)
    if lost == "no files":
        shutil.rmtree(twin.files)
    elif lost == "other bytes":
        (twin.files / "model.json").write_text("{}", encoding="utf-8")
    versions.release(own, "churn")
    again = registry.log_model(own, candidate(0.02), night="p20")
    assert again > max(one.version for one in versions.versions(own) if one.version != again)
    assert registry.log_model(own, candidate(0.02), night="p21") == again
    champion = registry.champion(own, "churn", own / ".work" / "p22")
    assert champion.version == again
    assert json.loads((champion.files / "model.json").read_text()) == {"weight": 0.02}


def test_a_replay_of_a_night_that_was_run_again_begins_with_its_last_champions(own, tmp_path):
    """It began with those of the first time: the gate judged otherwise, and tables differed."""
    report = tmp_path / "report.html"
    report.write_text("<p>", encoding="utf-8")
    for number in (1, 3):
        versions.promote(own, "churn", number)
        registry.log_run(own, registry.note_of("p30", {}, {}, {}, {}), report)
    with store.opened(own) as client:
        died = client.create_run(store.experiment(client, own), run_name="p30").info.run_id
        client.set_terminated(died, "FAILED")
    versions.promote(own, "churn", 2)
    versions.restore(own, "p30")
    assert registry.champion(own, "churn").version == 3


def test_what_is_remembered_needs_no_room(own):
    """A cache that could not be written stopped a night, and left its draft."""
    found, stamp = registry.champion(own, "churn"), remembered.stamp_of(own)
    (own / "mlflow.champions.json").unlink()
    with files_end_at(10):
        remembered.remember(own, stamp, {"churn": found})
    assert not list(own.glob("*mlflow.champions*"))
    assert remembered.recall(own) is None


def test_a_replay_takes_the_device_that_is_asked_for(output, tmp_path, monkeypatch, capsys):
    """A night of a GPU could not be repeated where there is none."""
    row = {"stages": "{}", "settings": json.dumps({
        "as_of": "2024-12-31", "output": "out", "device": "gpu",
        "sources": {"transactions": {"path": "t.csv"}}})}  # fmt: skip
    monkeypatch.setattr(desk, "run_row", lambda *_: row)
    for n, (asked, given) in enumerate([(None, "gpu"), ("cpu", "cpu"), ("auto", "auto")]):
        assert desk.replay_config(output, "k1", tmp_path / f"{n}", asked).device == given
    with pytest.raises(ConfigError, match="run k1: key 'device'"):
        desk.replay_config(output, "k1", tmp_path / "x", "tpu")
    rows = {"k1": {"device": "gpu: H100", "as_of": "2024-12-31"},
            tmp_path: {"device": "cpu: EPYC", "as_of": "2024-12-31"}}  # fmt: skip
    monkeypatch.setattr(desk, "run_row", lambda folder, _: rows.get(folder, rows["k1"]))
    monkeypatch.setattr(desk, "compare", lambda *_: {"segments": False})
    _compared(output, tmp_path, "k1", "k1")
    said = " ".join(capsys.readouterr().out.split())
    assert "That night ran on gpu: H100, its replay on cpu: EPYC" in said
    _compared(output, output, "k1", "k1")
    assert "That night ran on" not in capsys.readouterr().out


def test_a_replay_without_room_names_the_copy_and_leaves_nothing(own, tmp_path, monkeypatch):
    """It ended with exit code 1 and a list of all files, and a hidden folder kept the room."""
    row = {"stages": "{}", "settings": json.dumps({
        "as_of": "2024-12-31", "output": "out", "device": "cpu",
        "sources": {"transactions": {"path": "t.csv"}}})}  # fmt: skip
    monkeypatch.setattr(desk, "run_row", lambda *_: row)
    database = (own / "mlflow.db").stat().st_size
    (own / "mlartifacts" / "large").write_bytes(b"x" * (database + 2_000_000))
    there = {path.name for path in tmp_path.iterdir()}
    with files_end_at(database + 1_000_000), pytest.raises(OSError, match="large") as said:
        desk.replay_config(own, "k1", tmp_path / "again")
    assert ".again.draft" in str(said.value.filename)
    assert {path.name for path in tmp_path.iterdir()} == there
    assert desk.replay_config(own, "k1", tmp_path / "again").device == "cpu"
