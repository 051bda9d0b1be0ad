"""Writes and reads the status file, from which the verb `status` knows the state of the daemon, and formats it."""

import json
import os
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streamwatch.core.barrier_state import BarrierState
from streamwatch.core.errors import StorageFailed
from streamwatch.core.sentences import in_words
from streamwatch.core.text import age, json_text, size, some, when
from streamwatch.health.judgement import about, health, notices, receivers
from streamwatch.health.reloads import reload_sentences
from streamwatch.health.remarks import in_english
from streamwatch.health.snapshot import BudgetUse, CameraHealth, Snapshot, as_json, from_json
from streamwatch.system.files import write_whole

STATUS_FILE = "status.json"
"""In `data_dir`."""
STALE = 30.0
"""Seconds without a new status file after which the daemon counts as gone; it writes one every few seconds."""

_SILENT = "Is it a replay, or is the disk full, or `data_dir` not writable?"
CLOCK = "not trusted: set by no time server, or stepped; see `timedatectl`"
NAME = 30
"""Cells of a camera's name up to which its row stays within 80 cells."""


@dataclass(frozen=True, slots=True)
class Status:
    """The content of the file. written_at: the daemon's last sign of life. age: seconds since then.

    held: True if a process holds the database's lock. running: True if the file is fresh, too. A clock that was set
    back, as after a start without its battery, makes the file look old.
    """

    snapshot: Snapshot
    written_at: datetime
    age: float
    held: bool

    @property
    def running(self) -> bool:
        """Return True if the daemon runs and gave a sign of life lately."""
        return self.held and abs(self.age) <= STALE


def write_status(path: Path, snapshot: Snapshot) -> None:
    """Replace the file in one step: a reader sees the old one or the new one. Raise StorageFailed."""
    text = json.dumps(as_json(snapshot), ensure_ascii=False) + "\n"
    try:
        write_whole(path, text.encode(), durable=False)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror}.") from None


def read_status(path: Path, held: bool) -> Status:
    """Return the status. Raise StorageFailed, with what to do, if the file is missing or cannot be understood.

    held: True if a process holds the database's lock, as the daemon does.
    """
    try:
        with path.open(encoding="utf-8") as file:
            written = os.fstat(file.fileno()).st_mtime
            snapshot = from_json(json.load(file))
    except FileNotFoundError:
        if held:
            raise StorageFailed(f"A streamwatch writes the database, but there is no {path}.", _SILENT) from None
        raise StorageFailed(
            f"The daemon is not running and has left no {path}.",
            "Start it with `streamwatch run`, or name the config that it uses with --config.",
        ) from None
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read: {error.strerror}.") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StorageFailed(
            f"{path} cannot be understood.", "Is the daemon of another version? Restart it; it writes a new one."
        ) from None
    return Status(snapshot, datetime.fromtimestamp(written, UTC), time.time() - written, held)


def status_table(status: Status, narrow: bool = False) -> str:
    """Return several lines: what is wrong, the cameras, the rest. Only sentences are wider than 80 cells.

    narrow: shorten the names of cameras if they make a table wider than that.
    """
    return "\n".join(_table(status, narrow))


def status_json(status: Status) -> str:
    """Return the status as JSON, with a line break at the end."""
    ok, reasons = health(status.snapshot)
    if not status.running:
        reasons = [_gone(status), *reasons]
    told = {
        "running": status.running,
        "age": round(status.age, 1),
        "healthy": status.running and ok,
        "reasons": reasons,
        "notices": [in_english(notice, status.snapshot.taken_at) for notice in notices(status.snapshot)],
        **as_json(status.snapshot),
    }
    return json_text(told) + "\n"


def _table(status: Status, narrow: bool) -> Iterator[str]:
    snapshot = status.snapshot
    _, reasons = health(snapshot)
    if status.running:
        seen = age(max(0.0, status.age))
        yield f"streamwatch {snapshot.version} has been running for {age(snapshot.uptime)}; as of {seen} ago."
    else:
        yield f"{_gone(status)} {_SILENT if status.held else 'Start it with `streamwatch run`.'} Its last status:"
    yield from (f"! {reason}" for reason in reasons)
    said = (*(about(finding, snapshot.taken_at) for finding in snapshot.findings), *receivers(snapshot))
    yield from (f"? {in_english(remark, snapshot.taken_at)}" for remark in said)
    yield ""
    yield from _columns(
        ("camera", "state", "for", "fps", "last picture"),
        [(_name(camera, narrow), *_state(camera, snapshot.taken_at)) for camera in snapshot.cameras],
    )
    for camera in snapshot.cameras:
        if camera.state != "online" and camera.last_error and not any(camera.last_error in r for r in reasons):
            yield f"{camera.name}: {camera.last_error}"
        if camera.unwatched:
            yield f"{camera.name}: its substream cannot be watched, so only the main stream is. {camera.unwatched}"
    yield ""
    yield from _columns(
        ("camera", "passages", "read", "unread", "unsure", "failed", "rate"),
        [(_name(camera, narrow), *_counts(camera)) for camera in snapshot.cameras],
    )
    yield ""
    yield from _columns(("", ""), list(_facts(snapshot)))


