"""What people are told, and when: pure."""

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from streamwatch.core.codes import EventType, NoticeKind
from streamwatch.outward.notice_texts import CHINESE, ENGLISH
from streamwatch.outward.notices import MOST_LINES, NOTHING, WAITS_FOR, Notice, NoticeMemory, Wishes, due, heard
from streamwatch.store import EventRow

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ALL = Wishes(frozenset(NoticeKind))
NIGHT = replace(ALL, quiet=(time(22), time(6, 30)))


def event(kind: EventType, at: datetime = NOON, **data: Any) -> EventRow:
    return EventRow(1, "key", kind, "subject", str(data.get("camera", "front")) or None, at, at, data)


def decided(verdict: str, reason: str, at: datetime = NOON, plate: str = "京AF0236", **more: Any) -> EventRow:
    data = {"lane": "entry", "plate": plate, "verdict": verdict, "reason": reason, "holder": "", "keyframe": "k1"}
    return event(EventType.DECISION, at, **{**data, "answer": "", **more})


def camera(online: bool, at: datetime = NOON) -> EventRow:
    return event(EventType.CAMERA, at, camera="front", online=online, error="no answer", state="x", since="y")


def trouble(code: str, topic: str, active: bool = True) -> EventRow:
    return event(
        EventType.HEALTH, code=code, topic=topic, camera="", active=active, text=f"It is {code}.", advice="Do it."
    )


def told(
    events: list[EventRow], wishes: Wishes = ALL, now: datetime = NOON, memory: NoticeMemory = NOTHING
) -> list[Notice]:
    notices = []
    for one in events:
        notice, memory = heard(one, wishes, memory, now)
        notices += [] if notice is None else [notice]
    return notices


@pytest.mark.parametrize(
    ("one", "kind", "title"),
    [
        (decided("deny", "blocked"), NoticeKind.BLOCKED, "Blocked vehicle 京AF0236 at entry"),
        (decided("deny", "held"), NoticeKind.BLOCKED, "Vehicle 京AF0236 may not leave at entry"),
        (decided("ask", "unknown"), NoticeKind.WAITING, "京AF0236 waits at entry"),
        (camera(False), NoticeKind.CAMERA, "Camera front is away"),
        (camera(True), NoticeKind.CAMERA, "Camera front is back"),
        (trouble("budget_used_up", "calls"), NoticeKind.BUDGET, "streamwatch: It is budget_used_up."),
        (trouble("disk_full", "disk"), NoticeKind.DISK, "streamwatch: It is disk_full."),
        (trouble("disk_full", "disk", active=False), NoticeKind.DISK, "Over: It is disk_full."),
        (trouble("barrier_fault", "barrier"), NoticeKind.BARRIER, "streamwatch: It is barrier_fault."),
        (trouble("thread_stalled", "program"), NoticeKind.OTHER, "streamwatch: It is thread_stalled."),
        (
            event(EventType.OPENING, barrier="arm", lane="entry", state="failed", detail="no answer", plate="x"),
            NoticeKind.BARRIER,
            "Barrier arm did not open",
        ),
        (event(EventType.TEST, text="hello", who="li"), None, "streamwatch: a test"),
    ],
)
def test_each_kind(one: EventRow, kind: NoticeKind | None, title: str) -> None:
    (notice,) = told([one])
    assert (notice.kind, notice.title) == (kind, title)
    if kind is not None:
        assert told([one], replace(ALL, kinds=frozenset(NoticeKind) - {kind})) == []


@pytest.mark.parametrize(
    "one",
    [
        decided("allow", "permitted"),
        decided("deny", "unknown"),
        decided("ask", "unknown", answer="refused"),
        decided("ask", "unknown", at=NOON - WAITS_FOR),
        event(EventType.OPENING, barrier="arm", lane="entry", state="done", detail="", plate=""),
        event(EventType.SIGHTING, plate="京AF0236", camera="front"),
        trouble("camera_away", "camera"),  # the camera's own event has told it
    ],
)
def test_what_is_no_news(one: EventRow) -> None:
    assert told([one]) == []


def test_only_of_some_cameras() -> None:
    wishes = replace(ALL, cameras=frozenset({"back"}))
    assert told([camera(False)], wishes) == []
    assert len(told([event(EventType.TEST, camera="", text="", who="")], wishes)) == 1


