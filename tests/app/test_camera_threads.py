"""Which decisions have a camera look again, and how closely a camera before a barrier is watched."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from lanes import lane_settings

from streamwatch.app.camera_threads import CameraThreads
from streamwatch.app.workers import ViewWanted, answers
from streamwatch.config.settings import Settings
from streamwatch.core.codes import DecisionReason, Verdict
from streamwatch.core.events import DecisionMade

MADE = DecisionMade(
    key="d",
    lane="entry",
    camera="gate",
    verdict=Verdict.ASK,
    reason=DecisionReason.UNSURE_READING,
    plate="粤B3M5K7",
    sighting="s",
    passage="p",
    keyframe="k",
    captured_at=datetime(2026, 3, 4, 4, tzinfo=UTC),
    read_at=1000.0,
    live=True,
    wants_second_view=True,
)


def settings(**lane: Any) -> Settings:
    entry = {"cameras": ["gate"], "mode": "automatic", "barrier": "front"} | lane
    return lane_settings(lanes={"entry": entry}, cameras={"way_out": {"source": "rtsp://x", "attention": "full"}})


def heard(made: DecisionMade, mode: str = "automatic") -> list[Any]:
    """Return the messages of a camera's thread after a decision."""
    nothing: Any = SimpleNamespace(now=settings(mode=mode))
    threads = CameraThreads(nothing, nothing, nothing, nothing, nothing, nothing, nothing)
    nudges: list[int] = []
    threads.cameras["gate"] = SimpleNamespace(nudge=lambda: nudges.append(1))  # type: ignore[assignment]
    threads.answers["gate"] = answers()
    threads.hear(made)
    found = threads.answers["gate"].take_all()
    assert len(nudges) == len(found), "a wait for the next frame is ended"
    return found


def test_a_decision_that_wants_a_second_view_reaches_the_thread_of_its_camera() -> None:
    assert heard(MADE) == [ViewWanted("p", MADE.captured_at)]


@pytest.mark.parametrize(
    "made",
    [
        replace(MADE, wants_second_view=False),
        replace(MADE, live=False),
        replace(MADE, lane="gone"),
        replace(MADE, camera="gone"),
    ],
)
def test_no_other_decision_has_a_view_read(made: DecisionMade) -> None:
    assert heard(made) == []


@pytest.mark.parametrize("mode", ["manual", "suggest"])
def test_nothing_is_paid_where_no_opening_depends_on_it(mode: str) -> None:
    assert heard(MADE, mode) == []


@pytest.mark.parametrize(
    ("lane", "closely"),
    [
        ({}, True),
        ({"mode": "suggest"}, True),
        ({"mode": "manual"}, False),
        ({"mode": "suggest", "barrier": None}, False),
    ],
)
def test_a_camera_before_a_barrier_that_opens_by_itself_is_watched_more_closely(
    lane: dict[str, Any], closely: bool
) -> None:
    found = settings(**lane)
    assert found.is_in_a_hurry("gate") is closely
    assert found.of("gate").attention.longest_blindness == (0.5 if closely else 2.0)


def test_what_the_camera_says_itself_counts_more() -> None:
    assert settings().of("way_out").attention.longest_blindness is None
    own = settings().model_dump()["cameras"]["gate"]["attention"] | {"max_blind": "4s"}
    slow = lane_settings(cameras={"gate": {"source": "rtsp://x", "attention": own}})
    assert slow.of("gate").attention.longest_blindness == 4.0
