"""The daemon reports its state: metrics, judgement, status file."""

import json
import math
import os
import re
import threading
import time
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest
from snapshots import ILL, NOW, SECRET, WELL, camera

from streamwatch.core.errors import StorageFailed
from streamwatch.core.text import age, size, some
from streamwatch.health import (
    BreakerHealth,
    BudgetUse,
    OutboxHealth,
    Snapshot,
    health,
    read_status,
    render_metrics,
    status_json,
    status_table,
    write_status,
)

# Metrics


NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.]+(?:e[+-][0-9]+)?)")
UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
Labels = frozenset[tuple[str, str]]


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    """Return the metrics in a text of format 0.0.4. Each family must be one block with HELP, TYPE and samples."""
    assert text.endswith("\n")
    families: dict[str, dict[Labels, float]] = {}
    helped = current = kind = ""
    for line in text.removesuffix("\n").split("\n"):
        if match := re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line):
            helped = match[1]
        elif match := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", line):
            current, kind = match[1], match[2]
            assert current == helped
            assert current not in families, f"{current} comes twice"
            assert current.endswith("_total") is (kind == "counter")
            families[current] = {}
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == current, f"{line} outside its family"
            pairs = [(k, re.sub(r"\\.", lambda e: UNESCAPED[e[0]], v)) for k, v in re.findall(LABEL, match[2] or "")]
            assert len({name for name, _ in pairs}) == len(pairs)
            assert frozenset(pairs) not in families[current], f"{line} comes twice"
            families[current][frozenset(pairs)] = float(match[match.re.groups])
            assert math.isfinite(families[current][frozenset(pairs)])
            assert kind == "gauge" or families[current][frozenset(pairs)] >= 0
    assert all(families.values()), "a family without a sample"
    return families


def value(text: str, name: str, **labels: str) -> float | None:
    return parsed(text)[f"streamwatch_{name}"].get(frozenset(labels.items()))


@pytest.mark.parametrize("snapshot", [WELL, ILL, replace(WELL, cameras=(), calls={}, budget=())])
def test_metrics_are_valid(snapshot: Snapshot) -> None:
    families = parsed(render_metrics(snapshot))
    assert all(name.startswith("streamwatch_") for name in families)
    assert families["streamwatch_info"] == {frozenset({("version", "1.2.3")}): 1}


def test_metrics_tell_every_figure() -> None:
    text = render_metrics(WELL)
    assert value(text, "healthy") == 1
    assert value(text, "uptime_seconds") == 7265.5
    assert value(text, "camera_state", camera="gate", state="online") == 1
    assert value(text, "camera_state", camera="gate", state="frozen") == 0
    assert value(text, "camera_state_since_timestamp_seconds", camera="gate") == NOW.timestamp() - 90
    assert value(text, "camera_frames_per_second", camera="gate") == 24.97
    assert value(text, "camera_frames_total", camera="gate") == 1000
    assert value(text, "camera_dropped_frames_total", camera="gate") == 20
    assert value(text, "camera_small_stream_down", camera="gate") == 0
    assert value(text, "camera_last_frame_age_seconds", camera="gate") == 0.04
    assert value(text, "camera_last_frame_age_seconds", camera="后门") is None
    assert value(text, "passages_total", camera="gate") == 12
    assert value(text, "passages_closed_total", camera="gate", outcome="read") == 8
    assert value(text, "read_ratio", camera="gate") == 0.8
    assert value(text, "read_ratio", camera="后门") is None
    assert value(text, "calls_total", outcome="no_plate") == 2
    assert value(text, "budget_used_calls", window="day", camera="") == 10
    assert value(text, "budget_limit_calls", window="day", camera="") == 200
    assert value(text, "budget_limit_calls", window="month", camera="gate") is None
    assert value(text, "disk_free_bytes") == 5e9
    assert value(text, "database_up") == 1


def test_metrics_tell_what_is_wrong() -> None:
    text = render_metrics(ILL)
    assert value(text, "healthy") == 0
    assert value(text, "clock_trusted") == 0
    assert value(text, "camera_state", camera="a", state="frozen") == 1
    assert value(text, "camera_small_stream_down", camera="a") == 1
    assert value(text, "outbox_items") == 7
    assert value(text, "outbox_bytes") == 700_000
    assert value(text, "outbox_oldest_age_seconds") == 7200
    assert value(text, "outbox_dropped_total") == 3
    assert value(text, "breakers_open") == 1
    assert value(text, "breaker_open_until_timestamp_seconds", breaker="quota", camera="") == NOW.timestamp() + 3600
    assert value(text, "database_up") == 0
    assert value(text, "database_failed_since_timestamp_seconds") == NOW.timestamp()
    assert value(text, "thread_stalled", thread="reader 1") == 1


def test_labels_are_escaped() -> None:
    odd = 'a\\b"c\nd\\n{},='
    text = render_metrics(replace(WELL, calls={odd: 3}, breakers=(BreakerHealth(odd, NOW, None, ""),)))
    assert value(text, "calls_total", outcome=odd) == 3
    assert value(text, "breaker_open_since_timestamp_seconds", breaker=odd, camera="") == NOW.timestamp()


