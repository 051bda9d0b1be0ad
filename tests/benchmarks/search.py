"""What searching a large database costs the server: CPU seconds of each question, for SQLite and PostgreSQL.

    python tests/benchmarks/search.py [PASSAGES] [FOLDER]

PASSAGES (a million) are written directly, with one keyframe each, a reading and a sighting if a plate was read; a fifth
as many different plates. FOLDER keeps the SQLite file for a second run. PostgreSQL runs in a folder of its own, with
128 MB of shared buffers and no parallel workers; its CPU is that of the session's process, plus ours.
The goal: at most 0.15 s each. It also prints the size of the tables and indexes that are there for searching, and what
writing a passage costs.
"""

import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from records import keyframe, passage, reading, sighting
from servers import USER, Server
from sqlalchemy import text

from streamwatch.core.model import Engine
from streamwatch.core.plates import part_of_plate
from streamwatch.store import DatabaseReader, PassageOutcome, Search, open_reader, open_store
from streamwatch.store.plate_parts import parts_of

BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
APART = timedelta(seconds=95)
BATCH = 20_000
ELSEWHERE = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫"
INDEXES = ("plate_parts", "pk_plate_parts", "ix_passages_plate_opened_at", "ix_passages_outcome_opened_at")
"""What is there for searching, beside `ix_passages_revision`."""
SIZES = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i')
"""
COLUMNS = {
    "passages": "id, key, camera, opened_at, last_seen, closed, direction, outcome, clock_trusted, recorded_at, "
    "revision, plate, engine, confidence",
    "keyframes": "id, key, passage_id, camera, captured_at, path, sha256, bytes, width, height, crop_x, crop_y, "
    "crop_width, crop_height, scale, score, reason, state, state_reason, clock_trusted",
    "sightings": "id, key, camera, plate, kind, confidence, first_seen, last_seen, reads, status, engine, passage_id, "
    "keyframe_id",
    "readings": "id, key, keyframe_id, sighting_id, engine, raw, plate, kind, repaired, confidence, corners",
    "plate_parts": "part, plate",
}


def plates(number: int, chance: random.Random) -> list[str]:
    """Return different plates: seven of ten of one town, the others of the whole country."""
    found: set[str] = set()
    while len(found) < number:
        town = "苏E" if chance.random() < 0.7 else chance.choice(ELSEWHERE) + chance.choice("ABCDEFGH")
        green = chance.random() < 0.3
        serial = (
            chance.choice("DF") + "".join(chance.choices("0123456789", k=5))
            if green
            else "".join(chance.choices("0123456789" * 4 + "ABCDEFGHJKLMNPQRSTUVWXYZ", k=5))
        )
        found.add(town + serial)
    return sorted(found)


def rows(number: int) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """Yield the rows of some passages after the other, by table."""
    chance = random.Random(1)
    known = plates(number // 5, chance)
    weights = [1 / (n + 20) for n in range(len(known))]
    chance.shuffle(known)
    some: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
    some["plate_parts"] = [(part, plate) for plate in known for part in parts_of(plate)]
    seen = chance.choices(known, weights, k=number)
    for n in range(1, number + 1):
        at, camera = BEGIN + n * APART, f"gate-{n % 4}"
        gone, key = at + timedelta(seconds=8), UUID(int=chance.getrandbits(128)).hex
        read = chance.random() < 0.95
        plate = seen[n - 1] if read else ""
        engine, sure = (
            ("ocrcars" if n % 3 else "local", round(0.7 + 0.3 * chance.random(), 3)) if read else (None, None)
        )
        outcome = "read" if read else chance.choice(["unread", "unsure", "failed"])
        some["passages"].append((n, key, camera, at, gone, True, "coming", outcome, True, at, n, plate, engine, sure))
        size = (180_000, 1280, 720, 0, 0, 1920, 1080, 0.6667)
        path = f"evidence/{camera}/x/{key}.jpg"
        some["keyframes"].append((n, key, n, camera, at, path, key * 2, *size, 3.5, "best_view", "answered", "", True))
        if read:
            some["sightings"].append((n, key, camera, plate, "ordinary", sure, at, gone, 1, "final", engine, n, n))
            corners = "[[700, 500], [840, 500], [840, 545], [700, 545]]"
            some["readings"].append((n, key, n, n, engine, plate, plate, "ordinary", False, sure, corners))
        if n % BATCH == 0 or n == number:
            yield some
            some = {table: [] for table in COLUMNS}


def fill_sqlite(file: Path, number: int) -> None:
    """Write the rows into a new file."""
    open_store(f"sqlite:///{file}", file.parent / "data").close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-1000000")
        for some in rows(number):
            for table, lines in some.items():
                plain = [tuple(_as_text(value) for value in line) for line in lines]
                marks = ", ".join("?" * len(COLUMNS[table].split(",")))
                connection.executemany(f"INSERT INTO {table} ({COLUMNS[table]}) VALUES ({marks})", plain)
        connection.execute("UPDATE identity SET revision = ?", (number,))
        connection.commit()


def _as_text(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond:06d}" if isinstance(value, datetime) else value


def fill_postgresql(server: Server, url: str, schema: str, number: int, folder: Path) -> None:
    """Write the rows into a new schema."""
    open_store(url, folder / "data").close()
    where = f"host={server.folder} port={server.port} dbname={USER} user={USER} options=-csearch_path={schema}"
    with closing(psycopg.connect(where)) as connection:
        for some in rows(number):
            for table, lines in some.items():
                with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({COLUMNS[table]}) FROM STDIN") as copy:
                    for line in lines:
                        copy.write_row(line)
        connection.execute("UPDATE identity SET revision = %s", (number,))
        for table in COLUMNS:
            if table != "plate_parts":
                connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                )
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def cpu_of(reader: DatabaseReader, ask: Callable[[], object], runs: int = 5) -> tuple[float, object]:
    """Return the CPU seconds of a question, ours and the server's, and the answer. The first run does not count."""
    pid = 0
    if reader._engine.dialect.name == "postgresql":
        with reader._engine.connect() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar() or 0
    answer = ask()
    before = _ours() + _theirs(pid)
    for _ in range(runs):
        answer = ask()
    return (_ours() + _theirs(pid) - before) / runs, answer


