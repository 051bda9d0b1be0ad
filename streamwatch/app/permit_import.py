"""Imports of lists of permits: a preview that names every bad line, and what is written once it is confirmed.

    a file ──lines──▶ lines of one permit together ──compared with the database──▶ plan ──confirmed──▶ one transaction

All three steps lie in a small SQLite file beside the evidence, so that memory holds some hundred lines of a list of a
million. The plan has a name made of everything that it would write: a confirmation names it, and writes that and
nothing else. If the permits were changed since, the plan is made again, and counts only if it is the same.

A line belongs to the permit with its key, else its reference (of the same source), else its first plate and kind. What
the list has no column for stays as it is.
"""

import json
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Any

from streamwatch.access.permit_rules import PermitFault, PermitProblem, problems
from streamwatch.app.permit_file import FIELDS, Cells, PermitFile, readers
from streamwatch.app.permit_words import PermitRefused, read_kind
from streamwatch.app.plan_file import PlanFile, closing_rows
from streamwatch.core.codes import PermitKind, WhenFull
from streamwatch.core.errors import PermitError
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.core.plates import Grammar
from streamwatch.store import PermitChanges, PermitReader, PermitRow
from streamwatch.store.permit_rows import columns_of, hours_of, in_batches

MOST_PERMITS = 200_000
"""Permits of one list: all of them are in memory while a gate decides."""
MOST_SHOWN = 1000
"""Bad lines that a preview names; it counts all."""
KEPT = 3600.0
"""Seconds for which a preview can be confirmed."""
MOST_KEPT = 8
"""Previews that wait to be confirmed."""
FOLDER = "imports"
"""The folder of the previews in data_dir."""

NOTHING = "The list has no permit, so nothing can be taken over."
TOO_MANY = f"The list has more than {MOST_PERMITS:,} permits. Split it, or leave out those that have ended."
BAD_LINES = "Some lines are wrong. Mend them, or say that they are to be left out."
BAD_AND_ENDING = (
    "Permits that the list does not name cannot be ended while lines of it are wrong: they may be among these."
)
NO_PREVIEW = "There is no such preview any more. Read the file again."
CHANGED = "The permits were changed since the preview, so the import would do something else now. Read the file again."
TEXTS = (NOTHING, TOO_MANY, BAD_LINES, BAD_AND_ENDING, NO_PREVIEW, CHANGED)
"""Why nothing is written."""

_ADD, _CHANGE, _SAME, _END = "add", "change", "same", "end"
_SECOND_STEP = 2


@dataclass(frozen=True, slots=True)
class ImportRules:
    """How a list is read. lanes: names of the lanes. source: the list that its references belong to.

    end_missing: True to end the permits of this source that the list does not name.
    """

    grammar: Grammar
    lanes: Collection[str] = ()
    source: str = ""
    end_missing: bool = False


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is left out. line: its number in the file, the first line of the file is 1. column: "" for all."""

    line: int
    column: str
    problem: PermitProblem


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would do. name: that by which it is confirmed.

    lines: without the first one and empty ones. bad: how many of them are left out; bad_lines: the first of these.
    added, changed, ended, unchanged: permits. ignored: columns that are not read. hindrance: why it cannot be
    confirmed, as a source text; "" if it can.
    """

    name: str
    encoding: str
    lines: int
    bad: int
    bad_lines: tuple[BadLine, ...]
    added: int
    changed: int
    ended: int
    unchanged: int
    ignored: tuple[str, ...]
    hindrance: str

    @property
    def changes_nothing(self) -> bool:
        """True if the permits are as the list says already."""
        return not (self.added or self.changed or self.ended)