def test_metrics_tell_what_is_unlike_before() -> None:
    text = render_metrics(ILL)
    assert value(text, "camera_finding", camera="entry", finding="no_vehicle") == 1
    assert value(text, "camera_finding", camera="exit", finding="plates_shrunk") == 1


# Judgement


def test_all_is_well() -> None:
    assert health(WELL) == (True, [])


def test_every_trouble_is_a_reason() -> None:
    ok, reasons = health(ILL)
    assert not ok
    expected = [
        "reader 1 makes no progress",
        "database has not been writable since",
        "5.0 MB are free, 1.0 GB must be",
        "Camera a has been frozen since",
        "Camera b has been away since",
        "Camera c cannot work: There is no file",
        r"held back \(quota\) until .*buy more calls|held back \(quota\)",
        "answer is overdue: a call has been running for 12 s",
        "budget for this day is used up: 200 of 200",
        "budget of camera a for this hour",
        "Waiting for the engine: 7 pictures, the oldest for 2 h",
    ]
    assert len(reasons) == len(expected)
    for pattern, reason in zip(expected, reasons, strict=True):
        assert re.search(pattern, reason)


@pytest.mark.parametrize(
    "calm",
    [
        replace(WELL, cameras=(camera(state="reconnecting", since=59),)),
        replace(WELL, cameras=(camera(state="ended"),)),
        replace(WELL, outbox=OutboxHealth(100, 10_000_000, 3599, 0)),
        replace(WELL, budget=(BudgetUse("day", "", 199, 200),)),
    ],
)
def test_what_passes_by_itself_is_no_reason(calm: Snapshot) -> None:
    assert health(calm) == (True, [])


def test_no_credentials_get_out(tmp_path: Path) -> None:
    write_status(tmp_path / "status.json", ILL)
    status = read_status(tmp_path / "status.json", True)
    told = [repr(ILL), render_metrics(ILL), str(health(ILL)), (tmp_path / "status.json").read_text()]
    told += [status_table(status), status_json(status)]
    assert "***" in told[0]
    assert not [text for text in told if SECRET in text]


# The status file


@pytest.mark.parametrize("snapshot", [WELL, ILL])
def test_the_status_file_gives_back_the_snapshot(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, replace(WELL, version="older"))
    write_status(path, snapshot)
    status = read_status(path, True)
    assert status.snapshot == snapshot
    assert status.running
    assert os.listdir(tmp_path) == ["status.json"]


def test_calls_may_be_counted_by_a_counter_that_goes_on(tmp_path: Path) -> None:
    calls = Counter({"read": 8})
    snapshot = replace(WELL, calls=calls)
    calls["read"] += 1
    write_status(tmp_path / "status.json", snapshot)
    assert read_status(tmp_path / "status.json", True).snapshot.calls == {"read": 8}


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path, stop = tmp_path / "status.json", threading.Event()
    write_status(path, WELL)

    def write() -> None:
        while not stop.is_set():
            write_status(path, WELL)
            write_status(path, ILL)

    writer = threading.Thread(target=write)
    writer.start()
    seen, reads, until = set[bool](), 0, time.monotonic() + 30
    while reads < 300 or (len(seen) < 2 and time.monotonic() < until):
        seen.add(read_status(path, True).snapshot.clock_trusted)
        reads += 1
    stop.set()
    writer.join()
    assert seen == {True, False}


def test_a_missing_status_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"not running.*status\.json\. Start it with `streamwatch run`"):
        read_status(tmp_path / "status.json", False)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"taken_at": 1}', '{"taken_at": "x"}'])
def test_a_damaged_status_file_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(text)
    with pytest.raises(StorageFailed, match="cannot be understood"):
        read_status(tmp_path / "status.json", True)


def test_a_status_file_that_is_no_text_or_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StorageFailed, match="cannot be understood"):
        read_status(tmp_path / "status.json", True)
    write_status(tmp_path / "status.json", WELL)
    told = json.loads((tmp_path / "status.json").read_text()) | {"a_new_field": 1}
    (tmp_path / "status.json").write_text(json.dumps(told))
    with pytest.raises(StorageFailed, match="another version"):
        read_status(tmp_path / "status.json", True)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"status\.json cannot be written: No such file"):
        write_status(tmp_path / "gone" / "status.json", WELL)


@pytest.mark.parametrize("seconds", [-3600, 31, 86_400])
def test_a_stale_status_says_that_the_daemon_is_gone(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, WELL)
    os.utime(path, (time.time() - seconds,) * 2)
    status = read_status(path, False)
    assert not status.running
    assert status_table(status).startswith("The daemon is not running (last sign of life 20")
    told = json.loads(status_json(status))
    assert (told["running"], told["healthy"]) == (False, False)
    assert [reason[:30] for reason in told["reasons"]] == ["The daemon is not running (las"]
    assert told["age"] == pytest.approx(seconds, abs=5)


