"""The store over real databases: saved rows are complete and are found again."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import pytest
from records import (
    ANSWER,
    JPEG,
    NOON,
    ONLY_POSTGRESQL,
    ONLY_SQLITE,
    Database,
    keyframe,
    new_key,
    passage,
    reading,
    rows,
    saved_view,
    sighting,
)
from sqlalchemy import inspect, text

from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.model import CallResult, Engine, Keyframe, PlateText, SightingStatus
from streamwatch.store import KeyframeState, PassageOutcome, Store, open_reader, open_store


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(database: Database, data_dir: Path) -> Iterator[Store]:
    store = open_store(database.url, data_dir)
    yield store
    store.close()


@pytest.fixture
def view(store: Store) -> Callable[..., Keyframe]:
    """Return a function that saves a passage with one keyframe."""

    def save(camera: str = "gate", at: datetime = NOON, jpeg: bytes = JPEG) -> Keyframe:
        stay = passage(camera, at)
        store.passages.save(stay)
        view = keyframe(stay, jpeg)
        store.keyframes.save(view)
        return view

    return save


def test_a_passage_is_added_once_and_then_updated(store: Store, database: Database) -> None:
    stay = passage("gate")
    store.passages.save(stay)
    store.passages.set_outcome(stay.key, PassageOutcome.READ)
    store.passages.save(replace(stay, last_seen=NOON + timedelta(seconds=9), closed=True))
    (row,) = rows(database, "SELECT * FROM passages")
    assert (row["key"], row["camera"], row["closed"], row["outcome"]) == (stay.key, "gate", 1, "read")
    assert (row["opened_at"], row["last_seen"]) == ("2026-01-05 12:00:00.123456", "2026-01-05 12:00:09.123456")


def test_a_new_passage_is_pending(store: Store, database: Database) -> None:
    store.passages.save(passage())
    assert rows(database, "SELECT outcome FROM passages")[0]["outcome"] == "pending"


def test_a_keyframe_is_on_disk_and_in_the_outbox(
    view: Callable[..., Keyframe], database: Database, data_dir: Path
) -> None:
    saved = view(jpeg=JPEG * 1000)
    (row,) = rows(database, "SELECT * FROM keyframes WHERE state = 'waiting'")
    assert (data_dir / row["path"]).read_bytes() == saved.jpeg
    assert row["path"] == f"evidence/gate/2026-01-05/120000.123-{saved.key[:8]}.jpg"
    assert (row["sha256"], row["bytes"]) == (sha256(saved.jpeg).hexdigest(), len(saved.jpeg))
    assert (row["width"], row["height"], row["scale"], row["score"]) == (1280, 720, 0.5, 3.25)
    assert (row["crop_x"], row["crop_y"], row["crop_width"], row["crop_height"]) == (10, 20, 1920, 1080)
    assert (row["camera"], row["reason"], row["captured_at"]) == ("gate", "best_view", "2026-01-05 12:00:00.123456")


def test_a_keyframe_of_no_passage_is_refused(store: Store, database: Database) -> None:
    with pytest.raises(StoreError, match="passages has no row"):
        store.keyframes.save(keyframe(passage()))
    assert not rows(database, "SELECT * FROM keyframes")


def test_a_keyframe_can_fail_or_be_dropped_with_the_reason(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    store.keyframes.set_state(view().key, KeyframeState.DROPPED, StateReason.OUTBOX_ITEMS)
    (row,) = rows(database, "SELECT state, state_reason FROM keyframes")
    assert tuple(row) == ("dropped", "outbox_items")


def test_the_ledger_row_is_there_before_sending_and_says_so(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    saved = view()
    store.calls.started(new_key(), saved.key, Engine.OCRCARS, 1, NOON, saved.jpeg)
    (row,) = rows(
        database, "SELECT c.*, k.state, k.path AS shown FROM calls c JOIN keyframes k ON k.id = c.keyframe_id"
    )
    assert (row["outcome"], row["ended_at"], row["charged"]) == (None, None, None)
    assert (row["camera"], row["engine"], row["attempt"], row["state"]) == ("gate", "ocrcars", 1, "sent")
    assert (row["path"], row["sha256"], row["bytes"]) == (row["shown"], sha256(saved.jpeg).hexdigest(), len(saved.jpeg))


def test_a_call_that_ended_holds_everything_that_is_known(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    saved, call = view(), new_key()
    result = CallResult(CallOutcome.QUOTA, False, 0, 1.5, 403, "B403MQ", -5, 7, "R-9", "abc", "The package is used up.")
    store.calls.started(call, saved.key, Engine.OCRCARS, 2, NOON, saved.jpeg)
    store.calls.ended(call, result, NOON + timedelta(seconds=1.5))
    (row,) = rows(database, "SELECT * FROM calls")
    said = asdict(result)
    assert said.pop("plates") is row["answer"] is None
    assert {name: row[name] for name in said} == {**said, "charged": 0}
    assert row["ended_at"] == "2026-01-05 12:00:01.623456"
    assert rows(database, "SELECT state FROM keyframes")[0]["state"] == "sent"


def test_every_part_of_a_call_result_has_a_column(store: Store, database: Database) -> None:
    columns = {column["name"] for column in inspect(store._engine).get_columns("calls")}
    assert {part.name for part in fields(CallResult)} - {"plates"} | {"answer"} <= columns


def test_a_smaller_picture_of_a_retry_is_evidence_of_its_own(
    store: Store, view: Callable[..., Keyframe], database: Database, data_dir: Path
) -> None:
    saved, calls = view(), [new_key(), new_key()]
    for call, picture in zip(calls, (saved.jpeg, b"smaller"), strict=True):
        store.calls.started(call, saved.key, Engine.OCRCARS, 1, NOON, picture)
    first, second = rows(database, "SELECT * FROM calls ORDER BY id")
    assert second["path"].endswith(f"-{saved.key[:8]}-{calls[1][:8]}.jpg")
    assert (data_dir / first["path"]).read_bytes() == saved.jpeg
    assert (data_dir / second["path"]).read_bytes() == b"smaller"
    assert (second["sha256"], second["bytes"]) == (sha256(b"smaller").hexdigest(), 7)


def test_a_call_for_a_picture_without_camera(store: Store, database: Database, data_dir: Path) -> None:
    call = new_key()
    store.calls.started(call, None, Engine.OCRCARS, 1, NOON, JPEG)
    (row,) = rows(database, "SELECT * FROM calls")
    assert (row["keyframe_id"], row["camera"]) == (None, None)
    assert row["path"] == f"evidence/read/2026-01-05/120000.123-{call[:8]}.jpg"
    assert (data_dir / row["path"]).read_bytes() == JPEG


def test_a_call_for_an_address_keeps_no_secret_of_it(store: Store, database: Database, data_dir: Path) -> None:
    store.calls.started(new_key(), None, Engine.OCRCARS, 1, NOON, "https://me:secret@host/car.jpg?token=secret")
    (row,) = rows(database, "SELECT * FROM calls")
    assert row["picture_url"] == "https://***@host/car.jpg?***"
    assert (row["path"], row["sha256"], row["bytes"]) == (None, "", None)
    assert not (data_dir / "evidence").exists()


def test_an_answer_settles_the_keyframe_with_its_readings(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    saved, call = view(), new_key()
    store.calls.started(call, saved.key, Engine.OCRCARS, 1, NOON, saved.jpeg)
    store.calls.ended(call, ANSWER, NOON)
    found = replace(reading(saved), repaired=True)
    store.keyframes.answered(saved.key, [found, replace(reading(saved, "沪B0"), corners=None, confidence=None)], call)
    one, other = rows(
        database, "SELECT r.*, c.key AS call FROM readings r JOIN calls c ON c.id = r.call_id ORDER BY r.id"
    )
    assert (one["call"], one["engine"], one["sighting_id"], one["repaired"]) == (call, "ocrcars", None, 1)
    assert (one["raw"], one["plate"], one["kind"], one["confidence"]) == ("京a12345", "京A12345", "ordinary", 0.97)
    assert one["corners"] == "[[1.0, 2.0], [101.5, 2.0], [101.5, 40.0], [1.0, 40.0]]"
    assert (other["corners"], other["confidence"]) == (None, None)
    assert rows(database, "SELECT state FROM keyframes")[0]["state"] == "answered"


def test_an_answer_without_plates_settles_the_keyframe_too(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    store.keyframes.answered(view().key, [])
    assert rows(database, "SELECT state FROM keyframes")[0]["state"] == "answered"


def test_an_answer_for_an_unknown_call_changes_nothing(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    saved = view()
    with pytest.raises(StoreError, match="calls has no row"):
        store.keyframes.answered(saved.key, [reading(saved)], new_key())
    assert not rows(database, "SELECT * FROM readings")
    assert rows(database, "SELECT state FROM keyframes")[0]["state"] == "waiting"


def test_a_sighting_is_replaced_by_its_key_and_owns_its_readings(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    early, late = view(), view()
    readings = [reading(early), reading(late), reading(late, "沪B0")]
    store.keyframes.answered(early.key, readings[:1])
    store.keyframes.answered(late.key, readings[1:])
    seen = sighting(early)
    store.sightings.save(seen, [readings[0].key], "ordinary")
    last_seen = seen.last_seen + timedelta(minutes=3)
    grown = replace(seen, reads=2, last_seen=last_seen, status=SightingStatus.FINAL, keyframe=late.key)
    store.sightings.save(grown, [reading.key for reading in readings[:2]], "ordinary")
    (row,) = rows(database, "SELECT s.*, k.key AS shown FROM sightings s JOIN keyframes k ON k.id = s.keyframe_id")
    assert (row["reads"], row["status"], row["shown"], row["kind"]) == (2, "final", late.key, "ordinary")
    assert row["last_seen"] == "2026-01-05 12:03:02.123456"
    assert [r["sighting_id"] for r in rows(database, "SELECT * FROM readings ORDER BY id")] == [
        row["id"],
        row["id"],
        None,
    ]


@pytest.mark.parametrize("heir", [True, False])
def test_a_sighting_taken_back_leaves_its_readings(
    store: Store, view: Callable[..., Keyframe], database: Database, heir: bool
) -> None:
    saved = view()
    found = [reading(saved), reading(saved, "京A1234S")]
    store.keyframes.answered(saved.key, found)
    right, wrong = sighting(saved), sighting(saved, "京A1234S")
    store.sightings.save(right, [found[0].key], "ordinary")
    store.sightings.save(wrong, [found[1].key], "ordinary")
    store.sightings.remove(wrong.key, right.key if heir else None)
    assert [row["key"] for row in rows(database, "SELECT key FROM sightings")] == [right.key]
    assert [row["sighting_id"] for row in rows(database, "SELECT * FROM readings ORDER BY id")] == [
        1,
        1 if heir else None,
    ]


def test_the_id_of_a_sighting_taken_back_is_never_given_again(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    wrong = sighting(view(), "沪B0")
    store.sightings.save(wrong, [], "")
    store.sightings.remove(wrong.key)
    store.sightings.save(sighting(view()), [], "")
    assert [row["id"] for row in rows(database, "SELECT id FROM sightings")] == [2]


def test_recent_sightings_come_back_equal(store: Store, view: Callable[..., Keyframe]) -> None:
    old = sighting(view(at=NOON - timedelta(hours=1)))
    recent = [sighting(view(at=NOON + timedelta(seconds=n)), f"京A0000{n}") for n in range(3)]
    elsewhere = sighting(view("exit"))
    for seen in [old, *reversed(recent), elsewhere]:
        store.sightings.save(seen, [], "")
    assert store.sightings.recent("gate", recent[0].last_seen) == recent
    assert store.sightings.recent("gate", recent[0].last_seen + timedelta(microseconds=1)) == recent[1:]
    assert store.sightings.recent("exit", NOON) == [elsewhere]


def test_what_an_earlier_run_left_open_is_finished(
    store: Store, view: Callable[..., Keyframe], database: Database
) -> None:
    read, unread = view(), view()
    store.sightings.save(sighting(read), [], "")
    done = passage(closed=True)
    store.passages.save(done)
    assert store.passages.finish_interrupted() == 2
    outcomes = {row["key"]: (row["closed"], row["outcome"]) for row in rows(database, "SELECT * FROM passages")}
    assert outcomes == {read.passage: (1, "read"), unread.passage: (1, "pending"), done.key: (1, "pending")}
    assert rows(database, "SELECT status FROM sightings")[0]["status"] == "final"
    assert store.passages.finish_interrupted() == 0


def test_naive_times_are_refused(store: Store, database: Database) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        store.passages.save(passage(at=NOON.replace(tzinfo=None)))
    assert not rows(database, "SELECT * FROM passages")


def test_times_of_other_zones_are_stored_in_utc(
    store: Store, database: Database, view: Callable[..., Keyframe]
) -> None:
    there = NOON.astimezone(timezone(timedelta(hours=8)))
    saved = view(at=there)
    assert there.hour == 20
    unix = "strftime('%s', captured_at)" if database.kind == "sqlite" else "floor(extract(epoch FROM captured_at))"
    (row,) = rows(database, f"SELECT captured_at, {unix} AS unix, path FROM keyframes")
    assert row["captured_at"] == "2026-01-05 12:00:00.123456"
    assert int(row["unix"]) == int(NOON.timestamp())
    assert row["path"].startswith("evidence/gate/2026-01-05/120000.123")
    store.sightings.save(sighting(saved), [], "")
    assert store.sightings.recent("gate", there)[0].first_seen.utcoffset() == timedelta(0)


@ONLY_SQLITE
def test_sqlite_is_durable_and_keeps_references(store: Store, view: Callable[..., Keyframe]) -> None:
    view()
    with store._engine.connect() as connection:
        pragmas = [connection.execute(text(f"PRAGMA {p}")).scalar() for p in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 2]
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 10_000
        with pytest.raises(Exception, match="FOREIGN KEY constraint failed"):
            connection.execute(text("DELETE FROM passages"))


def test_every_reference_is_a_foreign_key_with_an_index(store: Store) -> None:
    schema = inspect(store._engine)
    for table in set(schema.get_table_names()) - {"alembic_version"}:
        columns = {column["name"] for column in schema.get_columns(table)}
        references = {c for c in columns if c.endswith("_id") and c not in ("request_id", "answer_id")}
        foreign = {column for key in schema.get_foreign_keys(table) for column in key["constrained_columns"]}
        first = {index["column_names"][0] for index in schema.get_indexes(table)}
        assert references == foreign <= first


@ONLY_POSTGRESQL
def test_postgresql_is_durable_and_keeps_references(store: Store, view: Callable[..., Keyframe]) -> None:
    view()
    with store._engine.connect() as connection:
        settings = [connection.execute(text(f"SHOW {s}")).scalar() for s in ("synchronous_commit", "lock_timeout")]
        assert settings == ["on", "10s"]
        with pytest.raises(Exception, match="violates foreign key constraint"):
            connection.execute(text("DELETE FROM passages"))


NUL, HALF = "京A\0B", "京A\ud83dB"


@pytest.mark.parametrize("odd", [NUL, HALF], ids=["NUL", "half a pair"])
def test_a_text_that_no_server_can_hold_is_stored_without_what_is_wrong(
    store: Store, view: Callable[..., Keyframe], database: Database, odd: str
) -> None:
    saved, call, mended = view(), new_key(), "京A\ufffdB"
    store.calls.started(call, saved.key, Engine.OCRCARS, 1, NOON, saved.jpeg)
    store.calls.ended(call, replace(ANSWER, plates=(PlateText(odd, 0.9, None),), error=odd), NOON)
    assert store.keyframes.recover().unusable == [saved.key], (
        "the ledger keeps an answer that cannot be a plate, and it gives no reading"
    )
    (kept,) = rows(database, "SELECT answer FROM calls")
    assert mended in str(kept["answer"]).replace("\\ufffd", "\ufffd").replace("\\u4eac", "京")
    found = replace(reading(saved), raw=odd, plate=odd, kind=odd * 20)
    store.keyframes.answered(saved.key, [found], call)
    store.sightings.save(sighting(saved, odd * 100), [found.key], odd)
    (row,) = rows(database, "SELECT r.raw, r.kind, c.error FROM readings r JOIN calls c ON c.id = r.call_id")
    assert tuple(row) == (mended, (mended * 20)[:32], mended)
    (seen,) = store.sightings.recent("gate", NOON)
    assert seen.plate == (mended * 100)[:255]
    reader = open_reader(database.url, Path("data"))
    assert [len(reader.sightings(plate_glob=glob)) for glob in (f"{odd}*", "*\0*" + "?" * 240, odd)] == [1, 1, 0]
    reader.close()


def test_the_store_may_move_to_another_thread(store: Store, view: Callable[..., Keyframe], database: Database) -> None:
    view("one")
    thread = threading.Thread(target=view, args=("two",))
    thread.start()
    thread.join()
    assert [row["camera"] for row in rows(database, "SELECT camera FROM keyframes ORDER BY id")] == ["one", "two"]


def test_last_views_are_the_newest_pictures_of_the_last_passages(store: Store, data_dir: Path) -> None:
    assert store.passages.last_views("gate", NOON) == []
    stays = [passage("gate", NOON + timedelta(minutes=n), closed=True) for n in range(20)]
    for stay in [*stays, passage("back", NOON)]:
        store.passages.save(stay)
        store.keyframes.save(keyframe(stay))
    last = replace(keyframe(stays[-1]), captured_at=stays[-1].opened_at + timedelta(seconds=2))
    store.keyframes.save(last)
    seen = reading(last)
    store.keyframes.answered(last.key, [seen])
    views = store.passages.last_views("gate", NOON + timedelta(hours=1))
    assert [view.passage for view in views] == stays[:7:-1]
    assert (views[0].keyframe, views[0].plate) == (last, seen.corners)
    assert views[1].plate is None
    assert store.passages.last_views("gate", stays[1].last_seen)[0].passage == stays[1]


def test_last_views_hold_older_signs_that_were_paid_for_in_vain(store: Store) -> None:
    stays = [passage("gate", NOON + timedelta(minutes=n), closed=True) for n in range(40)]
    for stay in stays:
        store.passages.save(stay)
        store.keyframes.save(keyframe(stay))
    for unread in stays[:10]:
        store.passages.set_outcome(unread.key, PassageOutcome.UNREAD)
    last = [view.passage for view in store.passages.last_views("gate", NOON + timedelta(hours=1))]
    assert last == [*stays[:27:-1], *stays[9:3:-1]]


def test_what_nothing_was_paid_for_is_no_last_view(store: Store) -> None:
    unpaid, paid = passage("gate", NOON + timedelta(minutes=1), closed=True), passage("gate", NOON, closed=True)
    for stay in (unpaid, paid):
        store.passages.save(stay)
        store.keyframes.save(keyframe(stay), KeyframeState.WAITING if stay is paid else KeyframeState.KEPT)
    assert [view.passage for view in store.passages.last_views("gate", NOON + timedelta(hours=1))] == [paid]


def test_the_surest_reading_says_where_the_plate_is(store: Store) -> None:
    view = saved_view(store)
    sure = reading(view)
    (a, b, c, d), nowhere = sure.corners or (), (0.0, 0.0)
    unsure = [replace(reading(view), confidence=said, corners=(nowhere, b, c, d)) for said in (None, 0.5)]
    store.keyframes.answered(view.key, [unsure[0], sure, unsure[1]])
    assert store.passages.last_views("gate", NOON + timedelta(hours=1))[0].plate == (a, b, c, d)


def test_a_folder_of_pictures_that_is_missing_is_a_disk_to_be_mounted(
    store: Store, database: Database, data_dir: Path
) -> None:
    view = saved_view(store)
    store.close()
    (data_dir / "evidence").rename(data_dir / "unplugged")
    again = open_store(database.url, data_dir)
    asking: list[Callable[[], object]] = [
        lambda: again.keyframes.load_keyframe(view.key),
        lambda: again.passages.last_views("gate", NOON + timedelta(hours=1)),
        lambda: saved_view(again),
    ]
    for ask in asking:
        with pytest.raises(StorageFailed, match=r"evidence, which holds pictures .* is missing\. Mount its disk"):
            ask()
    assert not (data_dir / "evidence").exists()
    (data_dir / "unplugged").rename(data_dir / "evidence")
    assert again.keyframes.load_keyframe(view.key) == view
    saved_view(again)
    again.close()


def test_last_views_begin_with_what_a_crash_left_open_and_miss_what_is_gone(store: Store, data_dir: Path) -> None:
    closed, gone, left = (passage("gate", NOON + timedelta(minutes=n), closed=n > 0) for n in (2, 1, 0))
    for stay in (closed, gone, left):
        store.passages.save(stay)
        store.keyframes.save(keyframe(stay, JPEG + stay.key.encode()))
    (picture,) = [path for path in data_dir.rglob("*.jpg") if path.read_bytes().endswith(gone.key.encode())]
    picture.unlink()
    assert [view.passage for view in store.passages.last_views("gate", NOON + timedelta(hours=1))] == [left, closed]
