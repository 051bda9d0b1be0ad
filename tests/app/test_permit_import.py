"""Imports of lists of permits: every bad line is named, and nothing but what was previewed is written."""

import io
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import Database

from streamwatch.app import permit_import
from streamwatch.app.permit_file import COLUMNS, PermitFile, list_pieces
from streamwatch.app.permit_import import FOLDER, ImportPreview, ImportRules, PermitImport, begin, find, forget_old
from streamwatch.app.permit_words import read_hours, sentence_of
from streamwatch.core.codes import PermitKind, PermitState, WhenFull
from streamwatch.core.errors import PermitError
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.core.plates import CHINA
from streamwatch.store import DatabaseReader, PermitSearch, Store, open_reader, open_store

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
RULES = ImportRules(CHINA, ["entry", "exit"], "house")
LIST = """\
编号,车牌,车主,类型,开始日期,结束日期,时段,车道,车位数,车位满,备注
1,京A12345;京A12346,Lily 王,月租,2026-01-01,2026-12-31,周一至周五 07:00-19:00,entry,1,临时,=1+1
2,沪B8K219,Max,黑名单,,,,,,,@SUM(A1)
,粤B3M5K7,,访客,,2026-03-05,,,,,
"""


class Gate:
    """A database, and a folder for previews."""

    def __init__(self, store: Store, reader: DatabaseReader, data_dir: Path) -> None:
        self.store, self.reader, self.data_dir = store, reader, data_dir

    def begin(self, text: str | bytes, rules: ImportRules = RULES) -> PermitImport:
        file = io.BytesIO(text.encode() if isinstance(text, str) else text)
        return begin(file, rules, self.reader.permits, self.data_dir, NOW)

    def preview(self, text: str | bytes, rules: ImportRules = RULES) -> ImportPreview:
        with self.begin(text, rules) as made:
            return made.preview()

    def confirm(self, name: str, leave_out_bad: bool = False) -> None:
        with find(name, self.data_dir) as made:
            changes = made.confirm(self.reader.permits, leave_out_bad, NOW)
            self.store.permits.take_list(changes, "lily", NOW)
            made.discard()

    def take(self, text: str | bytes, rules: ImportRules = RULES) -> tuple[int, int, int, int]:
        """Import a list; return how many permits were added, changed, ended, and found unchanged."""
        found = self.preview(text, rules)
        assert not found.bad_lines
        self.confirm(found.name)
        return found.added, found.changed, found.ended, found.unchanged

    def plates(self) -> set[str]:
        return {plate for row in self.reader.permits.load_all() for plate in row.plates}


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Iterator[Gate]:
    data_dir = tmp_path / "data"
    with closing(open_store(database.url, data_dir)) as store, closing(open_reader(database.url, data_dir)) as reader:
        yield Gate(store, reader, data_dir)


def wrong(found: ImportPreview) -> list[tuple[int, str, str]]:
    return [(bad.line, bad.column, sentence_of(bad.problem)) for bad in found.bad_lines]


def test_nothing_is_written_before_it_is_confirmed_and_twice_changes_nothing(gate: Gate) -> None:
    found = gate.preview(LIST)
    assert (found.lines, found.bad, found.added, found.hindrance) == (3, 0, 3, "")
    assert gate.reader.permits.load_all() == []
    gate.confirm(found.name)
    home, blocked, visitor = sorted(gate.reader.permits.load_all(), key=lambda row: row.reference or "9")
    assert home.terms == PermitTerms(
        kind=PermitKind.RESIDENT,
        plates=("京A12345", "京A12346"),
        holder="Lily 王",
        note="=1+1",
        valid_from=datetime(2026, 1, 1).astimezone(),
        valid_until=datetime(2027, 1, 1).astimezone(),
        hours=read_hours("mon-fri 07:00-19:00"),
        lanes=frozenset({"entry"}),
        spaces=1,
        when_full=WhenFull.VISITOR,
        source="house",
        reference="1",
    )
    assert (blocked.kind, blocked.note) == (PermitKind.BLOCKED, "@SUM(A1)")
    assert (visitor.kind, visitor.uses_left, visitor.source) == (PermitKind.VISITOR, 1, "")
    before = gate.reader.permits.load_all()
    again = gate.preview(LIST)
    assert (again.unchanged, again.changes_nothing) == (3, True)
    gate.confirm(again.name)
    assert gate.reader.permits.load_all() == before
    assert gate.reader.permits.changed_at() != before[0].changed_at, "the list is known to be up to date"
    with pytest.raises(PermitError, match="no such preview"):
        gate.confirm(again.name)


