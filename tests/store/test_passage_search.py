"""Passages are found as people look for them: by parts of plates, look-alikes, time, and page by page."""

import time as clock
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from records import NOON, Database, keyframe, new_database, passage, reading, sighting

from streamwatch.core.model import Engine, Keyframe
from streamwatch.core.plates import part_of_plate
from streamwatch.store import DatabaseReader, PassageOutcome, Search, Store, open_reader, open_store, plate_parts

PLATES = ("京A12345", "京AD12300", "沪B9W123", "琼A12345", "京A12845", "京A1234", "京A12B45", "京A123456")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, folder: Path) -> Database:
    return new_database(request, folder)


def visit(store: Store, plate: str, camera: str = "gate", at: datetime = NOON, sighted: bool = True) -> Keyframe:
    """Save a closed passage whose plate was read, if it has one."""
    stay = passage(camera, at, closed=True)
    view = keyframe(stay)
    said = [reading(view, plate)] if plate else []
    with store.together():
        store.passages.save(stay)
        store.keyframes.save(view)
        store.keyframes.answered(view.key, said)
        if plate and sighted:
            store.sightings.save(sighting(view, plate), [one.key for one in said], "ordinary")
        outcome = (
            PassageOutcome.READ if plate and sighted else PassageOutcome.UNSURE if plate else PassageOutcome.UNREAD
        )
        store.passages.set_outcome(stay.key, outcome)
    return view


@pytest.fixture(scope="module")
def filled(folder: Path, database: Database) -> Database:
    """An hour apart: each of PLATES, an unread vehicle, and one whose text was not believed; three at another gate."""
    store = open_store(database.url, folder / "data")
    for number, plate in enumerate(PLATES):
        visit(store, plate, at=NOON + timedelta(hours=number))
    visit(store, "", at=NOON + timedelta(hours=20))
    visit(store, "粤B77777", at=NOON + timedelta(hours=21), sighted=False)
    for number in range(3):
        visit(store, "港X", "北门", NOON + timedelta(days=2, minutes=4 * number))
    store.close()
    return database


@pytest.fixture(scope="module")
def reader(filled: Database, folder: Path) -> Iterator[DatabaseReader]:
    opened = open_reader(filled.url, folder / "data")
    yield opened
    opened.close()


def found(reader: DatabaseReader, search: Search, scope: frozenset[str] | None = None) -> list[str]:
    """Return the plates that are found, after a look through all pages of two rows."""
    rows, after = list[str](), None
    while True:
        page = reader.passages.find(search, scope, after, limit=2)
        rows += [row.plate.text if row.plate else "" for row in page.rows]
        assert len(page.rows) <= 2
        if page.after is None:
            return rows
        after = page.after


def part(text: str, **more: object) -> Search:
    return Search(plate=part_of_plate(text), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [1000, 0], ids=["by the index", "by looking through"])
@pytest.mark.parametrize(
    ("text", "plates"),
    [
        ("123", {p for p in PLATES if "123" in p}),
        ("京a1234", {"京A12345", "京A1234", "京A123456"}),
        ("12?45", set()),
        ("京A12?45", {"京A12345", "京A12845", "京A12B45"}),
        ("*45", {"京A12345", "琼A12345", "京A12845", "京A12B45"}),
        ("*", {*PLATES, "", "粤B77777", "港X"}),
        ("77777", {"粤B77777"}),
        ("京A12345", {"京A12345", "京A123456"}),
        ("沪", {"沪B9W123"}),
        ("999", set()),
        ("1" * 300, set()),
    ],
)
def test_part_of_a_plate(
    reader: DatabaseReader, text: str, plates: set[str], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plate_parts, "MOST_MATCHES", most)
    assert set(found(reader, part(text))) == plates
    assert reader.passages.count(part(text)) == len(found(reader, part(text)))


@pytest.mark.parametrize(
    ("text", "plates"),
    [
        (
            "京A12345",
            ["京A123456", "京A12345", "京A12B45", "京A12845", "琼A12345", "京A1234"],
        ),
        ("A12345", ["京A123456", "琼A12345", "京A12345"]),
        ("O", []),
    ],
)
def test_look_alikes_come_after_what_is_the_same(reader: DatabaseReader, text: str, plates: list[str]) -> None:
    gone = [plate for plate in found(reader, part(text, like=True)) if plate in PLATES]
    assert gone[: len(plates)] == plates


