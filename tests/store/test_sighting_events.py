"""A sighting and its event are one transaction, and ids become visible in their order, whoever writes."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from records import NOON, Database, reading, saved_view, sighting

from streamwatch.core.codes import EventType
from streamwatch.core.event_data import TrialData
from streamwatch.core.model import SightingStatus
from streamwatch.store import DatabaseReader, EventRow, Store, open_reader, open_store


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database.url, tmp_path / "data", sole=True)) as opened:
        opened.events.set_receivers(["hook"])
        yield opened


@pytest.fixture
def reader(store: Store, database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    with closing(open_reader(database.url, tmp_path / "data")) as opened:
        yield opened


def told(reader: DatabaseReader) -> list[EventRow]:
    return reader.events.after(0, 99)


def test_a_sighting_is_told_once_and_again_if_its_plate_changes(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store)
    first = reading(view)
    store.keyframes.answered(view.key, [first])
    seen = sighting(view)
    store.sightings.save(seen, [first.key], "ordinary")
    store.sightings.save(replace(seen, reads=2, confidence=0.99, status=SightingStatus.FINAL), [first.key], "ordinary")
    store.sightings.save(replace(seen, plate="京A12346"), [first.key], "ordinary")
    new, corrected = told(reader)
    assert (new.type, new.subject, new.camera, new.occurred_at) == (EventType.SIGHTING, "京A12345", "gate", NOON)
    assert new.data["sighting"] == seen.key
    assert (new.data["passage"], new.data["keyframe"]) == (view.passage, view.key)
    assert (new.data["plate_kind"], new.data["engine"], new.data["status"]) == ("ordinary", "ocrcars", "provisional")
    assert (corrected.type, corrected.subject) == (EventType.SIGHTING_CORRECTED, "京A12345")
    assert (corrected.data["plate"], corrected.data["plate_before"], corrected.data["who"]) == (
        "京A12346",
        "京A12345",
        "",
    )


def test_a_sighting_that_becomes_a_part_of_another_names_it(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store)
    store.keyframes.answered(view.key, [one := reading(view), other := reading(view)])
    first, second = sighting(view), sighting(view, "京A12340")
    store.sightings.save(first, [one.key], "ordinary")
    store.sightings.save(second, [other.key], "ordinary")
    store.sightings.remove(second.key, first.key)
    store.sightings.remove(second.key, first.key)  # it is gone already
    *_, gone = told(reader)
    assert len(told(reader)) == 3
    assert (gone.data["sighting"], gone.data["plate"], gone.data["merged_into"]) == (second.key, "", first.key)


def test_what_a_person_types_is_told_with_the_person(store: Store, reader: DatabaseReader) -> None:
    view, unread = saved_view(store), saved_view(store)
    store.keyframes.answered(view.key, [read := reading(view)])
    seen = sighting(view)
    store.sightings.save(seen, [read.key], "ordinary")
    store.corrections.read_by_operator(view.passage, view.key, "京A12346", "eva", NOON)
    store.corrections.read_by_operator(unread.passage, unread.key, "沪B12345", "eva", NOON)
    store.corrections.read_by_operator(view.passage, view.key, "", "eva", NOON)
    _, corrected, found, none = told(reader)
    assert corrected.type is none.type is EventType.SIGHTING_CORRECTED
    assert (corrected.data["sighting"], corrected.data["plate"], corrected.data["who"]) == (seen.key, "京A12346", "eva")
    assert (found.type, found.data["plate"], found.data["engine"]) == (EventType.SIGHTING, "沪B12345", "operator")
    assert (none.data["sighting"], none.data["plate_before"], none.data["plate"]) == (
        corrected.data["merged_into"],
        "京A12346",
        "",
    )


def test_nobody_passes_over_an_event_whose_transaction_commits_later(
    store: Store, reader: DatabaseReader, database: Database, tmp_path: Path
) -> None:
    """A receiver that has seen an id has seen all lower ones, also if two programs write at once."""

    def add(by: Store) -> None:
        by.events.add(EventType.TEST, "x", TrialData("x", ""), None, NOON)

    seen: list[list[int]] = []
    with closing(open_store(database.url, tmp_path / "data")) as other:
        for _ in range(5):
            with store.together():
                add(store)
                beside = threading.Thread(target=add, args=(other,))
                beside.start()
                beside.join(0.05)  # it waits for the other transaction, or has not even begun
                seen.append([event.id for event in told(reader)])
            beside.join(30)
            seen.append([event.id for event in told(reader)])
    assert len(seen[-1]) == 10
    for before, after in pairwise(seen):
        assert after[: len(before)] == before