def _ours() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _theirs(pid: int) -> float:
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def questions(reader: DatabaseReader, number: int) -> dict[str, Callable[[], object]]:
    """Return what is asked, by its name."""
    find, last = reader.passages.find, BEGIN + number * APART
    common = find(Search(), limit=1).rows[0]
    frequent = common.plate.text if common.plate is not None else "苏E12345"

    def part(of: str, **more: Any) -> Callable[[], object]:
        return lambda: find(Search(plate=part_of_plate(of), **more))

    month = last - timedelta(days=30)
    deep = find(Search(), limit=50).after
    return {
        "first page of Gate": lambda: find(Search()),
        "next page": lambda: find(Search(), after=deep),
        "first page, one camera of the user's": lambda: find(Search(), frozenset({"gate-2"})),
        "part 8888 (rare)": part("8888"),
        "part 12 (frequent)": part("12"),
        "part A1": part("A1"),
        "part that no plate has": part("Q7Q7Q"),
        "one character, 5": part("5"),
        "whole plate of a regular": part(frequent),
        "pattern 苏E*99": part("苏E*99"),
        "part 123 on one camera": part("123", cameras=frozenset({"gate-1"})),
        "look-alikes of 苏E8B123": part("苏E8B123", like=True),
        "look-alikes of a regular": part(frequent, like=True),
        "look-alikes of 12345": part("12345", like=True),
        "look-alikes of E12": part("E12", like=True),
        "look-alikes of a green plate": part("苏ED12345", like=True),
        "8:00 to 10:00 of the last 30 days": lambda: find(Search(since=month, begin=clock(8), end=clock(10))),
        "8:00 to 10:00 of one day a year ago": lambda: find(
            Search(since=last - timedelta(365), until=last - timedelta(364), begin=clock(8), end=clock(10))
        ),
        "Tuesdays at night, part 777": part("777", weekdays=frozenset({1}), begin=clock(22), end=clock(4)),
        "a day two years ago": lambda: find(Search(since=last - timedelta(731), until=last - timedelta(730))),
        "unread": lambda: find(Search(unread=True)),
        "unsure, one camera": lambda: find(
            Search(outcomes=frozenset({PassageOutcome.UNSURE}), cameras=frozenset({"gate-1"}))
        ),
        "confidence below 0.705": lambda: find(Search(most=0.705)),
        "typed in by hand (none)": lambda: find(Search(engines=frozenset({Engine.OPERATOR}))),
        "count of 8888": lambda: reader.passages.count(Search(plate="*8888*")),
        "count of all, capped": lambda: reader.passages.count(Search()),
        "count of unread, capped": lambda: reader.passages.count(Search(unread=True)),
        "a passage with all": lambda: reader.passages.detail(common.id),
        "changed since the last": lambda: reader.passages.changed_since(number - 20),
        "sightings with 8888": lambda: reader.sightings("*8888*", limit=50),
    }


