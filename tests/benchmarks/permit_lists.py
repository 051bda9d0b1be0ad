"""Imports long lists of permits, as a car park's program writes them: GBK, with formulas and wrong lines.

    python tests/benchmarks/permit_lists.py [LINES…]        by default 100000 1000000

It prints for each length the CPU seconds and the growth of memory for the preview, for writing what it showed, and for
the preview of the same list once more, which must find nothing to change; then the CPU seconds of a search and of
reading all permits.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from streamwatch.app.permit_import import ImportPreview, ImportRules, begin
from streamwatch.core.plates import CHINA
from streamwatch.store import DatabaseReader, PermitSearch, Store, open_reader, open_store

T = TypeVar("T")
EVERY = 7
"""One line in so many is wrong."""


def measured(what: str, call: Callable[[], T]) -> T:
    """Print the CPU seconds of a call and how much the memory has grown by it; return what it returns."""
    memory, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    result = call()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(f"  {what}: {time.process_time() - begun:.1f} s CPU, {grown:.0f} MiB more")
    return result


def write(file: Path, lines: int) -> None:
    """Write a list."""
    with file.open("w", encoding="gb18030") as out:
        out.write("编号,车牌,车主,类型,结束日期,备注\n")
        for n in range(lines):
            if n % EVERY == 0:
                out.write(f"{n},nonsense{n},x,月租,2027-02-30,\n")
            else:
                plate = f"京{'ABCDEFGHJK'[n % 10]}{n % 100_000:05}"
                out.write(f"{n},{plate},王{n},月租,2027-12-31,=cmd|' /C calc'!A{n}\n")


def run(lines: int, store: Store, reader: DatabaseReader, folder: Path) -> None:
    """Import one list twice."""
    file, now = folder / "list.csv", datetime.now(UTC)
    write(file, lines)

    def preview() -> ImportPreview:
        with file.open("rb") as content, begin(content, ImportRules(CHINA), reader.permits, folder, now) as made:
            return made.preview()

    def confirm() -> None:
        with file.open("rb") as content, begin(content, ImportRules(CHINA), reader.permits, folder, now) as made:
            changes = made.confirm(reader.permits, True, now)
            measured("writing", lambda: store.permits.take_list(changes, "a benchmark", now))

    print(f"{lines:,} lines, {file.stat().st_size / 1e6:.0f} MB")
    found = measured("preview", preview)
    print(f"  {found.bad:,} wrong lines, {found.added:,} to add. {found.hindrance}")
    if not found.hindrance:
        confirm()
        again = measured("the same once more", preview)
        print(f"  {again.added + again.changed + again.ended} changes, {again.unchanged:,} as they are")
        measured("a search", lambda: reader.permits.find(PermitSearch(text="99999"), None, 50))
        measured("reading all", reader.permits.load_all)


def main() -> None:
    """Run the lengths of the command line."""
    for lines in list(map(int, sys.argv[1:])) or [100_000, 1_000_000]:
        with tempfile.TemporaryDirectory() as name:
            folder, url = Path(name), f"sqlite:///{name}/permits.db"
            with closing(open_store(url, folder)) as store, closing(open_reader(url, folder)) as reader:
                run(lines, store, reader, folder)


if __name__ == "__main__":
    main()
