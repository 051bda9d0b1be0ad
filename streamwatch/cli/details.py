"""All about one sighting or passage, as text for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TextIO

from rich.table import Table

from streamwatch.app.representation import Where
from streamwatch.cli.console import local_time
from streamwatch.cli.rich_output import cell, print_table, print_text
from streamwatch.core.model import Engine
from streamwatch.core.sentences import in_words, sentence
from streamwatch.core.text import some
from streamwatch.store import CallRow, KeyframeRow, PassageDetail, PassageRow, ReadingRow, SightingRow

Fact = tuple[str, str]


def print_sighting_detail(
    row: SightingRow, passages: Sequence[PassageDetail], where: Where, price: float, out: TextIO
) -> None:
    """Print a sighting with all its passages. where: names the file of a picture. price: of one charge unit."""
    _print_facts(
        out,
        [
            ("sighting", str(row.id)),
            ("plate", f"{row.plate}  ({row.kind})" if row.kind else row.plate),
            ("camera", row.camera),
            ("seen", _span(row.first_seen, row.last_seen)),
            ("sure", f"{_confidence(row.confidence)}, {some(row.reads, 'reading')}, by {row.engine.value}"),
            ("status", row.status.value),
            ("picture", "deleted" if row.image is None else str(row.image)),
        ],
    )
    for passage in passages:
        print_text("", out)
        print_passage_detail(passage, where, price, out)


def print_passage_detail(passage: PassageDetail, where: Where, price: float, out: TextIO) -> None:
    """Print a passage with its views, readings and calls. where: names a picture's file. price: of one charge unit."""
    _print_facts(out, list(_passage_facts(passage.row)))
    for keyframe in passage.keyframes:
        print_text("", out)
        facts = list(_keyframe_facts(keyframe, where))
        facts += [("reading", _reading(reading)) for reading in passage.readings if reading.keyframe == keyframe.id]
        facts += [("call", _call(call, price)) for call in passage.calls if call.keyframe == keyframe.id]
        _print_facts(out, facts)


def _passage_facts(row: PassageRow) -> Iterator[Fact]:
    plate = row.plate
    yield "passage", f"{row.id}" if row.closed else f"{row.id}, still there"
    if plate is not None:
        doubt = "" if plate.sighting is not None else ", which cannot be believed"
        yield "plate", f"{plate.text}  {_confidence(plate.confidence)}, by {plate.engine.value}{doubt}"
        if plate.others:
            yield "also", ", ".join(plate.others)
    elif row.engine is Engine.OPERATOR:
        yield "plate", "none, as a person saw"
    yield "camera", row.camera
    yield "seen", _span(row.opened_at, row.last_seen)
    yield "direction", row.direction.value
    yield "outcome", row.outcome.value


def _keyframe_facts(row: KeyframeRow, where: Where) -> Iterator[Fact]:
    yield "view", f"{row.id}, {local_time(row.captured_at)}, {row.width} x {row.height}"
    yield "chosen", sentence(row.reason)
    why = f": {sentence(row.state_reason)}" if row.state_reason else ""
    yield "state", f"{row.state.value}{why}"
    yield "picture", "deleted" if row.path is None else where(row.id, row.path)


def _reading(row: ReadingRow) -> str:
    who = f"by {row.operator}" if row.engine is Engine.OPERATOR and row.operator else f"by {row.engine.value}"
    raw = f", written {row.raw}" if row.raw != row.plate else ""
    repaired = ", a look-alike replaced" if row.repaired else ""
    return f"{row.plate or 'no plate'}  {_confidence(row.confidence)}, {who}{raw}{repaired}"


def _call(row: CallRow, price: float) -> str:
    outcome = "in flight" if row.outcome is None else in_words(row.outcome)
    charged = {True: f"cost {row.fee * price:.2f}", False: "not charged", None: "charged or not: unknown"}[row.charged]
    took = "" if row.latency is None else f", {row.latency:.1f} s"
    error = f": {row.error}" if row.error else ""
    return f"{row.id}, {local_time(row.started_at)}, {outcome}, {charged}{took}{error}"


def _confidence(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"


def _span(first: datetime, last: datetime) -> str:
    return f"{local_time(first)} to {local_time(last)}"


def _print_facts(out: TextIO, facts: Sequence[Fact]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(cell(name, "dim"), cell(value, "bold" if name == "plate" else ""))
    print_table(table, out)