def test_an_export_is_read_again_without_a_change(gate: Gate) -> None:
    gate.take(LIST)
    ended = gate.store.permits.add(PermitTerms(kind=PermitKind.STAFF, plates=("京A12345",)), "lily", NOW)
    gate.store.permits.end(ended.key, NOW + timedelta(microseconds=7))
    same = PermitTerms(kind=PermitKind.STAFF, plates=("京A12345",), holder="'quoted", note='commas, and "more"')
    gate.store.permits.add(same, "lily", NOW)
    text = "".join(list_pieces(gate.reader.permits.each(PermitSearch())))
    assert "'=1+1" in text
    assert "\n=" not in text.replace(",", "\n")
    found = gate.preview(text)
    assert (found.bad_lines, found.unchanged, found.changes_nothing) == ((), 5, True), wrong(found)
    assert gate.preview(text.replace("'=1+1", "=2")).changed == 1


def test_every_bad_line_is_named(gate: Gate) -> None:
    found = gate.preview(
        "plate,holder,kind,from,until,hours,lanes,spaces,when_full,note,reference,key\n"
        "京A12345,,,,,,,,,,,\n"
        "no plate,,king,soon,2026-02-30,always,nowhere,-1,maybe,,,\n"
        ",,,,,,,,,,,\n"
        ",Lily,,,,,,,,,,\n"
        "京B12345,,,2026-03-01,2026-02-01,,,,,,,\n"
        "京C12345,,,,,mon 08:00-08:00,,,,,,\n"
        f"京D12345,{'x' * 201},,,,,,,,,,\n"
        "京A12345,,,,,,,,,,,\n"
        "京E12345,,,,,,,,,,,nothing\n"
        "京F12345,Max,,,,,,,,,5,\n"
        "京F12346,Moritz,,,,,,,,,5,\n"
        "京G12345,,,,,,,,,,6,\n"
        "nonsense,,,,,,,,,,6,\n"
        "京H12345,,,,,,,,,,7,,more\n"
    )
    assert [(line, column) for line, column, _ in wrong(found)] == [
        (3, "plate"),
        *((3, column) for column in ("kind", "from", "until", "hours", "lanes", "spaces", "when_full")),
        (5, "plate"),
        (6, "until"),
        (7, "hours"),
        (8, "holder"),
        (9, "plate"),
        (10, "key"),
        (12, "holder"),
        (13, ""),
        (14, "plate"),
        (15, ""),
    ]
    assert all(text.count(".") >= 2 for _, _, text in wrong(found)), "what is wrong, and what to do"
    assert (found.lines, found.bad, found.added) == (13, 11, 1)
    with pytest.raises(PermitError, match="Some lines are wrong"):
        gate.confirm(found.name)
    assert gate.plates() == set()
    gate.confirm(found.name, leave_out_bad=True)
    assert gate.plates() == {"京A12345"}


def test_a_million_bad_lines_would_not_fill_the_page(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permit_import, "MOST_SHOWN", 5)
    found = gate.preview("plate\n京A12345\n" + "x\n" * 900)
    assert (found.bad, len(found.bad_lines)) == (900, 5)
    monkeypatch.setattr(permit_import, "MOST_PERMITS", 600)
    found = gate.preview("plate\n" + "".join(f"京A{number:05}\n" for number in range(1700)))
    assert "more than 200,000" in found.hindrance
    with pytest.raises(PermitError, match="more than 200,000"):
        gate.confirm(found.name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_list_may_come_from_any_program(encoding: str, separator: str) -> None:
    text = f"车牌{separator}车主{separator}电话\r\n京A12345{separator}王{separator}1\r\n"
    found = PermitFile(io.BytesIO(text.encode(encoding)))
    assert found.ignored == ("电话",)
    assert [line.cells for line in found.lines()] == [{"plate": "京A12345", "holder": "王"}]


def test_names_of_columns_are_of_one_column_each() -> None:
    names = [name for names in COLUMNS.values() for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "The file is empty"),
        (b"\n\n", "The file is empty"),
        (b"\xff\xfe\x00", "neither UTF-8 nor GB18030"),
        (b"plate\n\xff\xff\n", "neither UTF-8 nor GB18030"),
        (b"holder,note\nx,y\n", "names no column `plate`"),
        ("plate,车牌\n京A12345,1\n".encode(), "names the column “车牌” twice"),
        ('plate,note\n京A12345,"open\n'.encode() + b"x" * 200_000, "Line 2: a cell is too long"),
    ],
)
def test_what_is_no_list_has_its_sentence(gate: Gate, text: bytes, told: str) -> None:
    with pytest.raises(PermitError, match=told):
        gate.preview(text)
    assert list((gate.data_dir / FOLDER).iterdir()) == []


def test_several_lines_with_one_number_are_one_permit(gate: Gate) -> None:
    assert gate.take("reference,plate,holder\n7,京A12345,Lily\n8,京B00001,\n7,京A12346,\n") == (2, 0, 0, 0)
    (home,) = gate.reader.permits.by_references("house", ["7"])
    assert (home.plates, home.holder) == (("京A12345", "京A12346"), "Lily")


