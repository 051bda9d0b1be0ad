"""The verb `compare`: paid answers, and those of the local engine on the same pictures."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from records import ANSWER, JPEG, NOON, saved_call, saved_view

from streamwatch.cli.compare_report import print_comparison
from streamwatch.core import errors
from streamwatch.core.codes import CallOutcome
from streamwatch.core.model import Engine, Ledger, PlateText, Recognizer
from streamwatch.pipeline import LocalHelp
from streamwatch.replay.agreement import Comparison, Match, compared, read_again
from streamwatch.store import DatabaseReader, PaidAnswer, Store, open_reader, open_store


class Local:
    """An engine that gives the answer set for a picture, or raises it if it is an error."""

    engine = Engine.LOCAL

    def __init__(self, **says: list[PlateText] | errors.RecognitionError) -> None:
        self.says = says

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        answer = self.says[jpeg.removeprefix(JPEG).decode()]
        if isinstance(answer, errors.RecognitionError):
            raise answer
        return answer

    def close(self) -> None:
        pass


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def reader(tmp_path: Path, store: Store) -> Iterator[DatabaseReader]:
    opened = open_reader(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    yield opened
    opened.close()


def text(plate: str, confidence: float = 0.99) -> PlateText:
    return PlateText(plate, confidence, None)


def paid(store: Store, name: str, *plates: str, camera: str = "gate", seconds: float = 0) -> None:
    at = NOON + timedelta(seconds=seconds)
    view = saved_view(store, camera, at, JPEG + name.encode())
    said = tuple(text(plate) for plate in plates)
    result = replace(ANSWER, outcome=CallOutcome.READ if plates else CallOutcome.NO_PLATE, plates=said)
    saved_call(store, view, result, at, JPEG + name.encode())


def help_of(engine: Recognizer) -> LocalHelp:
    return LocalHelp(lambda: engine, first=True, stands_in=True, pay_below=0.97)


def all_of(reader: DatabaseReader, engine: Recognizer) -> Comparison:
    found = Comparison(0.97)
    for answer in reader.paid_answers():
        read_again(found, reader, answer, help_of(engine), engine)
    return found


ANYTHING = PaidAnswer("gate", NOON, Path("a.jpg"), "", ())


@pytest.mark.parametrize(
    ("said", "found", "match"),
    [
        ("湘 A53U19", ["湘A53U19"], Match.EXACT),
        ("湘A53U19", ["京B00000", "湘A53U19"], Match.EXACT),
        ("湘A53U19", ["浙A53U19"], Match.ONE_OFF),
        ("京AD12345", ["京AD1234"], Match.ONE_OFF),
        ("京AD1234", ["京AD12345"], Match.ONE_OFF),
        ("湘A53U19", ["浙A53U1B"], Match.DIFFERENT),
        ("湘A53U19", [], Match.NOTHING),
        ("", ["浙A53U19"], Match.ONLY_LOCAL),
        ("", [], Match.NO_PLATE),
    ],
)
def test_a_picture_is_judged_by_the_nearest_plate(said: str, found: list[str], match: Match) -> None:
    answer = replace(ANYTHING, plates=(text(said),) if said else ())
    assert compared(answer, [text(plate) for plate in found], sure=False).match is match


def test_everything_is_counted_by_camera_band_and_confusion(store: Store, reader: DatabaseReader) -> None:
    for n, (name, plate) in enumerate({"a": "京A12345", "b": "湘A53U19", "c": "沪B00001", "d": "粤BP57E7"}.items()):
        paid(store, name, plate, camera="gate" if name < "c" else "yard", seconds=n)
    paid(store, "e", camera="yard", seconds=9)
    engine = Local(
        a=[text("京A12345")],
        b=[text("浙A53U19", 0.975)],
        c=[text("沪B00001", 0.9)],
        d=errors.PictureBroken("damaged"),
        e=[],
    )
    found = all_of(reader, engine)
    assert found.lost == 1
    assert found.total.matches == {Match.EXACT: 2, Match.ONE_OFF: 1, Match.NO_PLATE: 1}
    assert {name: one.pictures for name, one in found.cameras.items()} == {"gate": 2, "yard": 2}
    assert {lower: one.matches[Match.EXACT] for lower, one in found.bands.items()} == {0.99: 1, 0.97: 0, 0.9: 1}
    assert found.total.confusions == {("湘", "浙"): 1}
    assert (found.total.saved, found.total.saved_wrong) == (2, 1)
    assert [(one.paid, one.local) for one in found.differences] == [("湘A53U19", "浙A53U19")]


def test_only_pictures_with_an_answer_and_a_picture(tmp_path: Path, store: Store, reader: DatabaseReader) -> None:
    paid(store, "a", "京A12345")
    saved_call(store, saved_view(store, "gate", NOON, JPEG), replace(ANSWER, outcome=CallOutcome.DOUBTFUL, plates=None))
    saved_call(store, None, picture=JPEG)
    paid(store, "b", "京A12345", camera="yard", seconds=60)
    assert [answer.camera for answer in reader.paid_answers()] == ["yard", "gate"]
    assert [answer.camera for answer in reader.paid_answers(camera="gate")] == ["gate"]
    assert [answer.camera for answer in reader.paid_answers(since=NOON + timedelta(seconds=1))] == ["yard"]
    assert [answer.camera for answer in reader.paid_answers(until=NOON)] == ["gate"]
    assert len(reader.paid_answers(limit=1)) == 1


def test_a_picture_that_is_gone_or_another_one_is_counted_as_lost(store: Store, reader: DatabaseReader) -> None:
    paid(store, "a", "京A12345")
    paid(store, "b", "京A12345", seconds=1)
    first, second = reader.paid_answers()
    first.image.unlink()
    second.image.write_bytes(JPEG)
    found = all_of(reader, Local(a=[text("京A12345")]))
    assert (found.lost, found.total.pictures) == (2, 0)
    out = io.StringIO()
    print_comparison(found, 0.0, "table", out)
    assert "No picture" in out.getvalue()


def test_the_table_fits_into_80_columns_and_says_what_would_be_saved(store: Store, reader: DatabaseReader) -> None:
    for n in range(12):
        paid(store, "a", "湘A53U19", camera="north gate, left", seconds=n)
        paid(store, "b", "京A12345", seconds=n)
    out = io.StringIO()
    print_comparison(all_of(reader, Local(a=[text("浙A53U19")], b=[text("京A12345")])), 0.05, "table", out)
    table = out.getvalue()
    assert max(sum(1 + (ord(c) > 0x2E80) for c in line) for line in table.splitlines()) <= 80
    assert "…" not in table
    assert "湘 > 浙 (12 times)" in table
    assert "would have saved 24 of 24 calls, cost 1.20" in table
    assert "12 of those readings differ from the paid ones" in table.replace("\n", " ")
    assert "and 2 more" in table


def test_json_names_every_difference_with_its_picture(store: Store, reader: DatabaseReader) -> None:
    paid(store, "a", "湘A53U19")
    out = io.StringIO()
    print_comparison(all_of(reader, Local(a=[text("湘A53U1")])), 0.0, "json", out)
    record = json.loads(out.getvalue())
    assert record["confusions"] == [{"paid": "9", "local": "", "count": 1}]
    assert record["local_first"] == {"pay_below": 0.97, "saved": 0, "cost": 0.0, "wrong": 0}
    (difference,) = record["differences"]
    assert (difference["verdict"], Path(difference["image"]).read_bytes()) == ("one_off", JPEG + b"a")
