"""Sentences about a snapshot: every code has one, and findings are said as people say them."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import Formatter

import pytest
from snapshots import ILL, NOW, WELL

from streamwatch.core.codes import FindingCode
from streamwatch.core.text import day_of, part_of_day
from streamwatch.health import CameraFinding, ReceiverHealth, health, notices, troubles
from streamwatch.health.judgement import about
from streamwatch.health.remarks import ADVICE, TEXTS, EnglishFormatter, RemarkCode, in_english
from streamwatch.health.snapshot import as_json, from_json


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_every_code_has_a_sentence_whose_fields_can_be_written() -> None:
    codes = {*RemarkCode, *FindingCode}
    assert set(TEXTS) == set(ADVICE) == codes
    assert len({code.value for code in codes}) == len(RemarkCode) + len(FindingCode)
    specs = {spec for text in TEXTS.values() for _, name, spec, _ in Formatter().parse(text) if name}
    assert specs <= set(EnglishFormatter(NOW).writers)


def test_findings_are_notices_and_make_nothing_unhealthy() -> None:
    well = replace(WELL, findings=ILL.findings)
    assert health(well) == (True, [])
    assert troubles(well) == []
    assert [in_english(notice, NOW) for notice in notices(well)] == [
        "No vehicle for 3 h 0 m at entry, where 40 an hour come at this time.",
        "The read rate at entry has fallen from 96% to 71% since Wednesday morning.",
        "Plates at exit have shrunk from 140 to 90 pixels since 12 February: was the camera moved?",
    ]
    assert [notice.code for notice in notices(ILL)][3:] == [RemarkCode.SUBSTREAM_DOWN, RemarkCode.CLOCK_DOUBTED]


def test_receivers_that_fail_for_long_are_notices_too() -> None:
    since = NOW - timedelta(hours=2)
    failing = ReceiverHealth("shop", "failing", since, "shop.example:443 answers 500.", 2, 0, 0)
    paused = ReceiverHealth("office", "paused", since, "http://a:hunter2@office.example/ answers 401.", 12, 3, 5)
    seen = replace(WELL, receivers=(failing, paused))
    assert health(seen) == (True, [])
    assert [in_english(notice, NOW) for notice in notices(seen)] == [
        "Receiver office has taken no events since 2026-03-01 18:00:00+08:00: http://***@office.example/ answers 401.",
        "Receiver office has missed 5 events: too many waited for it.",
    ]
    assert from_json(json.loads(json.dumps(as_json(seen)))) == seen


def test_few_vehicles_are_counted_by_day() -> None:
    remark = about(CameraFinding(FindingCode.NO_VEHICLE, "back", NOW - timedelta(days=6), 5 / 24, 0.0), NOW)
    assert in_english(remark, NOW) == "No vehicle for 6 d 0 h at back, where 5 a day come."
    assert remark.camera == "back"


@pytest.mark.parametrize(
    ("hours", "day", "part"),
    [
        (1, "today", "this evening"),
        (12, "today", "this morning"),
        (16, "today", "last night"),
        (25, "yesterday", "yesterday evening"),
        (62, "Friday", "Friday morning"),
        (68, "Friday", "Thursday night"),
        (24 * 17, "12 February", "the evening of 12 February"),
        (24 * 90, "1 December 2025", "the evening of 1 December 2025"),
    ],
)
def test_days_are_called_as_people_call_them(hours: float, day: str, part: str) -> None:
    at = NOW - timedelta(hours=hours)  # it is Sunday, 20:00
    assert (day_of(at, NOW), part_of_day(at, NOW)) == (day, part)


def test_tonight_began_today() -> None:
    night = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
    assert part_of_day(night - timedelta(hours=1), night) == "tonight"
