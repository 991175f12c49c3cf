"""Versions of the registered models: who is champion, who was, and back.

Aliases, not stages: ``champion`` is the version whose scores are published, ``challenger`` the
newest that the gate did not let pass. The tag ``champions`` of a registered model lists its
champions in the order they came, so going back is one step; ``pinned`` says that a person chose
the champion, and then no night replaces it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qfb_gpu._schema.output import LOGGED, STORE
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.models import remembered, store
from qfb_gpu.models.candidate import digest_of
from qfb_gpu.models.remembered import Version

if TYPE_CHECKING:
    from pathlib import Path

CHAMPION, CHALLENGER = "champion", "challenger"
HISTORY, PINNED = "champions", "pinned"
BEFORE = "champions_before"
"""Tag of a night's MLflow run: JSON of each model to its champion and pin when it began."""
DATA_FOLDER = "model"
"""The folder of a model's own files inside its artifacts (under MLflow's ``data``)."""


def champion(output: Path, name: str, night: Path | None = None) -> Version | None:
    """Return the champion of a model, None where there is none.

    MLflow is asked only where there is a store that has changed since it was asked last.

    Parameters
    ----------
    output : Path
    name : str
    night : Path, optional
        The workspace of the night that asks. Who was champion when it first asked is so for all of
        it, however often it is stopped and gone on with: who is promoted meanwhile is champion
        from the next night on.

    Raises
    ------
    InputError
        A night asks, and the champion was registered by hand, or its files are lost or are not
        those that were logged.
    """
    found = _champion(output, name, night)
    if night is not None and found is not None:
        _refuse_damaged(found, output, night)
    return found


def _champion(output: Path, name: str, night: Path | None) -> Version | None:
    if night is None:
        return _champions(output).get(name)
    known = remembered.of_night(output, night)
    if known is None:
        known = remembered.keep_for_night(output, night, _champions(output))
    found = known.get(name)
    if found is None or not found.is_by_hand:
        return found
    now = _champions(output).get(name)  # the night was refused with it: another may be there now
    if now is not None and now.is_by_hand:
        raise InputError(_by_hand(now, f"Choose another with `qfb models {output} --promote {name} "
                                       "VERSION` and run the night again"))  # fmt: skip
    others = {key: one for key, one in known.items() if key != name}
    remembered.keep_instead(output, night, others if now is None else {**others, name: now})
    return now


def _by_hand(version: Version, what_to_do: str) -> str:
    if named := version.tags.get("model_id"):
        return (
            f"model {version.name} {version.version}: expected its tag `model_id` to name a logged "
            f"model of {STORE}, by which qfb finds a model's files; {named!r} names none (it was "
            f"set by hand, or that model was deleted in MLflow). {what_to_do}"
        )
    return (
        f"model {version.name} {version.version} was registered in MLflow by hand: expected the "
        f"tag `model_id`, by which qfb finds a model's files, found none. {what_to_do}"
    )


def _refuse_damaged(version: Version, output: Path, night: Path) -> None:
    """Raise where the files of a version are not those of its digest."""
    files = _files(version.files)
    if _are_as_logged(files, version.tags):
        return
    what = "are not those that were logged" if files else "are lost"
    msg = (
        f"{version.files}: files of {version.name} {version.version}, the champion, {what}. Put a "
        f"copy of them back; or choose another with `qfb models {output} --promote {version.name} "
        f"VERSION` and delete {night}, where this night keeps to the one it began with"
    )
    raise InputError(msg)


def _files(folder: Path) -> dict[str, bytes]:
    """Return the files of a version; none where their folder is lost."""
    try:
        return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    except FileNotFoundError:
        return {}


def _are_as_logged(files: dict[str, bytes], tags: dict[str, str]) -> bool:
    return bool(files) and digest_of(files) == tags.get("digest", digest_of(files))


def can_serve(client: Any, output: Path, found: Any) -> bool:
    """Say whether a version of MLflow's has its logged model still, and the files of that."""
    logged = _logged(client, found.tags.get("model_id", ""))
    return logged is not None and _are_as_logged(
        _files(_folder_of(output, logged.model_id)), found.tags
    )


