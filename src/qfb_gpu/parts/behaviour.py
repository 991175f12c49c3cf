"""What customers do alike: vectors of parties and customers, and parties that go together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.keys import distinct, find
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import association, behaviour, sampling
from qfb_gpu.parts.names import names_of
from qfb_gpu.parts.part import PROFILE, Columns, Part
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.parts.part import Given, Saved


def _score(given: Given) -> dict[str, Columns]:
    visits = behaviour.visits_of(
        given.ledger, given.as_of_day, given.config.behaviour, given.backend
    )
    columns = {"customer": visits.customer, "party": visits.party,
               "period": visits.period.astype("int16")}  # fmt: skip
    return {"visits": columns}


def _visits(saved: Saved, bucket: int) -> behaviour.Visits:
    columns = saved.scored("visits", bucket)
    names = ("customer", "party", "period")
    return behaviour.Visits(*(saved.backend.asarray(columns[n].astype(np.int64)) for n in names))


def _fit(saved: Saved) -> dict[str, Columns]:
    settings, backend = saved.config.behaviour, saved.backend
    visits, n_customers = _sample(saved)
    parties = behaviour.numbered(visits, backend)
    visits = replace(visits, party=parties.of_visit)  # their keys are not needed any more
    vectors = behaviour.embed(visits, settings, backend, parties=parties)
    del visits
    pairs = association.associations(parties, n_customers, settings, backend)
    numbers = range(settings.dimensions)
    return {
        "parties": {
            "party": vectors.party,
            "n_customers": vectors.n_customers,
            **{f"vector_{number + 1}": vectors.vector[:, number] for number in numbers},
        },
        "pairs": pairs,
    }


def _sample(saved: Saved) -> tuple[behaviour.Visits, int]:
    """Return the visits of the customers that are drawn, numbered from 0 on, and how many.

    They are numbered by their keys: sums over baskets are in one order, whatever the buckets.
    """
    settings, backend = saved.config.behaviour, saved.backend
    sizes = [saved.scored_view("visits", b)["party"].shape[0] for b in saved.buckets]
    share = min(1.0, settings.sample_visits / max(1, sum(sizes)))
    keys = [saved.customers(bucket)["customer_key"] for bucket in saved.buckets]
    drawn = [sampling.place(key, 0, np) < share for key in keys]  # the same every night
    known = np.concatenate([key[is_drawn] for key, is_drawn in zip(keys, drawn, strict=True)])
    place = np.empty(known.size, np.int32)
    place[np.argsort(known)] = np.arange(known.size, dtype=np.int32)
    parts: list[list[Any]] = [[], [], []]
    n_before = 0
    for bucket, is_drawn in zip(saved.buckets, drawn, strict=True):
        columns, n_here = saved.scored("visits", bucket), int(is_drawn.sum())
        number = np.full(is_drawn.size, -1, np.int32)
        number[is_drawn] = place[n_before : n_before + n_here]
        n_before += n_here
        owner = number[columns["customer"]]
        kept = owner >= 0
        found = (owner[kept], columns["party"][kept], columns["period"][kept])
        for part, values in zip(parts, found, strict=True):
            part.append(values)
    whole = [np.concatenate(parts.pop(0))]
    order = np.argsort(whole[0], kind="stable")
    whole[0] = whole[0][order]
    whole += [np.concatenate(parts.pop(0))[order] for _ in range(2)]
    return behaviour.Visits(*(backend.asarray(values) for values in whole)), known.size


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    settings, backend = saved.config.behaviour, saved.backend
    parties = saved.fitted("parties")
    names = [f"vector_{number + 1}" for number in range(settings.dimensions)]
    vectors = behaviour.Vectors(
        backend.asarray(parties["party"]),
        backend.asarray(np.stack([parties[name] for name in names], axis=1)),
        backend.asarray(parties["n_customers"]),
    )
    n_customers = saved.customers(bucket)["customer_key"].shape[0]
    vector, share = behaviour.customer_vectors(
        _visits(saved, bucket), n_customers, vectors, settings, backend
    )
    host = backend.to_host(vector)
    columns = {f"behaviour_{name}": host[:, number].copy() for number, name in enumerate(names)}
    return {PROFILE: {**columns, "behaviour_known_share": backend.to_host(share)}}


def _whole(saved: Saved) -> dict[str, Columns]:
    pairs, parties = saved.fitted("pairs"), saved.fitted("parties")
    rest = {name: values for name, values in pairs.items() if name not in ("left", "right")}
    asked = (pairs["left"], pairs["right"], parties["party"])
    (left, left_way), (right, right_way), (known, way) = _named(saved, asked)
    vectors = {name: values for name, values in parties.items() if name != "party"}
    return {
        "associations": {
            "left_id": left, "left_direction": left_way, "right_id": right,
            "right_direction": right_way, **rest,
        },
        "party_vectors": {"party_id": known, "direction": way, **vectors},
    }  # fmt: skip


def _named(saved: Saved, asked: Sequence[np.ndarray[Any, Any]]) -> list[tuple[Any, Labelled]]:
    """Return id and direction of parties, for each array of them; relations are read once."""
    wanted = distinct(np.concatenate(asked), np)
    key = np.zeros(wanted.shape[0], np.int64)
    way = np.zeros(wanted.shape[0], np.int8)
    for bucket in saved.buckets:
        relations = saved.relations(bucket)
        here = behaviour.party_of(relations["counterparty_key"], relations["direction"], np)
        row, is_there = find(wanted, here, np)
        key[row[is_there]] = relations["counterparty_key"][is_there]
        way[row[is_there]] = relations["direction"][is_there]
    places = [np.searchsorted(wanted, party) for party in asked]
    return [(names_of(saved, key[at]), Labelled(way[at], DIRECTIONS)) for at in places]


BEHAVIOUR = Part(
    name="behaviour",
    what="vectors of behaviour, parties that go together",
    whole_tables=("associations", "party_vectors"),
    on_device=True,
    score=_score,
    fit=_fit,
    publish=_publish,
    whole=_whole,
)
