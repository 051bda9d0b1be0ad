"""The circuit breaker, its backoff, the pace, and cameras whose calls find no plate."""

import logging

import pytest

from streamwatch.core import errors
from streamwatch.pipeline import Governor
from streamwatch.pipeline.governor import BreakerState


def test_calls_are_free_at_first() -> None:
    assert Governor(20).wait_for("gate", 0.0) == 0.0


@pytest.mark.errors_expected
def test_what_a_person_must_mend_stops_all_calls_with_one_error_and_a_slow_probe(
    caplog: pytest.LogCaptureFixture,
) -> None:
    governor = Governor(20)
    error = errors.QuotaExhausted("The package is used up.", "Buy a package.")
    governor.began(0.0)
    governor.failed(error, 0.0)
    assert governor.wait_for("gate", 1.0) == 899.0
    assert [b.name for b in governor.breakers(1.0)] == ["quota"]
    for probe in (900.0, 1800.0):
        assert governor.wait_for("other", probe) == 0.0
        governor.began(probe)
        assert governor.wait_for("gate", probe) > 0, "one probe at a time"
        governor.failed(error, probe)
        assert governor.wait_for("gate", probe) == 900.0
    records = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(records) == 1
    assert "Buy a package." in records[0].getMessage()


def test_an_answer_closes_the_breaker() -> None:
    governor = Governor(20)
    governor.failed(errors.NotSent("no connection"), 0.0)
    assert governor.wait_for("gate", 0.0) == 2.0
    governor.began(2.0)
    governor.answered("gate", 1)
    assert governor.wait_for("gate", 2.0) == 0.0
    assert governor.breakers(2.0) == []


def test_an_outage_is_probed_with_growing_pauses() -> None:
    governor, now, pauses = Governor(20), 0.0, []
    for _ in range(8):
        governor.began(now)
        governor.failed(errors.Transient("the service stumbled"), now)
        pauses.append(governor.wait_for("gate", now))
        now += pauses[-1]
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def test_an_outage_with_changing_faults_is_one_outage(caplog: pytest.LogCaptureFixture) -> None:
    faults = [errors.NotSent("no connection"), errors.Transient("it stumbled"), errors.Doubtful("no answer")]
    governor, now, pauses = Governor(20), 0.0, []
    for n in range(6):
        governor.began(now)
        governor.failed(faults[n % 3], now)
        pauses.append(governor.wait_for("gate", now))
        now += pauses[-1]
    assert pauses == [2, 4, 8, 16, 32, 60]
    assert caplog.messages == ["calls are held back: no connection"]
    (breaker,) = governor.breakers(now)
    assert (breaker.name, breaker.why, breaker.since) == ("doubtful", "no answer", 0.0)
    governor.began(now)
    assert governor.answered("gate", 1) == 0.0
    assert governor.answered("gate", 1) is None


def test_throttling_spaces_calls_out_and_recovers() -> None:
    governor = Governor(20)
    for pause in (1.0, 2.0, 4.0):
        governor.began(0.0)
        governor.failed(errors.Throttled("too fast"), 0.0)
        assert governor.wait_for("gate", 0.0) == pause
    now, gaps = 10.0, []
    for _ in range(5):
        governor.began(now)
        governor.answered("gate", 1)
        gaps.append(governor.wait_for("gate", now))
        now += 100
    assert gaps[0] == 4.0
    governor.began(now)
    assert governor.wait_for("gate", now) == 0.0
    assert governor.breakers(2.0) == []


@pytest.mark.errors_expected
def test_calls_without_a_plate_pause_their_camera_only_and_for_longer_each_time() -> None:
    governor, now, pauses = Governor(3), 0.0, []
    for _ in range(3):
        for _ in range(3):
            governor.answered("gate", 0)
            governor.check_runaway("gate", now)
        pauses.append(governor.wait_for("gate", now))
        assert governor.wait_for("other", now) == 0.0
        now += pauses[-1]
    assert pauses == [600, 1200, 2400]
    governor.answered("gate", 1)
    assert governor.wait_for("gate", now) == 0.0
    for _ in range(2):
        governor.answered("gate", 0)
        governor.check_runaway("gate", now)
    assert governor.wait_for("gate", now) == 0.0


def test_a_picture_that_is_refused_holds_nothing_back() -> None:
    governor = Governor(20)
    governor.failed(errors.PictureBroken("broken"), 0.0)
    assert governor.wait_for("gate", 0.0) == 0.0


def test_the_breaker_goes_through_its_states() -> None:
    governor = Governor(20)
    outage = errors.NotSent("no connection")
    assert governor.state is BreakerState.CLOSED
    governor.began(0.0)
    assert governor.state is BreakerState.CLOSED
    governor.failed(outage, 0.0)
    assert governor.state is BreakerState.OPEN
    governor.began(2.0)
    assert (governor.state, governor.holds("gate", 9.0)) == (BreakerState.HALF_OPEN, True)
    governor.called_off()
    assert (governor.state, governor.wait_for("gate", 2.0)) == (BreakerState.OPEN, 0.0)
    governor.began(2.0)
    governor.failed(outage, 2.0)
    assert (governor.state, governor.wait_for("gate", 2.0)) == (BreakerState.OPEN, 4.0)
    governor.began(6.0)
    governor.answered("gate", 1)
    assert governor.state is BreakerState.CLOSED