def _champions(output: Path) -> dict[str, Version]:
    if not store.exists(output):
        return {}
    known = remembered.recall(output)
    if known is None:
        with store.opened(output) as client:
            known = note_champions(client, output)
    return known


def note_champions(client: Any, output: Path) -> dict[str, Version]:
    """Ask for the champion of every model that has one, and remember the answer."""
    stamp, found = remembered.stamp_of(output), {}
    for registered in client.search_registered_models():
        full = client.get_registered_model(registered.name)
        if CHAMPION in full.aliases:
            found[full.name] = _version(client, output, full, full.aliases[CHAMPION])
    remembered.remember(output, stamp, found)
    return found


def is_pinned(output: Path, name: str, night: Path | None = None) -> bool:
    """Say whether a person chose the champion of a model, so that no night replaces it."""
    found = _champion(output, name, night)
    return found is not None and found.is_pinned


def versions(output: Path) -> list[Version]:
    """Return every version of every model, by name, the newest first."""
    if not store.exists(output):
        return []
    with store.opened_to_read(output) as client:
        found = []
        for registered in client.search_registered_models():
            known = client.search_model_versions(f"name = '{registered.name}'")
            numbers = sorted((int(v.version) for v in known), reverse=True)
            full = client.get_registered_model(registered.name)
            found += [_version(client, output, full, number) for number in numbers]
        return sorted(found, key=lambda v: (v.name, -v.version))


def promote(output: Path, name: str, version: int) -> Version:
    """Make a version the champion by hand: it stays until someone chooses again.

    Raises
    ------
    ConfigError
        There is no such model or version, or it was registered by hand.
    """
    known = _known(output, name)
    if version not in [v.version for v in known]:
        numbers = ", ".join(str(v.version) for v in known)
        msg = f"model {name} has no version {version}; it has {numbers}"
        raise ConfigError(msg)
    _refuse_by_hand(known, version)
    with store.opened(output) as client:
        crown(client, name, version)
        client.set_registered_model_tag(name, PINNED, "true")
    return _one(output, name, version)


def release(output: Path, name: str) -> None:
    """Let the nights' gate choose the champion again."""
    _known(output, name)
    with store.opened(output) as client:
        client.set_registered_model_tag(name, PINNED, "false")


def rollback(output: Path, name: str) -> Version:
    """Make the champion before this one champion again, and keep the nights from replacing it.

    Raises
    ------
    ConfigError
        There is no such model, or it had no champion before, or that was registered by hand.
    """
    known = _known(output, name)
    history = known[0].history
    if len(history) <= 1:
        msg = f"model {name} had no champion before; `qfb models OUT` lists its versions"
        raise ConfigError(msg)
    before = history[-2]
    _refuse_by_hand(known, before)
    with store.opened(output) as client:
        client.set_registered_model_tag(name, HISTORY, json.dumps(history[:-1]))
        client.set_registered_model_alias(name, CHAMPION, str(before))
        _no_challenger(client, client.get_registered_model(name), before)
        client.set_registered_model_tag(name, PINNED, "true")
    return _one(output, name, before)


def standing(client: Any, output: Path, night: Path) -> str:
    """Return each model's champion, history and pin as JSON: what a replay puts back.

    Those that a night went by, as its workspace has them; else as they are now.
    """
    kept = remembered.of_night(output, night)
    if kept is None:
        names = [model.name for model in client.search_registered_models()]
        models = [client.get_registered_model(name) for name in names]
        found = {
            one.name: (one.aliases.get(CHAMPION), _lineage(one), one.tags.get(PINNED, "false"))
            for one in models
        }
    else:
        found = {
            one.name: (str(one.version), list(one.history), str(one.is_pinned).lower())
            for one in kept.values()
        }
    stood = {
        name: {CHAMPION: champion, HISTORY: json.dumps(history), PINNED: pinned}
        for name, (champion, history, pinned) in found.items()
    }
    return json.dumps(stood, sort_keys=True)