def test_a_daemon_that_stopped_just_now_is_not_running(tmp_path: Path) -> None:
    write_status(tmp_path / "status.json", WELL)
    status = read_status(tmp_path / "status.json", False)
    assert not status.running
    assert "The daemon is not running" in status_table(status).splitlines()[0]


def test_a_daemon_that_cannot_write_its_status_is_not_to_be_started_again(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    with pytest.raises(StorageFailed, match=r"A streamwatch writes the database, but there is no .* Is it a replay"):
        read_status(path, True)
    write_status(path, WELL)
    os.utime(path, (time.time() - 60,) * 2)
    status = read_status(path, True)
    first, *_ = status_table(status).splitlines()
    assert first.startswith("A streamwatch writes the database, but has written no status since 20")
    assert "is the disk full" in first
    assert "streamwatch run" not in first
    assert json.loads(status_json(status))["running"] is False


def test_the_table_shows_each_camera_and_every_figure(tmp_path: Path) -> None:
    write_status(tmp_path / "status.json", WELL)
    lines = status_table(read_status(tmp_path / "status.json", True)).splitlines()
    assert all(len(line) < 80 for line in lines)
    assert lines[0].startswith("streamwatch 1.2.3 has been running for 2 h 1 m; as of 0.")
    assert lines[2].split()[:4] == ["camera", "state", "for", "fps"]
    assert " ".join(lines[3].split()) == "gate online 1 m 30 s 25.0 0.0 s ago"
    assert lines[4].split()[:2] == ["后门", "online"]
    # A Chinese character is two cells wide, so its line has fewer characters before the same column.
    assert lines[4].index("online") == lines[3].index("online") - 2
    assert lines[6].split() == ["camera", "passages", "read", "unread", "unsure", "failed", "rate"]
    assert lines[7].split() == ["gate", "12", "8", "1", "1", "0", "80%"]
    text = "\n".join(lines)
    for fact in ("outbox", "0 pictures", "2 no plate, 8 read", "10 of 200 calls (5%)", "gate: 10 calls, no limit"):
        assert fact in text


def test_the_table_says_that_a_substream_is_not_watched(tmp_path: Path) -> None:
    dark = camera(unwatched="192.0.2.7:554 refuses the connection.")
    write_status(tmp_path / "status.json", replace(WELL, cameras=(dark,)))
    status = read_status(tmp_path / "status.json", True)
    assert health(status.snapshot) == (True, [])
    sentence = (
        "gate: its substream cannot be watched, so only the main stream is. 192.0.2.7:554 refuses the connection."
    )
    assert sentence in status_table(status).splitlines()


def test_on_a_terminal_long_names_are_shortened_and_rows_stay_whole(tmp_path: Path) -> None:
    long = camera("a-camera-with-a-very-long-name-at-the-north-gate", "reconnecting", 3599, last_frame_age=3599)
    write_status(tmp_path / "status.json", replace(WELL, cameras=(long, camera("很长的摄像机名称" * 8))))
    status = read_status(tmp_path / "status.json", True)
    lines = status_table(status, narrow=True).splitlines()
    assert [line.split()[0] for line in lines if "…" in line] == [
        "a-camera-with-a-very-long-nam…",
        f"{'很长的摄像机名称' * 2}"[:14] + "…",
    ] * 2
    assert all(len(line) < 80 for line in lines if not line.startswith("!"))
    assert long.name in status_table(status)


def test_the_table_begins_with_what_is_wrong(tmp_path: Path) -> None:
    write_status(tmp_path / "status.json", ILL)
    text = status_table(read_status(tmp_path / "status.json", True))
    assert text.count("\n! ") == len(health(ILL)[1])
    assert "7 pictures, 700.0 kB, the oldest for 2 h 0 m; 3 dropped" in text
    assert "quota since" in text
    assert "not trusted: set by no time server" in text


def test_json_holds_every_field_and_the_read_rate(tmp_path: Path) -> None:
    write_status(tmp_path / "status.json", WELL)
    told = json.loads(status_json(read_status(tmp_path / "status.json", True)))
    assert {field.name for field in fields(Snapshot)} | {"running", "age", "healthy", "reasons", "notices"} == set(told)
    assert told["cameras"][0]["read_rate"] == 0.8
    assert told["cameras"][1]["read_rate"] is None
    assert told["taken_at"] == "2026-03-01T12:00:00.250+00:00"
    assert told["healthy"] is True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59, "59 s"), (60, "1 m 0 s"), (3661, "1 h 1 m"), (93_780, "26 h 3 m"), (200_000, "2 d 7 h")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_numbers_of_things() -> None:
    assert [some(n, "picture") for n in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]


def test_sizes() -> None:
    assert [size(n) for n in (0, 999, 1000, 1_500_000, 2 * 10**12)] == ["0 B", "999 B", "1.0 kB", "1.5 MB", "2.0 TB"]