def report(name: str, reader: DatabaseReader, number: int) -> None:
    """Print a line for each question."""
    for question, ask in questions(reader, number).items():
        seconds, answer = cpu_of(reader, ask)
        shown = getattr(answer, "rows", answer)
        found = len(shown) if isinstance(shown, tuple | list) else shown if isinstance(shown, int) else 1
        mark = "  <-- more than 0.15 s" if seconds > 0.15 else ""
        print(f"{name:10}  {question:40} {seconds * 1000:8.1f} ms  {found:5} found{mark}", flush=True)


def writing(url: str, folder: Path, name: str, number: int = 200) -> None:
    """Print what the rows of a passage cost to write, in CPU and time."""
    store = open_store(url, folder / "data")
    before, begin = _ours(), time.perf_counter()
    for n in range(number):
        stay = passage("gate-1", datetime.now(UTC))
        view, said = keyframe(stay), f"苏E{n:05d}"
        store.passages.save(stay)
        store.keyframes.save(view)
        one = reading(view, said)
        with store.together():
            store.keyframes.answered(view.key, [one])
            store.sightings.save(sighting(view, said), [one.key], "ordinary")
        store.passages.set_outcome(stay.key, PassageOutcome.READ)
    cpu, wall = (_ours() - before) / number, (time.perf_counter() - begin) / number
    print(f"{name:10}  writing a passage: {cpu * 1000:.2f} ms of our CPU, {wall * 1000:.1f} ms")
    store.close()


def sqlite(number: int, folder: Path) -> None:
    """Measure SQLite."""
    file = folder / f"search-{number}.db"
    if not file.exists():
        fill_sqlite(file, number)
    url = f"sqlite:///{file}"
    open_store(url, folder / "data").close()
    with closing(open_reader(url, folder / "data")) as reader:
        report("SQLite", reader, number)
    try:
        with closing(sqlite3.connect(file)) as connection:
            sizes = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
    except sqlite3.OperationalError:  # built without dbstat
        sizes = [("file", file.stat().st_size)]
    growth("SQLite", sizes)
    writing(url, folder, "SQLite")


def growth(name: str, sizes: list[Any]) -> None:
    """Print the size of the database and of what is there for searching."""
    parts = [f"{table} {size / 1e6:.0f} MB" for table, size in sizes if table in (*INDEXES, "ix_passages_revision")]
    print(f"{name:10}  all: {sum(size for _, size in sizes) / 1e6:.0f} MB; of it {', '.join(parts)}")


def postgresql(number: int, folder: Path) -> None:
    """Measure PostgreSQL."""
    server = Server()
    try:
        server.stop()
        with (server.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("shared_buffers = 128MB\nmax_wal_size = 1GB\nmax_parallel_workers_per_gather = 0\n")
        server.start()
        database = server.database()
        fill_postgresql(server, database.url, database.schema, number, folder)
        with closing(open_reader(database.url, folder / "data")) as reader:
            report("PostgreSQL", reader, number)
        growth("PostgreSQL", database.rows(SIZES))
        writing(database.url, folder, "PostgreSQL")
    finally:
        server.remove()


def main() -> None:
    """Fill both databases and print a line for each question."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(name)
        (folder / "data" / "evidence").mkdir(parents=True, exist_ok=True)
        sqlite(number, folder)
        postgresql(number, folder)


if __name__ == "__main__":
    main()