def _gone(status: Status) -> str:
    last = when(status.written_at)
    if status.held:
        return f"A streamwatch writes the database, but has written no status since {last}."
    return f"The daemon is not running (last sign of life {last})."


def _name(camera: CameraHealth, narrow: bool) -> str:
    name = camera.name
    while narrow and _width(name) > NAME:
        name = name.removesuffix("…")[:-1] + "…"
    return name


def _state(camera: CameraHealth, now: datetime) -> tuple[str, ...]:
    last = camera.last_frame_age
    return (
        camera.state,
        age(max(0.0, (now - camera.since).total_seconds())),
        f"{camera.fps:.1f}",
        "never" if last is None else f"{age(last)} ago",
    )


def _counts(camera: CameraHealth) -> tuple[str, ...]:
    rate = camera.read_rate
    return (
        *(str(n) for n in (camera.passages, camera.read, camera.unread, camera.unsure, camera.failed)),
        "" if rate is None else f"{rate:.0%}",
    )


def _facts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    outbox, disk, database = snapshot.outbox, snapshot.disk, snapshot.database
    waiting = f"{some(outbox.items, 'picture')}, {size(outbox.bytes)}"
    oldest = f", the oldest for {age(outbox.oldest_age)}" if outbox.items else ""
    yield "outbox", waiting + oldest + (f"; {outbox.dropped} dropped" if outbox.dropped else "")
    calls = [f"{count} {in_words(outcome)}" for outcome, count in sorted(snapshot.calls.items())]
    yield "calls", ", ".join(calls) or "none"
    if snapshot.in_flight.calls:
        under_way = f"{some(snapshot.in_flight.calls, 'call')}, the oldest for {age(snapshot.in_flight.oldest_age)}"
        yield "under way", under_way
    for use in snapshot.budget:
        yield f"budget, {use.window}", _used(use)
    for breaker in snapshot.breakers:
        until = "" if breaker.until is None else f", next try {when(breaker.until)}"
        yield "held back", f"{breaker.label} since {when(breaker.since)}{until}"
    for barrier in snapshot.barriers:
        yield f"barrier {barrier.name}", _barrier(barrier)
    if snapshot.killed:
        yield "kill switch", "on: no barrier opens"
    yield "disk", f"{size(disk.free)} free, floor {size(disk.floor)}, pictures {size(disk.evidence)}"
    yield "database", "ok" if database.failed_since is None else f"failing since {when(database.failed_since)}"
    yield "console", snapshot.console.address or ("not served" if snapshot.console.why else "off")
    if snapshot.reload is not None:
        since = age(max(0.0, (snapshot.taken_at - snapshot.reload.at).total_seconds()))
        yield "config", f"{since} ago: {' '.join(reload_sentences(snapshot.reload))}"
    yield "clock", "trusted" if snapshot.clock_trusted else CLOCK


def _barrier(barrier: BarrierState) -> str:
    position = "position not reported" if barrier.position is None else barrier.position.value
    held = "" if barrier.held_until is None else f", held open until {when(barrier.held_until)}"
    return position + held + (f"; {barrier.fault}" if barrier.fault else "")


def _used(use: BudgetUse) -> str:
    whose = f"{use.camera}: " if use.camera else ""
    if use.limit is None:
        return f"{whose}{use.used} calls, no limit"
    part = f" ({use.used / use.limit:.0%})" if use.limit else ""
    return f"{whose}{use.used} of {use.limit} calls{part}"


def _columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    lines = [row for row in (head, *rows) if any(row)]
    widths = [max(_width(line[n]) for line in lines) for n in range(len(head))]
    for line in lines:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """Return the cells that a text takes on a terminal: two for a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
