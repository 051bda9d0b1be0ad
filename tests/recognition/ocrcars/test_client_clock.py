"""A clock that differs by more than the gateway allows is corrected once, by the reply's Date."""

import time

import pytest
from fakes import FakeLedger, FakeOcrCars, ServedAnswer, refusal
from paying import BY_CODE, BY_KEY, JPEG, client_of, failing

from streamwatch.core import errors


@pytest.mark.parametrize("off", [-7200.0, 7200.0])
def test_a_wrong_clock_is_corrected_once_by_the_date_of_the_reply(off: float, caplog: pytest.LogCaptureFixture) -> None:
    ledger = FakeLedger()
    with (
        FakeOcrCars(clock=lambda: time.time() + off, **BY_KEY) as service,
        client_of(service, BY_KEY) as client,
    ):
        assert len(client.read(JPEG, ledger)) == 1
        assert [result.outcome for _, result in ledger.results] == ["clock", "read"]
        client.read(JPEG, ledger)
    assert service.complaints == ["Timestamp Expired"], "the second picture is signed by the right time at once"
    assert [r.levelname for r in caplog.records if "clock" in r.getMessage()] == ["WARNING"]


def test_the_correction_is_taken_back_when_the_clock_is_set() -> None:
    here = [time.time() - 90_000]
    with (
        FakeOcrCars(**BY_KEY) as service,
        client_of(service, BY_KEY, wall_clock=lambda: here[0]) as client,
    ):
        client.read(JPEG, FakeLedger())
        here[0] = time.time()
        client.read(JPEG, FakeLedger())
        client.read(JPEG, FakeLedger())
    assert service.complaints == ["Timestamp Expired"] * 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(403, "S403TE"), errors.ClockWrong),
        (refusal(400, message="Timestamp Expired", Date="nonsense"), errors.ClockWrong),
        (refusal(400, message="Invalid Timestamp"), errors.BadRequest),
    ],
)
def test_a_date_that_is_no_help_ends_in_the_error(answer: ServedAnswer, error: type[errors.RecognitionError]) -> None:
    with FakeOcrCars(answer, **BY_KEY) as service:
        assert type(failing(service, FakeLedger(), by=BY_KEY)) is error
    assert len(service.calls) == 1


def test_with_an_appcode_there_is_no_clock_to_correct() -> None:
    with FakeOcrCars(refusal(403, "S403TE", Date="Thu, 01 Jan 1970 00:00:00 GMT"), **BY_CODE) as service:
        assert type(failing(service, FakeLedger())) is errors.ClockWrong
    assert len(service.calls) == 1