class PermitImport(PlanFile):
    """A list that was read, and the plan that was made of it, in a file of its own.

    Use `begin` to read a list, `find` for one that was read before. Close it.
    """

    def preview(self) -> ImportPreview:
        """Return what the plan would do."""
        counts = dict(self._db.execute("SELECT does, COUNT(*) FROM plan GROUP BY does").fetchall())
        bad = self._db.execute("SELECT COUNT(DISTINCT line) FROM faults").fetchone()[0]
        shown = self._db.execute(
            "SELECT line, fault, field, words FROM faults ORDER BY line, rowid LIMIT ?", (MOST_SHOWN,)
        )
        columns = {field: column for column, field in FIELDS.items()}
        return ImportPreview(
            name=self._about("name"),
            encoding=self._about("encoding"),
            lines=int(self._about("lines")),
            bad=bad,
            bad_lines=tuple(
                BadLine(line, columns.get(field, field), PermitProblem(PermitFault(fault), field, words))
                for line, fault, field, words in shown
            ),
            added=counts.get(_ADD, 0),
            changed=counts.get(_CHANGE, 0),
            ended=counts.get(_END, 0),
            unchanged=counts.get(_SAME, 0),
            ignored=tuple(json.loads(self._about("ignored"))),
            hindrance=self._hindrance(bad, sum(counts.values()) - counts.get(_END, 0)),
        )

    def confirm(self, reader: PermitReader, leave_out_bad: bool, now: datetime) -> PermitChanges:
        """Return what is to be written, once. Raise PermitError if it cannot be confirmed or is not the same any more.

        reader: of the permits as they are now. leave_out_bad: True to write the other lines although some are wrong.
        """
        before = self.preview()
        if before.hindrance:
            raise PermitError(before.hindrance)
        if before.bad and not leave_out_bad:
            raise PermitError(BAD_LINES)
        seen = reader.changed_at()
        if self._about("seen") != _moment(seen):
            self.plan(reader, now)
            if self._about("name") != before.name:
                raise PermitError(CHANGED)
        added = ((terms_of(json.loads(terms))) for (terms,) in self._planned("terms", _ADD))
        changed = ((key, terms_of(json.loads(terms))) for key, terms in self._planned("key, terms", _CHANGE))
        return PermitChanges(added, changed, (key for (key,) in self._planned("key", _END)), seen)

    def read(self, file: IO[bytes], rules: ImportRules) -> None:
        """Take in the lines of a file. Raise PermitError if it is no list."""
        found = PermitFile(file)
        self._create()
        self._note(
            encoding=found.encoding,
            ignored=json.dumps(found.ignored),
            source=rules.source,
            end_missing=str(rules.end_missing),
        )
        read, lines = readers(rules.grammar, list(rules.lanes)), 0
        self._db.execute("BEGIN")
        for cells in found.lines():
            lines += 1
            self._take(cells, read)
        self._db.execute("COMMIT")
        self._note(lines=str(lines))

    def plan(self, reader: PermitReader, now: datetime) -> None:
        """Compare the lines with the permits as they are, and note what would be written."""
        seen = reader.changed_at()
        self._db.execute("BEGIN")
        for table in ("plan", "claimed"):
            self._db.execute(f"DELETE FROM {table}")
        self._db.execute("DELETE FROM faults WHERE step = ?", (_SECOND_STEP,))
        drafts = self._drafts()
        while some := list(islice(drafts, 500)):
            self._compare(some, reader)
            if self._db.execute("SELECT COUNT(*) FROM plan").fetchone()[0] > MOST_PERMITS:
                break
        if self._about("end_missing") == str(True):
            self._end_missing(reader, now)
        self._db.execute("COMMIT")
        self._note(seen=_moment(seen), name=self._name())

    def _take(self, cells: Cells, read: dict[str, Any]) -> None:
        """Take in one line."""
        if cells.more:
            self._fault(cells.line, PermitProblem(PermitFault.MANY_CELLS, ""))
        values: dict[str, Any] = {}
        wrong = cells.more
        for column, text in cells.cells.items():
            if column != "key":
                try:
                    values[FIELDS[column]] = read[column](text)
                except PermitRefused as error:
                    self._fault(cells.line, *error.found)
                    wrong = True
        is_visitor = values.get("kind") is PermitKind.VISITOR and (cells.cells.get("key") or values.get("reference"))
        if not values.get("plates", True) and not is_visitor:
            self._fault(cells.line, PermitProblem(PermitFault.NO_PLATE, "plates"))
            wrong = True
        key, reference = cells.cells.get("key", "")[:40], values.get("reference")
        if key:
            permit = f"k:{key}"
        elif reference:
            permit = f"r:{reference}"
        else:
            permit = self._by_plate(cells.line, values, wrong)
            wrong = wrong or not permit
        if wrong:
            if key or reference:
                self._db.execute("INSERT OR IGNORE INTO spoilt VALUES (?)", (permit,))
            return
        data = {name: _plain(name, value) for name, value in values.items()}
        self._db.execute("INSERT INTO lines VALUES (?, ?, ?)", (permit, cells.line, json.dumps(data)))

    def _by_plate(self, line: int, values: dict[str, Any], wrong: bool) -> str:
        """Return the name of the permit of a line without a reference; "" if another line has one of its plates."""
        kind, plates = values.get("kind", PermitKind.RESIDENT), values.get("plates") or ("",)
        for plate in () if wrong else plates:
            try:
                self._db.execute("INSERT INTO plates VALUES (?, ?)", (plate, kind))
            except sqlite3.IntegrityError:
                self._fault(line, PermitProblem(PermitFault.SAME_PLATE, "plates", plate))
                return ""
        return f"p:{kind}:{plates[0]}"

    def _drafts(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Yield each permit of the list: its first line, what names it, and what is said of it."""
        query = "SELECT permit, line, data FROM lines ORDER BY permit, line"
        rows = iter(closing_rows(self._db, query))
        for permit, lines in groupby(rows, key=lambda row: row[0]):
            some = [(line, json.loads(data)) for _, line, data in lines]
            if self._db.execute("SELECT 1 FROM spoilt WHERE permit = ?", (permit,)).fetchone():
                for line, _ in some:
                    self._fault(line, PermitProblem(PermitFault.BAD_NEIGHBOUR, ""), step=_SECOND_STEP)
                continue
            first, said = some[0]
            if all(self._agrees(said, line, more) for line, more in some[1:]):
                plates = dict.fromkeys(plate for _, more in some for plate in more["plates"])
                yield first, permit, said | {"plates": list(plates)}

    def _agrees(self, said: dict[str, Any], line: int, more: dict[str, Any]) -> bool:
        """Return True if a further line of a permit says nothing else than the first one, or nothing."""
        nothing = _nothing()
        for field, value in more.items():
            if field != "plates" and value not in (said[field], nothing[field]):
                self._fault(line, PermitProblem(PermitFault.CONTRADICTS, field, str(value)[:40]), step=_SECOND_STEP)
                return False
        return True

    def _compare(self, drafts: Sequence[tuple[int, str, dict[str, Any]]], reader: PermitReader) -> None:
        """Note for some permits of the list what is to be done."""
        source = self._about("source")
        keys = [permit[2:] for _, permit, _ in drafts if permit.startswith("k:")]
        references = [said["reference"] for _, _, said in drafts if said.get("reference")]
        plates = [plate for _, permit, said in drafts if permit.startswith("p:") for plate in said["plates"]]
        by_key = {row.key: row for row in reader.by_keys(keys)}
        by_reference = {row.reference: row for row in reader.by_references(source, references)}
        by_plate = _by_plate(reader.by_plates(plates))
        for line, permit, said in drafts:
            row: PermitRow | None
            match permit[0]:
                case "k":
                    row = by_key.get(permit[2:])
                    if row is None:
                        problem = PermitProblem(PermitFault.NO_SUCH_KEY, "key", permit[2:])
                        self._fault(line, problem, step=_SECOND_STEP)
                        continue
                case "r":
                    row = by_reference.get(permit[2:])
                case _:
                    kind = said.get("kind", PermitKind.RESIDENT)
                    found = (by_plate.get((plate, kind)) for plate in said["plates"])
                    row = next((one for one in found if one is not None and not self._is_claimed(one.key)), None)
            numbered = by_reference.get(said.get("reference"))
            if numbered is not None and numbered != row:
                problem = PermitProblem(PermitFault.NUMBER_TAKEN, "reference", said["reference"])
                self._fault(line, problem, step=_SECOND_STEP)
            elif self._is_first(line, said, row):
                self._decide(line, said, row, source)

    def _is_first(self, line: int, said: dict[str, Any], row: PermitRow | None) -> bool:
        """Return True if no other line has this permit (None: a new one) or this number; else note what is wrong."""
        claims = [(PermitFault.SAME_PERMIT, "key", row.key)] if row is not None else []
        if said.get("reference"):
            claims.append((PermitFault.NUMBER_TAKEN, "reference", said["reference"]))
        for fault, field, name in claims:
            try:
                self._db.execute("INSERT INTO claimed VALUES (?)", (f"{field}:{name}",))
            except sqlite3.IntegrityError:
                self._fault(line, PermitProblem(fault, field, name), step=_SECOND_STEP)
                return False
        return True

    def _decide(self, line: int, said: dict[str, Any], row: PermitRow | None, source: str) -> None:
        """Note what is to be done with one permit of the list. row: the one that it is already; None for a new one."""
        before = None if row is None else row.terms
        terms = terms_of(plain_terms(before) | said if before is not None else said)
        if terms.reference is None:
            terms = replace(terms, source="")
        elif before is None or before.reference != terms.reference:
            terms = replace(terms, source=source)
        if wrong := list(problems(terms)):
            self._fault(line, *wrong, step=_SECOND_STEP)
            return
        if before is not None and set(before.plates) == set(terms.plates):
            terms = replace(terms, plates=before.plates)
        does = _ADD if before is None else _SAME if before == terms else _CHANGE
        written = json.dumps(plain_terms(terms), sort_keys=True)
        self._db.execute("INSERT INTO plan VALUES (?, ?, ?, ?)", (does, row.key if row else "", line, written))

    def _end_missing(self, reader: PermitReader, now: datetime) -> None:
        """Note the permits of the source that the list does not name."""
        for some in in_batches(reader.of_source(self._about("source"), now)):
            for key, reference in some:
                named = self._db.execute(
                    "SELECT 1 FROM lines WHERE permit = ? UNION ALL SELECT 1 FROM claimed WHERE key = ?",
                    (f"r:{reference}", f"key:{key}"),
                ).fetchone()
                if named is None:
                    self._db.execute("INSERT INTO plan VALUES (?, ?, 0, '')", (_END, key))

    def _hindrance(self, bad: int, permits: int) -> str:
        if permits > MOST_PERMITS:
            return TOO_MANY
        if not permits:
            return NOTHING
        if bad and self._about("end_missing") == str(True):
            return BAD_AND_ENDING
        return ""


def begin(file: IO[bytes], rules: ImportRules, reader: PermitReader, data_dir: Path, now: datetime) -> PermitImport:
    """Read a list, make its plan, and keep both until it is confirmed. Raise PermitError if it is no list.

    file: binary, seekable. data_dir: in it the plans are kept for an hour. Raise OSError.
    """
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _tidy(folder)
    path = folder / f"{time.time_ns()}.reading"
    made = PermitImport(path)
    try:
        made.read(file, rules)
        made.plan(reader, now)
        name = made.preview().name
    except BaseException:
        made.discard()
        raise
    made.close()
    return PermitImport(path.replace(folder / f"{name}.plan"))


def find(name: str, data_dir: Path) -> PermitImport:
    """Return an import that was read before. Raise PermitError if there is none of this name any more."""
    path = data_dir / FOLDER / f"{name}.plan"
    if not (name.isalnum() and path.is_file() and path.stat().st_mtime > time.time() - KEPT):
        raise PermitError(NO_PREVIEW)
    return PermitImport(path)


def forget_old(data_dir: Path) -> None:
    """Delete the previews that nobody has confirmed in time."""
    with suppress(OSError):  # the next round tries again
        if (data_dir / FOLDER).is_dir():
            _tidy(data_dir / FOLDER)


def plain_terms(terms: PermitTerms) -> dict[str, Any]:
    """Return terms as JSON values."""
    columns = columns_of(terms)
    columns["group"] = columns.pop("group_name")
    return {name: _plain(name, value) for name, value in columns.items()} | {"plates": list(terms.plates)}


def terms_of(plain: dict[str, Any]) -> PermitTerms:
    """Return the terms that JSON values hold; what they lack is as in a new permit."""
    values = _nothing() | plain
    return PermitTerms(
        **values
        | {
            "kind": PermitKind(values["kind"]),
            "plates": tuple(values["plates"]),
            "valid_from": _time(values["valid_from"]),
            "valid_until": _time(values["valid_until"]),
            "hours": hours_of(values["hours"]),
            "lanes": None if values["lanes"] is None else frozenset(values["lanes"]),
            "when_full": WhenFull(values["when_full"]),
        }
    )


def _nothing() -> dict[str, Any]:
    """Return what a permit says that says nothing, as JSON values."""
    return plain_terms(PermitTerms(kind=read_kind(""), plates=()))


def _plain(name: str, value: Any) -> Any:
    """Return the value of a field as a JSON value."""
    if isinstance(value, datetime):
        return value.isoformat()
    if name == "hours" and isinstance(value, tuple):
        return columns_of(PermitTerms(kind=PermitKind.RESIDENT, plates=(), hours=value))["hours"]
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def _by_plate(rows: Sequence[PermitRow]) -> dict[tuple[str, str], PermitRow]:
    """Return by plate and kind the newest permit without a reference."""
    return {(plate, row.kind): row for row in rows if row.reference is None for plate in row.plates}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _tidy(folder: Path) -> None:
    """Delete the previews that nobody confirmed: old ones, and the oldest if there are many."""
    files = sorted((file.stat().st_mtime, file) for file in folder.iterdir() if file.suffix in (".plan", ".reading"))
    for number, (at, file) in enumerate(reversed(files), 1):
        if at < time.time() - KEPT or number >= MOST_KEPT:
            file.unlink(missing_ok=True)