def restore(output: Path, night: str) -> None:
    """Put every model's champion back to what it was before a night; later models have none."""
    with store.opened(output) as client:
        where = [store.experiment(client, output)]
        runs = client.search_runs(
            where, f"attributes.run_name = '{night}'", order_by=["attributes.start_time DESC"]
        )  # of one that was run again after another the last time is what stands
        runs = [run for run in runs if run.info.status == "FINISHED"] or runs
        before = json.loads(runs[0].data.tags.get(BEFORE, "{}")) if runs else {}
        for model in client.search_registered_models():
            was = before.get(model.name, {})
            client.set_registered_model_tag(model.name, HISTORY, was.get(HISTORY, "[]"))
            client.set_registered_model_tag(model.name, PINNED, was.get(PINNED, "false"))
            if was.get(CHAMPION):
                client.set_registered_model_alias(model.name, CHAMPION, str(was[CHAMPION]))
            elif CHAMPION in client.get_registered_model(model.name).aliases:
                client.delete_registered_model_alias(model.name, CHAMPION)


def crown(client: Any, name: str, version: int) -> None:
    """Set the alias ``champion`` and write it down in the model's history."""
    registered = client.get_registered_model(name)
    history = _lineage(registered)
    if history[-1:] != [version]:
        history.append(version)
    client.set_registered_model_tag(name, HISTORY, json.dumps(history))
    client.set_registered_model_alias(name, CHAMPION, str(version))
    _no_challenger(client, registered, version)


def _no_challenger(client: Any, registered: Any, version: int) -> None:
    """Take the alias ``challenger`` from a version that is champion now."""
    if str(registered.aliases.get(CHALLENGER)) == str(version):
        client.delete_registered_model_alias(registered.name, CHALLENGER)


def _lineage(registered: Any) -> list[int]:
    """Return a model's champions in the order they came; who has the alias is the last.

    The alias may have been set in MLflow itself, which does not write it down.
    """
    came = [int(version) for version in json.loads(registered.tags.get(HISTORY, "[]"))]
    now = registered.aliases.get(CHAMPION)
    return came if now is None or came[-1:] == [int(now)] else [*came, int(now)]


def _known(output: Path, name: str) -> list[Version]:
    every = versions(output)
    known = [version for version in every if version.name == name]
    if not known:
        names = sorted({version.name for version in every})
        msg = f"{output}: no model {name!r}; it has {', '.join(names) or 'none'}"
        raise ConfigError(msg)
    return known


def _refuse_by_hand(known: list[Version], version: int) -> None:
    numbers = ", ".join(str(one.version) for one in known if not one.is_by_hand) or "none"
    for one in known:
        if one.version == version and one.is_by_hand:
            raise ConfigError(_by_hand(one, f"Take one that a night registered: {numbers}"))


def _one(output: Path, name: str, version: int) -> Version:
    return next(v for v in _known(output, name) if v.version == version)


def _logged(client: Any, model_id: str) -> Any:
    """Return a logged model; None where no id is given or nothing has it (any more)."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_logged_model(model_id) if model_id else None
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _folder_of(output: Path, model_id: str) -> Path:
    return output / LOGGED / model_id / "artifacts" / "data" / DATA_FOLDER


def _version(client: Any, output: Path, registered: Any, number: int | str) -> Version:
    found = client.get_model_version(registered.name, str(number))
    logged = _logged(client, found.tags.get("model_id", ""))
    model_id = logged.model_id if logged else ""
    aliases = [alias for alias, at in registered.aliases.items() if str(at) == str(number)]
    return Version(
        name=registered.name,
        version=int(number),
        aliases=tuple(sorted(aliases)),
        tags=dict(found.tags),
        metrics={metric.key: metric.value for metric in (logged and logged.metrics) or []},
        params=dict((logged and logged.params) or {}),
        # the store may have moved since: not where MLflow says, but where this output folder is
        files=_folder_of(output, model_id),
        model_id=model_id,
        is_pinned=registered.tags.get(PINNED) == "true",
        history=tuple(_lineage(registered)),
    )
