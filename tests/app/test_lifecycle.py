"""The phases of the daemon's end."""

import logging
import os
import signal
import threading

import pytest

from streamwatch.app.lifecycle import Lifecycle, Phase
from streamwatch.core.errors import StorageFailed


def test_the_end_goes_from_phase_to_phase() -> None:
    lifecycle = Lifecycle(threading.Event())
    assert lifecycle.phase is Phase.RUNNING
    lifecycle.drain()
    assert lifecycle.phase is Phase.DRAINING
    assert not lifecycle.stop.is_set(), "the recognizer still tries again while what was seen is read"
    lifecycle.finish()
    lifecycle.drain()
    assert lifecycle.phase is Phase.OVER
    assert not lifecycle.failed


@pytest.mark.errors_expected
@pytest.mark.parametrize("drained", [True, False])
def test_an_error_ends_everything_and_only_the_first_is_logged(caplog: pytest.LogCaptureFixture, drained: bool) -> None:
    lifecycle = Lifecycle(threading.Event())
    if drained:
        lifecycle.drain()
    lifecycle.fail("camera gate", StorageFailed("The disk is full."))
    lifecycle.fail("recorder", ZeroDivisionError())
    assert (lifecycle.phase, lifecycle.failed, lifecycle.stop.is_set()) == (Phase.OVER, True, True)
    assert [record.getMessage() for record in caplog.records] == ["camera gate: The disk is full."]


@pytest.mark.errors_expected
def test_an_unforeseen_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    Lifecycle(threading.Event()).fail("recorder", ZeroDivisionError())
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.CRITICAL, "recorder failed unexpectedly")
    assert record.exc_info is not None


def test_a_source_that_cannot_be_read_ends_nothing() -> None:
    lifecycle = Lifecycle(threading.Event())
    lifecycle.mark_failed()
    assert (lifecycle.phase, lifecycle.failed, lifecycle.stop.is_set()) == (Phase.RUNNING, True, False)


def test_sighup_asks_for_a_reload_once() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    lifecycle = Lifecycle(threading.Event())
    try:
        lifecycle.heed_signals()
        os.kill(os.getpid(), signal.SIGHUP)
        assert lifecycle.wait_for_news(60.0)
        lifecycle.tell()
        assert not lifecycle.wait_for_news(60.0), "something else has happened"
        assert not lifecycle.stop.is_set()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