def test_the_difference_is_told(reader: DatabaseReader) -> None:
    rows = {row.plate.text: row for row in reader.passages.find(part("京A12345", like=True)).rows if row.plate}
    assert (rows["京A12345"].difference, rows["京A12345"].unlike) == (0.0, ())
    assert (rows["京A12B45"].difference, rows["京A12B45"].unlike) == (0.5, (4,))
    assert (rows["琼A12345"].difference, rows["琼A12345"].unlike) == (0.5, (0,))
    assert (rows["京A1234"].difference, rows["京A1234"].unlike) == (0.75, ())


@pytest.mark.parametrize(
    "misread",
    [
        "京A12345",
        "京A1Z345",
        "京AI2345",
        "京A1234S",
        "琼A12345",
        "A12345",
        "京A1234",
        "京A1345",
        "京A123745",
        "京A17345",
    ],
)
def test_a_plate_is_found_by_its_misreads(reader: DatabaseReader, misread: str) -> None:
    assert "京A12345" in found(reader, part(misread, like=True))


def test_a_look_alike_of_what_is_frequent_is_looked_for_in_every_row(
    reader: DatabaseReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plate_parts, "MOST_ALIKE", 0)
    assert {"京A12345", "京A12B45"} <= set(found(reader, part("京A12345", like=True)))


def test_filters(reader: DatabaseReader) -> None:
    assert found(reader, Search(cameras=frozenset({"北门"}))) == ["港X"] * 3
    assert found(reader, Search(unread=True)) == ["粤B77777", ""]
    assert found(reader, Search(outcomes=frozenset({PassageOutcome.UNREAD}))) == [""]
    assert found(reader, Search(engines=frozenset({Engine.LOCAL}))) == []
    assert len(found(reader, Search(engines=frozenset({Engine.OCRCARS}), least=0.97, most=0.97))) == 12
    assert found(reader, Search(most=0.5)) == []
    assert reader.passages.count(Search()) == 13
    assert reader.passages.count(Search(), most=5) == 5
    assert reader.passages.count(Search(), frozenset({"北门"})) == 3


def test_nothing_is_found_beyond_the_cameras_that_may_be_seen(reader: DatabaseReader) -> None:
    north = frozenset({"北门"})
    assert found(reader, Search(), north) == ["港X"] * 3
    assert found(reader, Search(cameras=frozenset({"gate"})), north) == []
    assert found(reader, part("123"), frozenset()) == []
    first = reader.passages.find(part("京A12345")).rows[0]
    assert reader.passages.detail(first.id, north) is None
    assert reader.passages.row(first.id, north) is None
    assert reader.passages.picture(first.keyframe or 0, north) is None
    assert {row.camera for row in reader.passages.changed_since(0, north)} == north
    detail = reader.passages.detail(reader.passages.find(Search(), north).rows[-1].id, north)
    assert detail is not None
    assert (detail.older, detail.earlier) == (None, ())
    assert reader.sightings("*", scope=north)
    assert not reader.sightings("*123*", scope=north)


