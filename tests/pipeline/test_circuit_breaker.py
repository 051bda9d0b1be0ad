"""The circuit breaker, its backoff, the pace, and cameras whose calls find no plate."""

import logging

import pytest

from streamwatch.core import errors
from streamwatch.pipeline import CircuitBreaker
from streamwatch.pipeline.circuit_breaker import BreakerState


def test_calls_are_free_at_first() -> None:
    assert CircuitBreaker(20).wait_for("gate", 0.0) == 0.0


@pytest.mark.errors_expected
def test_what_a_person_must_mend_stops_all_calls_with_one_error_and_a_slow_probe(
    caplog: pytest.LogCaptureFixture,
) -> None:
    breaker = CircuitBreaker(20)
    error = errors.QuotaExhausted("The package is used up.", "Buy a package.")
    breaker.began(0.0)
    breaker.failed(error, 0.0)
    assert breaker.wait_for("gate", 1.0) == 899.0
    assert [b.name for b in breaker.breakers(1.0)] == ["quota"]
    for probe in (900.0, 1800.0):
        assert breaker.wait_for("other", probe) == 0.0
        breaker.began(probe)
        assert breaker.wait_for("gate", probe) > 0, "one probe at a time"
        breaker.failed(error, probe)
        assert breaker.wait_for("gate", probe) == 900.0
    records = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(records) == 1
    assert "Buy a package." in records[0].getMessage()


def test_an_answer_closes_the_breaker() -> None:
    breaker = CircuitBreaker(20)
    breaker.failed(errors.NotSent("no connection"), 0.0)
    assert breaker.wait_for("gate", 0.0) == 2.0
    breaker.began(2.0)
    breaker.answered("gate", 1)
    assert breaker.wait_for("gate", 2.0) == 0.0
    assert breaker.breakers(2.0) == []


def test_an_outage_is_probed_with_growing_pauses() -> None:
    breaker, now, pauses = CircuitBreaker(20), 0.0, []
    for _ in range(8):
        breaker.began(now)
        breaker.failed(errors.Transient("the service stumbled"), now)
        pauses.append(breaker.wait_for("gate", now))
        now += pauses[-1]
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def test_an_outage_with_changing_faults_is_one_outage(caplog: pytest.LogCaptureFixture) -> None:
    faults = [errors.NotSent("no connection"), errors.Transient("it stumbled"), errors.Doubtful("no answer")]
    breaker, now, pauses = CircuitBreaker(20), 0.0, []
    for n in range(6):
        breaker.began(now)
        breaker.failed(faults[n % 3], now)
        pauses.append(breaker.wait_for("gate", now))
        now += pauses[-1]
    assert pauses == [2, 4, 8, 16, 32, 60]
    assert caplog.messages == ["calls are held back: no connection"]
    (held,) = breaker.breakers(now)
    assert (held.name, held.why, held.since) == ("doubtful", "no answer", 0.0)
    breaker.began(now)
    assert breaker.answered("gate", 1) == 0.0
    assert breaker.answered("gate", 1) is None


def test_throttling_spaces_calls_out_and_recovers() -> None:
    breaker = CircuitBreaker(20)
    for pause in (1.0, 2.0, 4.0):
        breaker.began(0.0)
        breaker.failed(errors.Throttled("too fast"), 0.0)
        assert breaker.wait_for("gate", 0.0) == pause
    now, gaps = 10.0, []
    for _ in range(5):
        breaker.began(now)
        breaker.answered("gate", 1)
        gaps.append(breaker.wait_for("gate", now))
        now += 100
    assert gaps[0] == 4.0
    breaker.began(now)
    assert breaker.wait_for("gate", now) == 0.0
    assert breaker.breakers(2.0) == []


@pytest.mark.errors_expected
def test_calls_without_a_plate_pause_their_camera_only_and_for_longer_each_time() -> None:
    breaker, now, pauses = CircuitBreaker(3), 0.0, []
    for _ in range(3):
        for _ in range(3):
            breaker.answered("gate", 0)
            breaker.check_runaway("gate", now)
        pauses.append(breaker.wait_for("gate", now))
        assert breaker.wait_for("other", now) == 0.0
        now += pauses[-1]
    assert pauses == [600, 1200, 2400]
    breaker.answered("gate", 1)
    assert breaker.wait_for("gate", now) == 0.0
    for _ in range(2):
        breaker.answered("gate", 0)
        breaker.check_runaway("gate", now)
    assert breaker.wait_for("gate", now) == 0.0


def test_a_picture_that_is_refused_holds_nothing_back() -> None:
    breaker = CircuitBreaker(20)
    breaker.failed(errors.PictureBroken("broken"), 0.0)
    assert breaker.wait_for("gate", 0.0) == 0.0


def test_the_breaker_goes_through_its_states() -> None:
    breaker = CircuitBreaker(20)
    outage = errors.NotSent("no connection")
    assert breaker.state is BreakerState.CLOSED
    breaker.began(0.0)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed(outage, 0.0)
    assert breaker.state is BreakerState.OPEN
    breaker.began(2.0)
    assert (breaker.state, breaker.holds("gate", 9.0)) == (BreakerState.HALF_OPEN, True)
    breaker.called_off()
    assert (breaker.state, breaker.wait_for("gate", 2.0)) == (BreakerState.OPEN, 0.0)
    breaker.began(2.0)
    breaker.failed(outage, 2.0)
    assert (breaker.state, breaker.wait_for("gate", 2.0)) == (BreakerState.OPEN, 4.0)
    breaker.began(6.0)
    breaker.answered("gate", 1)
    assert breaker.state is BreakerState.CLOSED
