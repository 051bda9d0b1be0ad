"""The report of the verb `what-if`: counts, and the vehicles with which something else would have happened."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

from rich.table import Table

from streamwatch.app.representation import as_json
from streamwatch.app.what_if import Difference, Redecided, RedecidedObject, WhatIf
from streamwatch.cli.console import local_time
from streamwatch.cli.rich_output import cell, print_table, print_text
from streamwatch.core.sentences import in_words
from streamwatch.core.text import some, when

SHOWN = 200
"""Rows of the table; JSON and CSV have all."""
SAID = {
    Difference.LET_IN: "were not let in, and would be now",
    Difference.LET_IN_UNASKED: "would be let in now without asking a person",
    Difference.ASKED: "would be asked about now",
    Difference.NOT_LET_IN: "were let in, and would not be now",
    Difference.SAME: "would be as they were",
}


def what_if_record(found: WhatIf, rows: Sequence[Redecided], since: datetime, until: datetime) -> dict[str, Any]:
    """Return the report for programs."""
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "sightings": len(found.rows),
        "let_in_then": found.then_in,
        "let_in_now": found.opened,
        "undecided_then": found.undecided,
        "differences": {difference.value: found.counts[difference] for difference in Difference},
        "rows": [as_json(RedecidedObject.model_validate(row)) for row in rows],
    }


def print_what_if(found: WhatIf, rows: Sequence[Redecided], since: datetime, until: datetime, out: TextIO) -> None:
    """Print the report for people."""
    print_text(f"{some(len(found.rows), 'sighting')} from {when(since)} to {when(until)}", out)
    if not found.rows:
        return
    print_text(f"let in then: {found.then_in}, by the program or a person; by the program now: {found.opened}", out)
    if found.undecided:
        print_text(f"nothing was decided then on {some(found.undecided, 'sighting')}", out)
    for difference, said in SAID.items():
        print_text(f"{found.counts[difference]:>6} {said}", out)
    if rows:
        print_text("", out)
        _print_rows(rows[:SHOWN], out)
    if len(rows) > SHOWN:
        print_text(f"\n{len(rows) - SHOWN} more; --format csv or json has all", out)


def _print_rows(rows: Sequence[Redecided], out: TextIO) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("seen", "lane", "plate", "holder", "then", "now", "why", "sighting"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            local_time(row.at),
            cell(row.lane),
            cell(row.plate, "bold"),
            cell(row.holder),
            row.then.value,
            row.verdict.value,
            in_words(row.reason),
            str(row.sighting),
        )
    print_table(table, out)
