"""Retention deletes what exceeds the limits, keeps the rest, and finds what a crash left."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import JPEG, NOON, Database, passage, reading, rows, saved_call, saved_view, sighting
from retaining import Retained, retain

from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.model import Keyframe
from streamwatch.store import (
    EvidenceFiles,
    Keep,
    KeyframeState,
    Store,
    Swept,
    free_bytes,
    open_evidence,
    open_reader,
    open_store,
    owners,
)
from streamwatch.store.retention import orphans, remove_files

DAY = timedelta(days=1)
UNSETTLED = (KeyframeState.WAITING, KeyframeState.SENT, KeyframeState.DOUBTFUL)
SETTLED = (KeyframeState.ANSWERED, KeyframeState.FAILED, KeyframeState.DROPPED, KeyframeState.KEPT)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(database: Database, data_dir: Path) -> Iterator[Store]:
    """Yield a store whose passages are recorded at the time when they were opened."""
    store = open_store(database.url, data_dir)
    if database.kind == "sqlite":
        written = "UPDATE passages SET recorded_at = opened_at WHERE id = NEW.id"
        database.execute(f"CREATE TRIGGER written AFTER INSERT ON passages BEGIN {written}; END")
    else:
        does = "BEGIN NEW.recorded_at = NEW.opened_at; RETURN NEW; END"
        database.execute(f"CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS '{does}'")
        database.execute("CREATE TRIGGER written BEFORE INSERT ON passages FOR EACH ROW EXECUTE FUNCTION written()")
    yield store
    store.close()


def view_in(store: Store, state: KeyframeState, at: datetime = NOON, jpeg: bytes = JPEG) -> Keyframe:
    view = saved_view(store, at=at, jpeg=jpeg, closed=True)
    store.keyframes.set_state(view.key, state)
    return view


def all_of(store: Store, now: datetime, keep: Keep, batch: int = 200) -> list[Retained]:
    steps = []
    while (step := retain(store, now, keep, batch)).more:
        steps.append(step)
    assert (step.files, step.rows) == (0, 0)
    return steps


def pictures(data_dir: Path) -> set[str]:
    files = (path for path in data_dir.rglob("*") if path.is_file() and path.suffix != ".database")
    return {str(path.relative_to(data_dir)) for path in files}


def named(database: Database) -> set[str]:
    return {row["path"] for table in ("keyframes", "calls") for row in rows(database, f"SELECT path FROM {table}")} - {
        None
    }


# ---- pictures -------------------------------------------------------------------------------------------------------


def test_without_limits_everything_stays(store: Store, data_dir: Path) -> None:
    view_in(store, KeyframeState.ANSWERED)
    assert retain(store, NOON + 9999 * DAY, Keep()) == Retained()
    assert len(pictures(data_dir)) == 1


@pytest.mark.parametrize("keep", [Keep(DAY), Keep(max_bytes=0), Keep(DAY, 0, DAY)])
def test_what_is_not_settled_is_never_deleted(store: Store, database: Database, data_dir: Path, keep: Keep) -> None:
    kept = [view_in(store, state) for state in UNSETTLED]
    gone = [view_in(store, state, jpeg=JPEG * 2) for state in SETTLED]
    size = sum(len(view.jpeg) for view in gone)
    assert all_of(store, NOON + 2 * DAY, keep)[0] == Retained(len(SETTLED), size, 0, more=True)
    assert len(pictures(data_dir)) == 3
    assert [store.keyframes.load_keyframe(view.key) for view in kept] == kept
    assert len(rows(database, "SELECT * FROM passages")) == len(UNSETTLED) + (0 if keep.rows_age else len(SETTLED))


def test_pictures_go_by_age_and_rows_stay(store: Store, database: Database, data_dir: Path) -> None:
    old = view_in(store, KeyframeState.ANSWERED)
    young = view_in(store, KeyframeState.ANSWERED, NOON + timedelta(hours=1))
    saved_call(store, old)
    saved_call(store, old, picture=b"smaller")
    by_hand = saved_call(store, None)
    for view in (old, young):
        store.keyframes.set_state(view.key, KeyframeState.ANSWERED)
    assert len(pictures(data_dir)) == 4
    assert len(all_of(store, NOON + DAY + timedelta(minutes=1), Keep(DAY))) == 1
    assert pictures(data_dir) == named(database)
    assert store.keyframes.load_keyframe(young.key) == young
    assert rows(database, f"SELECT path, sha256 FROM calls WHERE key = '{by_hand}'")[0]["path"] is None
    assert (len(rows(database, "SELECT * FROM keyframes")), len(rows(database, "SELECT * FROM calls"))) == (2, 3)


def test_a_recording_that_was_old_when_it_was_played_is_kept(database: Database, data_dir: Path) -> None:
    store = open_store(database.url, data_dir)
    view_in(store, KeyframeState.ANSWERED, NOON - 3000 * DAY)
    now, keep = datetime.now(UTC), Keep(DAY, rows_age=DAY)
    assert retain(store, now, keep) == Retained()
    assert retain(store, now + 2 * DAY, keep).files == 1
    store.close()


def test_what_a_wrong_clock_dated_goes_with_the_rows_around_it(store: Store, data_dir: Path) -> None:
    view_in(store, KeyframeState.ANSWERED, datetime(1970, 1, 1, tzinfo=UTC))
    assert retain(store, NOON, Keep(DAY)) == Retained()
    view_in(store, KeyframeState.ANSWERED, NOON)
    view_in(store, KeyframeState.ANSWERED, NOON + DAY)
    all_of(store, NOON + 1.5 * DAY, Keep(DAY))
    assert len(pictures(data_dir)) == 1


def test_by_size_the_oldest_go_first_and_no_more_than_needed(store: Store, database: Database, data_dir: Path) -> None:
    views = [
        view_in(store, KeyframeState.ANSWERED, NOON + n * timedelta(minutes=1), b"x" * 1000) for n in (3, 1, 4, 0, 2)
    ]
    by_hand = saved_call(store, None, at=NOON - DAY, picture=b"x" * 1000)
    all_of(store, NOON, Keep(max_bytes=3500))
    left = rows(database, "SELECT captured_at FROM keyframes WHERE path IS NOT NULL ORDER BY captured_at")
    assert [row["captured_at"][14:16] for row in left] == ["02", "03", "04"]
    assert rows(database, f"SELECT path FROM calls WHERE key = '{by_hand}'")[0]["path"] is None
    assert pictures(data_dir) == named(database)
    assert len(views) == 5


def test_the_size_of_the_pictures_is_that_of_the_files(store: Store, database: Database, data_dir: Path) -> None:
    view = view_in(store, KeyframeState.ANSWERED)
    saved_call(store, view)
    saved_call(store, view, picture=b"a smaller one")
    saved_call(store, None, picture=b"by hand")
    reader = open_reader(database.url, data_dir)
    assert (
        reader.evidence_bytes()
        == store.retention.evidence_bytes()
        == sum((data_dir / path).stat().st_size for path in pictures(data_dir))
    )
    reader.close()


def test_a_batch_is_small_and_the_writer_gets_its_turn(store: Store, data_dir: Path) -> None:
    for _ in range(7):
        view_in(store, KeyframeState.ANSWERED)
    step = retain(store, NOON + 2 * DAY, Keep(DAY), batch=3)
    assert (step.files, step.more) == (3, True)
    store.passages.save(passage())
    assert [s.files for s in all_of(store, NOON + 2 * DAY, Keep(DAY), batch=3)] == [3, 1]


def test_a_file_that_is_already_gone_does_no_harm(store: Store, database: Database, data_dir: Path) -> None:
    view_in(store, KeyframeState.ANSWERED)
    (data_dir / named(database).pop()).unlink()
    assert retain(store, NOON + 2 * DAY, Keep(DAY)) == Retained(0, 0, 0, more=True)
    assert retain(store, NOON + 2 * DAY, Keep(DAY)) == Retained()


# ---- rows -----------------------------------------------------------------------------------------------------------


def test_old_passages_go_with_all_that_hangs_on_them_but_calls_stay(
    store: Store, database: Database, data_dir: Path
) -> None:
    old, young = saved_view(store, closed=True), saved_view(store, at=NOON + DAY, closed=True)
    for view in (old, young):
        call, found = saved_call(store, view), reading(view)
        store.keyframes.answered(view.key, [found], call)
        store.sightings.save(sighting(view), [found.key], "")
    (step,) = all_of(store, NOON + 1.5 * DAY, Keep(rows_age=DAY))
    assert (step.files, step.rows) == (1, 1)
    for table in ("passages", "keyframes", "readings", "sightings"):
        assert len(rows(database, f"SELECT * FROM {table}")) == 1
    calls = rows(database, "SELECT camera, keyframe_id, path, fee FROM calls ORDER BY id")
    assert tuple(calls[0]) == ("gate", None, None, 1)
    assert calls[1]["keyframe_id"] is not None
    assert pictures(data_dir) == named(database)
    assert database.kind != "sqlite" or not rows(database, "PRAGMA foreign_key_check")


def test_a_passage_that_is_open_or_shown_elsewhere_stays(store: Store, database: Database) -> None:
    still_there = saved_view(store)
    store.keyframes.answered(still_there.key, [])
    shown, owner = view_in(store, KeyframeState.ANSWERED), view_in(store, KeyframeState.ANSWERED)
    store.sightings.save(replace(sighting(shown, lasting=2 * DAY), passage=owner.passage), [], "")
    assert all_of(store, NOON + 2 * DAY, Keep(rows_age=DAY)) == []
    steps = all_of(store, NOON + 9 * DAY, Keep(rows_age=DAY))
    assert [step.rows for step in steps] == [1, 1]
    assert [row["key"] for row in rows(database, "SELECT key FROM passages")] == [still_there.passage]


def test_a_reading_of_a_younger_passage_outlives_the_sighting_that_it_supported(
    store: Store, database: Database
) -> None:
    old, young = saved_view(store, closed=True), saved_view(store, at=NOON + DAY, closed=True)
    readings = [reading(old), reading(young)]
    for view, found in zip((old, young), readings, strict=True):
        store.keyframes.answered(view.key, [found])
    store.sightings.save(sighting(old), [found.key for found in readings], "")
    all_of(store, NOON + 1.5 * DAY, Keep(rows_age=DAY))
    (row,) = rows(database, "SELECT key, sighting_id FROM readings")
    assert tuple(row) == (readings[1].key, None)


# ---- files without a row --------------------------------------------------------------------------------------------


@pytest.fixture
def put(data_dir: Path) -> Callable[..., Path]:
    def write(path: str, age: timedelta = 2 * DAY) -> Path:
        target = data_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"lost")
        moment = (NOON - age).timestamp()
        os.utime(target, (moment, moment))
        return target

    return write


@pytest.fixture
def evidence(store: Store, database: Database, data_dir: Path) -> Iterator[EvidenceFiles]:
    opened = open_evidence(database.url, data_dir)
    yield opened
    opened.close()


def sweep(evidence: EvidenceFiles, now: datetime = NOON) -> list[Swept]:
    steps, folder = [], ""
    while (step := evidence.sweep(now, folder)).folder is not None:
        steps.append(step)
        folder = step.folder
    return steps


def test_files_that_no_row_names_are_found_folder_by_folder(
    store: Store, evidence: EvidenceFiles, database: Database, data_dir: Path, put: Callable[..., Path]
) -> None:
    midnight = NOON.replace(hour=0, minute=0, second=0, microsecond=0)
    for at in (midnight - DAY, midnight, midnight + timedelta(hours=23, minutes=59)):
        view = saved_view(store, at=at)
        saved_call(store, view, picture=b"smaller")
        saved_call(store, None, at=at, picture=b"by hand")
    for path in pictures(data_dir):
        put(path).write_bytes(JPEG)
        os.utime(data_dir / path, (0, 0))
    lost = [put("evidence/gate/2026-01-05/120000.000-0.jpg"), put("evidence/gate/2026-01-05/.1.jpg.part")]
    new = put("evidence/gate/2026-01-05/.2.jpg.part", timedelta(minutes=50))
    foreign = [put("evidence/gate/notes/a.txt"), put("evidence/b.txt")]
    steps = sweep(evidence)
    assert [step.folder for step in steps] == [
        f"evidence/{camera}/2026-01-{day}" for camera in ("gate", "read") for day in ("04", "05")
    ]
    assert [(step.files, step.bytes) for step in steps] == [(0, 0), (2, 8), (0, 0), (0, 0)]
    assert not any(path.exists() for path in lost)
    assert {str(path.relative_to(data_dir)) for path in (new, *foreign)} | named(database) == pictures(data_dir)
    assert len(named(database)) == 9


def test_folders_of_past_days_that_are_empty_go(
    store: Store, evidence: EvidenceFiles, data_dir: Path, put: Callable[..., Path]
) -> None:
    saved_view(store)
    past, today = put("evidence/gate/2026-01-02/1.jpg"), put("evidence/gate/2026-01-05/1.jpg")
    assert [step.files for step in sweep(evidence)] == [1, 1]
    assert (past.parent.exists(), today.parent.exists()) == (False, True)


def test_a_crash_between_row_and_file_is_healed_by_the_sweep(
    store: Store,
    evidence: EvidenceFiles,
    database: Database,
    put: Callable[..., Path],
    data_dir: Path,
) -> None:
    view_in(store, KeyframeState.ANSWERED)
    (path,) = named(database)
    assert store.retention.retain(NOON + 2 * DAY, Keep(DAY)).paths == {path}, "the crash comes before they are deleted"
    assert named(database) == set()
    assert put(path).exists()
    assert [step.files for step in sweep(evidence)] == [1]
    assert pictures(data_dir) == set()


@pytest.mark.parametrize("named_first", ["north", "south"])
def test_of_two_databases_in_one_folder_none_deletes_what_the_other_waits_for(
    tmp_path: Path, data_dir: Path, caplog: pytest.LogCaptureFixture, named_first: str
) -> None:
    urls = {name: f"sqlite:///{tmp_path / name}.db" for name in ("north", "south")}
    stores = {name: open_store(url, data_dir) for name, url in urls.items()}
    evidence = [open_evidence(url, data_dir) for url in urls.values()]
    first, second = stores.pop(named_first), *stores.values()
    views = [(first, saved_view(first)), (second, saved_view(second))]
    for path in pictures(data_dir):
        os.utime(data_dir / path, (0, 0))
    for files in evidence:
        assert sweep(files) == sweep(files) == []
        files.close()
    assert [store.keyframes.load_keyframe(view.key) for store, view in views] == [view for _, view in views]
    said = [record.getMessage() for record in caplog.records if "another database has pictures there" in record.message]
    assert len(said) == 2, "each says it once"


def test_a_new_database_leaves_alone_what_was_there_before_it(
    tmp_path: Path, put: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    earlier = [put("evidence/gate/2026-01-02/1.jpg"), put("evidence/exit/2026-01-03/1.jpg")]
    url, data_dir = f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "data"
    store = open_store(url, data_dir)
    evidence = open_evidence(url, data_dir)
    assert sweep(evidence) == [], "it has no picture there yet"
    saved_view(store)
    lost = put("evidence/exit/2026-01-04/1.jpg")
    sweep(evidence)
    assert all(path.exists() for path in earlier)
    assert not lost.exists()
    store.close()
    evidence.close()
    again, evidence = open_store(url, data_dir), open_evidence(url, data_dir)
    saved_view(again)
    sweep(evidence)
    assert all(path.exists() for path in earlier)
    assert not caplog.records
    again.close()
    evidence.close()


def test_there_is_nothing_to_sweep_before_the_first_picture(evidence: EvidenceFiles) -> None:
    assert evidence.sweep(NOON) == Swept(None)


# ---- the disk -------------------------------------------------------------------------------------------------------


def test_free_space_is_known_before_the_folder_is_made(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    found = free_bytes(tmp_path / "not" / "yet")
    assert abs(found - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert found > 0


def test_a_disk_that_cannot_be_asked_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(shutil, "disk_usage", fail)
    with pytest.raises(StorageFailed, match=r"The free space of .* cannot be asked for: no permission\."):
        free_bytes(tmp_path)


def test_a_picture_that_cannot_be_deleted_is_told_and_the_others_are_deleted(
    data_dir: Path, put: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    (data_dir / "evidence/gate/2026-01-03/a.jpg").mkdir(parents=True)
    put("evidence/gate/2026-01-03/b.jpg")
    assert remove_files(data_dir, [f"evidence/gate/2026-01-03/{name}.jpg" for name in "abc"]) == (1, 4)
    (told,) = caplog.messages
    assert re.search(r"The picture .*/a\.jpg cannot be deleted: ", told)
    assert not (data_dir / "evidence/gate/2026-01-03/b.jpg").exists()


def test_a_folder_that_cannot_be_read_is_one_sentence(store: Store, data_dir: Path) -> None:
    folder = "evidence/gate/2026-01-03"
    with store.transaction() as session, pytest.raises(StorageFailed, match=rf"The folder .*{folder} cannot be read: "):
        orphans(session, data_dir, folder, NOON)


def test_the_picture_of_a_keyframe_that_was_forgotten_cannot_be_loaded(store: Store) -> None:
    view = view_in(store, KeyframeState.ANSWERED, NOON - 2 * DAY)
    retain(store, NOON, Keep(evidence_age=DAY))
    with pytest.raises(StoreError, match=rf"The picture of the keyframe '{view.key}' was deleted\."):
        store.keyframes.load_keyframe(view.key)


def test_an_owner_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    assert owners.came_after(tmp_path, "a") is None
    (tmp_path / "evidence" / "a.database").mkdir(parents=True)
    with pytest.raises(StorageFailed, match=r"The file .*a\.database cannot be read: "):
        owners.came_after(tmp_path, "a")