def test_the_same_is_told_once_and_what_it_became_at_the_end() -> None:
    notice, memory = heard(camera(False), ALL, NOTHING, NOON)
    assert notice is not None
    for minutes, online in ((1, True), (2, False), (3, True)):
        at = NOON + timedelta(minutes=minutes)
        notice, memory = heard(camera(online, at), ALL, memory, at)
        assert notice is None
        assert due(ALL, memory, at) == (None, memory)
    notice, memory = due(ALL, memory, NOON + timedelta(minutes=5))
    assert notice is not None
    assert notice.title == "Camera front is back"
    assert "3 times since 12:00" in notice.body
    # From then on it is quiet, and after one more cool-down nothing is remembered.
    assert due(ALL, memory, NOON + timedelta(minutes=10)) == (None, NOTHING)


def test_two_vehicles_are_two_things() -> None:
    assert len(told([decided("deny", "blocked"), decided("deny", "blocked", plate="苏EK3P82")])) == 2
    assert len(told([decided("deny", "blocked"), decided("deny", "blocked")])) == 1


def test_a_vehicle_that_has_waited_is_not_told_late() -> None:
    _, memory = heard(decided("ask", "unknown"), ALL, NOTHING, NOON)
    _, memory = heard(decided("ask", "unknown"), ALL, memory, NOON)
    assert due(ALL, memory, NOON + timedelta(minutes=6)) == (None, NOTHING)


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    _, memory = heard(camera(False), ALL, NOTHING, NOON)
    earlier = NOON - timedelta(days=1)
    notice, memory = heard(camera(True, earlier), ALL, memory, earlier)
    assert notice is not None


@pytest.mark.parametrize(
    ("clock", "quiet"), [("21:59", False), ("22:00", True), ("00:00", True), ("06:29", True), ("06:30", False)]
)
def test_quiet_hours_over_midnight(clock: str, quiet: bool) -> None:
    now = datetime.combine(NOON.date(), time.fromisoformat(clock), UTC)
    assert NIGHT.is_quiet(now) is quiet
    assert replace(ALL, quiet=(time(12), time(13))).is_quiet(NOON)


def test_quiet_hours_hold_back_and_tell_afterwards() -> None:
    night, memory = NOON.replace(hour=23), NOTHING
    wishes = replace(NIGHT, urgent=frozenset({NoticeKind.BARRIER}))
    for number in range(MOST_LINES + 2):
        notice, memory = heard(decided("deny", "blocked", plate=f"京A{number:05}"), wishes, memory, night)
        assert notice is None
    _, memory = heard(camera(False), wishes, memory, night)
    _, memory = heard(camera(False), wishes, memory, night)
    assert told([trouble("barrier_fault", "barrier")], wishes, night)
    assert told([event(EventType.TEST, text="", who="")], wishes, night)
    assert due(wishes, memory, night) == (None, memory)
    notice, memory = due(wishes, memory, NOON.replace(hour=7))
    assert notice is not None
    assert notice.title == f"While it was quiet: {MOST_LINES + 4}"
    assert notice.body.endswith("and 3 more")
    assert due(wishes, memory, NOON.replace(hour=7)) == (None, NOTHING)


def test_in_chinese() -> None:
    wishes = replace(ALL, language="zh_Hans")
    (notice,) = told([decided("ask", "expired", holder="李")], wishes)
    assert notice.title == "京AF0236 在 entry 等待"
    assert notice.body.splitlines()[:2] == ["许可已过期。", "李"]
    (notice,) = told([trouble("disk_full", "disk")], wishes)
    assert notice.title == "streamwatch：磁盘空间不足"
    assert CHINESE.titles.keys() == ENGLISH.titles.keys()
    assert CHINESE.digest_lines.keys() == ENGLISH.digest_lines.keys()


def test_texts_from_outside_cannot_steer_a_terminal_or_a_template() -> None:
    (notice,) = told([decided("ask", "unknown", plate="{lane}\x1b[2J\u202e", holder="{0}" * 500)])
    assert notice.title == "{lane}\\x1b[2J\\u202e waits at entry"
    assert len(notice.body) < 500


def test_the_page_has_every_kind() -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [kind.value for kind in NoticeKind]