def test_what_the_list_has_no_column_for_stays(gate: Gate) -> None:
    gate.take(LIST)
    assert gate.take("reference,plate\n1,京A12346;京A12345\n2,沪B8K210\n") == (0, 1, 0, 1)
    home, blocked = gate.reader.permits.by_references("house", ["1", "2"])
    assert home.spaces == 1
    assert (blocked.plates, blocked.kind) == (("沪B8K210",), PermitKind.BLOCKED)
    assert gate.take("reference,plate,spaces\n1,京A12345;京A12346,\n") == (0, 1, 0, 0)


def test_without_a_number_plate_and_kind_say_which_permit_it_is(gate: Gate) -> None:
    assert gate.take("plate,kind,holder\n京A12345;京A12346,staff,Lily\n京A12345,blocked,\n") == (2, 0, 0, 0)
    assert gate.take("plate,kind,holder\n京A12346;沪C00001,staff,Max\n") == (0, 1, 0, 0)
    assert gate.plates() == {"京A12345", "京A12346", "沪C00001"}
    split = "plate,kind,holder\n京A12346,staff,Max\n沪C00001,staff,Max\n"
    assert gate.take(split) == (1, 1, 0, 0)
    assert gate.take(split) == (0, 0, 0, 2)


def test_a_number_and_a_permit_are_of_one_line_each(gate: Gate) -> None:
    gate.take(LIST)
    home, blocked = gate.reader.permits.by_references("house", ["1", "2"])
    found = gate.preview(f"key,reference,plate\n{home.key},2,京A12345\n{blocked.key},9,沪B8K219\n,9,京N00001\n")
    assert [(line, column) for line, column, _ in wrong(found)] == [(2, "reference"), (4, "reference")]
    assert "number of another permit" in wrong(found)[0][2]
    gate.confirm(found.name, leave_out_bad=True)
    assert [row.key for row in gate.reader.permits.by_references("house", ["1", "2", "9"])] == [home.key, blocked.key]


def test_permits_that_the_list_does_not_name_can_be_ended(gate: Gate) -> None:
    gate.take(LIST)
    gate.take("reference,plate\n1,京C00001\n", ImportRules(CHINA, source="office"))
    without = "reference,plate\n1,京A12345;京A12346\n"
    ending = ImportRules(CHINA, source="house", end_missing=True)
    bad = gate.preview(without + "2,nonsense\n", ending)
    assert "cannot be ended while lines of it are wrong" in bad.hindrance
    with pytest.raises(PermitError, match="cannot be ended"):
        gate.confirm(bad.name, leave_out_bad=True)
    assert gate.preview("reference,plate\n", ending).hindrance.startswith("The list has no permit")
    assert gate.take(without, ending) == (0, 0, 1, 1)
    state = {row.plates[0]: row.state(NOW) for row in gate.reader.permits.load_all()}
    assert state == {
        "京A12345": PermitState.VALID,
        "沪B8K219": PermitState.ENDED,
        "粤B3M5K7": PermitState.VALID,
        "京C00001": PermitState.VALID,
    }
    assert gate.take(without, ending) == (0, 0, 0, 1)


def test_a_change_since_the_preview_counts(gate: Gate) -> None:
    found = gate.preview(LIST)
    gate.store.permits.add(PermitTerms(kind=PermitKind.STAFF, plates=("京N00001",)), "max", NOW)
    gate.confirm(found.name)  # it does the same as before
    found = gate.preview("reference,plate,holder\n1,京A12345,New\n")
    (home,) = gate.reader.permits.by_references("house", ["1"])
    gate.store.permits.end(home.key, NOW)
    with pytest.raises(PermitError, match="changed since the preview"):
        gate.confirm(found.name)
    (home,) = gate.reader.permits.by_references("house", ["1"])
    assert (home.holder, home.valid_until) == ("Lily 王", NOW)


def test_previews_are_kept_for_a_while_and_only_some(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [gate.preview(f"plate\n京A{number:05}\n").name for number in range(12)]
    kept = {file.stem for file in (gate.data_dir / FOLDER).iterdir()}
    assert len(kept) == permit_import.MOST_KEPT
    assert names[-1] in kept
    os.utime(gate.data_dir / FOLDER / f"{names[-1]}.plan", (1, 1))
    for name in (names[-1], "../../x", "nothing"):
        with pytest.raises(PermitError, match="no such preview"):
            gate.confirm(name)
    forget_old(gate.data_dir)
    left = {file.stem for file in (gate.data_dir / FOLDER).iterdir()}
    assert left == kept - {names[-1]}
    forget_old(gate.data_dir / "nowhere")
