"""A start takes up what an earlier run left; what it cannot take up does not stop it."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from records import ANSWER, NOON, plain_sqlite, rows, saved_call, saved_view

from streamwatch.app import wiring
from streamwatch.app.resume import resume
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.events import Event
from streamwatch.core.model import Keyframe, Sighting
from streamwatch.pipeline import Dispatcher, Pipeline
from streamwatch.pipeline.outbox import Dropped
from streamwatch.store import Store, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "streamwatch.db"


@pytest.fixture
def store(file: Path, tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{file}", tmp_path / "data")
    yield store
    store.close()


class Nothing(Dispatcher):
    """Takes no keyframes, because none wait in these tests."""

    def __init__(self) -> None:
        pass

    def heard(self, event: Event) -> list[Dropped]:
        return []


def start(store: Store) -> list[Sighting]:
    told: list[Sighting] = []
    settings = Settings()
    recorder = wiring.make_recorder(lambda: settings, store, lambda sighting, _: told.append(sighting))
    resume(settings, store, Pipeline(recorder, lambda take: Nothing()), SystemClock())
    return told


def answered(store: Store, camera: str) -> Keyframe:
    view = saved_view(store, camera, closed=True)
    saved_call(store, view, ANSWER)
    return view


def states(file: Path) -> list[tuple[str, str]]:
    return [(row["camera"], row["state"]) for row in rows(file, "SELECT camera, state FROM keyframes ORDER BY id")]


@pytest.mark.errors_expected
def test_an_answer_of_eighty_thousand_plates_does_not_keep_the_daemon_from_starting(
    store: Store, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answered(store, "one"), answered(store, "two")
    with plain_sqlite(file) as connection, connection:
        plates = ",".join(f'{{"text": "京A{n:05d}", "confidence": 0.9, "corners": null}}' for n in range(80_000))
        connection.execute("UPDATE calls SET answer = ? WHERE camera = 'one'", [f"[{plates}]"])
    assert [sighting.plate for sighting in start(store)] == ["京A12345"]
    assert states(file) == [("one", "failed"), ("two", "answered")]
    assert [row["outcome"] for row in rows(file, "SELECT outcome FROM passages ORDER BY id")] == ["failed", "read"]
    assert len(errors_of(caplog)) == 1
    start(store)
    assert len(errors_of(caplog)) == 1


def errors_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.errors_expected
@pytest.mark.parametrize("error", [StoreError("The database refused a statement."), ZeroDivisionError("unforeseen")])
def test_what_cannot_be_recorded_is_set_aside_and_said_once(
    store: Store, file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bad, _ = answered(store, "one"), answered(store, "two")
    real = store.keyframes.answered

    def refuse(key: str, *rest: object) -> None:
        if key == bad.key:
            raise error
        real(key, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(store.keyframes, "answered", refuse)
    assert [(sighting.camera, sighting.plate) for sighting in start(store)] == [("two", "京A12345")]
    assert states(file) == [("one", "failed"), ("two", "answered")]
    assert [row["outcome"] for row in rows(file, "SELECT outcome FROM passages ORDER BY id")] == ["failed", "read"]
    assert len(errors_of(caplog)) == 1
    assert start(store) == []
    assert len(errors_of(caplog)) == 1
    assert rows(file, "SELECT answer FROM calls WHERE camera = 'one'")[0]["answer"]


def test_a_machine_that_fails_at_a_start_sets_nothing_aside(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(store, "one")

    def full(*_: object) -> None:
        raise StorageFailed("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(store.keyframes, "answered", full)
        with pytest.raises(StorageFailed):
            start(store)
    assert states(file) == [("one", "sent")]
    assert [sighting.plate for sighting in start(store)] == ["京A12345"]


def test_no_nul_reaches_the_database(store: Store, file: Path) -> None:
    nul = replace(ANSWER, gateway_code="a\0", request_id="\0r", answer_id="\0", error="e\0e", plates=None)
    saved_call(store, saved_view(store, "ga\0te"), nul)
    saved_call(store, None, nul, NOON)
    with plain_sqlite(file) as connection:
        for table in ("passages", "keyframes", "calls"):
            for row in connection.execute(f"SELECT * FROM {table}"):
                assert not [name for name in row.keys() if isinstance(row[name], str) and "\0" in row[name]]  # noqa: SIM118
    assert rows(file, "SELECT error FROM calls")[0]["error"] == "e\ufffde"
