"""The substream is relied upon while its frames come; the clock is moved by hand."""

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from streamwatch.app.substream import FIRM, SILENT, UNSEEN, Reliance, SubstreamHealth
from streamwatch.core.codes import CameraState
from streamwatch.core.model import Frame


class Substream:
    """A clock, and a substream in a state that the test sets."""

    def __init__(self) -> None:
        self.seconds, self.state, self.error = 1000.0, CameraState.CONNECTING, ""
        self.health = SubstreamHealth("gate", self, self)  # type: ignore[arg-type]

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(state=self.state, last_error=self.error)

    def send(self, seconds: float) -> None:
        """Send a frame every half second."""
        self.state = CameraState.ONLINE
        for _ in range(round(2 * seconds)):
            self.seconds += 0.5
            self.health.hear(
                Frame("gate", self.now(), np.zeros((2, 2), np.uint8), lambda: np.zeros((2, 2, 3), np.uint8))
            )
            self.health.judge()


def test_it_is_relied_upon_once_its_frames_have_come_for_a_while() -> None:
    substream = Substream()
    substream.send(0.5)
    assert substream.health.reliance is Reliance.AWAITED
    substream.send(FIRM)
    assert substream.health.reliance is Reliance.RELIED
    assert not substream.health.judge(), "nothing has changed"


def test_silence_loses_it_and_it_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    substream = Substream()
    substream.send(5)
    substream.seconds += SILENT
    assert substream.health.judge()
    assert substream.health.reliance is Reliance.LOST
    assert substream.health.was_relied_upon
    assert substream.health.complaint() == "No picture comes."
    substream.send(5)
    assert substream.health.reliance is Reliance.RELIED
    assert substream.health.complaint() == ""
    assert caplog.messages == [
        "Camera gate: its substream cannot be watched; only the main stream is.",
        "Camera gate: its substream is watched again.",
    ]


def test_one_that_never_comes_is_missing_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    substream = Substream()
    substream.error = "192.0.2.7 refuses the connection."
    substream.health.judge()
    assert substream.health.complaint() == ""
    substream.seconds += UNSEEN
    assert not substream.health.judge(), "the main stream never rested"
    assert substream.health.reliance is Reliance.MISSING
    assert not substream.health.was_relied_upon
    assert substream.health.complaint() == "192.0.2.7 refuses the connection."
    substream.send(5)
    assert [line.rsplit("its ", 1)[1] for line in caplog.messages] == [
        "substream cannot be watched; only the main stream is.",
        "substream is watched.",
    ]


def test_a_frozen_one_is_lost_at_once() -> None:
    substream = Substream()
    substream.send(5)
    substream.state = CameraState.FROZEN
    assert substream.health.judge()
    assert substream.health.complaint() == "It sends the same picture."