def test_since_and_until_include_their_ends(reader: DatabaseReader) -> None:
    hour = timedelta(hours=1)
    assert found(reader, Search(since=NOON + hour, until=NOON + 3 * hour)) == list(PLATES[3:0:-1])


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC"])
def test_times_of_day_are_local(reader: DatabaseReader, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    clock.tzset()
    try:
        shift = 8 if zone == "Asia/Shanghai" else 0
        begin, end = time((13 + shift) % 24), time((15 + shift) % 24)
        assert found(reader, Search(begin=begin, end=end)) == [PLATES[2], PLATES[1]]
        assert found(reader, Search(plate="*123*", begin=begin, end=end)) == [PLATES[2], PLATES[1]]
        monday = datetime(2026, 1, 5, tzinfo=UTC).weekday()
        assert found(reader, Search(weekdays=frozenset({monday}), begin=begin, end=end)) == [PLATES[2], PLATES[1]]
        assert found(reader, Search(weekdays=frozenset({monday + 1}), begin=begin, end=end)) == []
        night = Search(plate="*1*", begin=time((18 + shift) % 24), end=time((13 + shift) % 24))
        assert found(reader, night) == [PLATES[-1], PLATES[-2], PLATES[0]]
    finally:
        monkeypatch.undo()
        clock.tzset()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_each_visit_of_a_shuttle_is_one(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    """Thirteen visits that fusion has joined to one sighting."""
    url = f"sqlite:///{tmp_path}/a.db" if kind == "sqlite" else request.getfixturevalue("server").database().url
    store = open_store(url, tmp_path / "data")
    views = []
    for number in range(13):
        stay = passage("shuttle", NOON + timedelta(days=5, minutes=4 * number), closed=True)
        views.append(keyframe(stay))
        store.passages.save(stay)
        store.keyframes.save(views[-1])
    said = [reading(view, "沪C11111") for view in views]
    for view, one in zip(views, said, strict=True):
        store.keyframes.answered(view.key, [one])
    store.sightings.save(sighting(views[0], "沪C11111"), [one.key for one in said], "ordinary")
    store.close()
    reader = open_reader(url, tmp_path / "data")
    rows = reader.passages.find(part("C111")).rows
    assert len(rows) == 13
    assert len({row.id for row in rows}) == len({row.keyframe for row in rows}) == 13
    assert len({row.plate.sighting for row in rows if row.plate}) == 1
    assert reader.count_sightings("*C111*") == 1
    detail = reader.passages.detail(rows[0].id)
    assert detail is not None
    assert [row.id for row in detail.earlier] == [row.id for row in rows[1:]]
    assert detail.visits == 12
    assert detail.older == rows[1].id
    reader.close()


def test_the_rows_are_complete(reader: DatabaseReader, folder: Path) -> None:
    row = reader.passages.find(part("京A12845")).rows[0]
    assert row.plate is not None
    assert (row.camera, row.opened_at, row.closed, row.outcome) == ("gate", NOON + timedelta(hours=4), True, "read")
    assert (row.plate.confidence, row.plate.engine, row.plate.reads) == (0.97, "ocrcars", 1)
    # Corners (1, 2), (101.5, 40) in the frame; the JPEG begins at (10, 20) and is half as large.
    assert row.corners == ((-4.5, -9.0), (45.75, -9.0), (45.75, 10.0), (-4.5, 10.0))
    assert row.keyframe is not None
    picture = reader.passages.picture(row.keyframe)
    assert picture is not None
    assert picture.jpeg.startswith(b"\xff\xd8")
    assert (picture.camera, picture.plate) == ("gate", row.corners)
    detail = reader.passages.detail(row.id)
    assert detail is not None
    assert [view.id for view in detail.keyframes] == [row.keyframe]
    assert [(one.plate, one.engine, one.operator) for one in detail.readings] == [("京A12845", "ocrcars", "")]
    assert (detail.newer, detail.older) == (row.id + 1, row.id - 1)
    assert reader.passages.detail(10**9) is None
    unsure = reader.passages.find(part("77777")).rows[0]
    assert unsure.plate is not None
    assert unsure.plate.sighting is None


def test_sightings_by_the_same_conditions(reader: DatabaseReader) -> None:
    like = part("京A12345", like=True)
    plates = [row.plate for row in reader.sightings(search=like)]
    assert plates[:2] == ["京A123456", "京A12345"]
    assert reader.count_sightings(search=like) == len(plates)
    first = reader.sightings(search=like)[1]
    assert reader.sighting(first.id) == first
    assert reader.sighting(first.id, frozenset({"北门"})) is None
    assert reader.sightings(search=Search(unread=True)) == []
    assert len(reader.sightings(search=Search(outcomes=frozenset({PassageOutcome.READ})), camera="gate")) == 8


def test_at_a_time_of_day_nothing_is_found_where_there_is_nothing(reader: DatabaseReader, tmp_path: Path) -> None:
    morning = Search(begin=time(6), end=time(10))
    assert found(reader, replace(morning, since=NOON + timedelta(days=9))) == []
    assert reader.passages.count(replace(morning, until=NOON - timedelta(days=9))) == 0
    empty = f"sqlite:///{tmp_path}/empty.db"
    open_store(empty, tmp_path).close()
    other = open_reader(empty, tmp_path)
    assert found(other, morning) == []
    assert other.count_sightings(search=morning) == 0
    other.close()


@pytest.mark.parametrize(
    "key", ["", "x", "1-2", "1-2-3-4", "0-9999999999999999999-1", "0-1-" + "9" * 30, "０-1-1", "0--99999999999999999-1"]
)
def test_a_key_that_no_page_ended_with_is_refused(reader: DatabaseReader, key: str) -> None:
    with pytest.raises(ValueError, match="begin again with the first page"):
        reader.passages.find(Search(), after=key)
