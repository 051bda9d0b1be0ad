"""The ledger of one keyframe, and what the log says of its calls."""

import logging
from datetime import UTC, datetime

import pytest

from streamwatch.cli.console import set_up_logging
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CallOutcome, ViewReason
from streamwatch.core.model import Box, CallResult, Engine, Keyframe
from streamwatch.core.sentences import in_words
from streamwatch.pipeline import RecordedLedger

PASSAGE = "3f2a91c0d4e5f60718293a4b5c6d7e8f"


def keyframe(camera: str) -> Keyframe:
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    return Keyframe("k" * 32, PASSAGE, camera, at, b"", 9, 9, Box(0, 0, 9, 9), 1.0, 1.0, ViewReason.BEST_VIEW)


def ended(result: CallResult, of: Keyframe | None) -> None:
    ledger = RecordedLedger(lambda event: None, SystemClock(), Engine.OCRCARS, of)
    ledger.about_to_pay(1, b"")
    ledger.ended(1, result)


@pytest.mark.parametrize("camera", ["gate", "北门" * 32], ids=["short", "long"])
@pytest.mark.parametrize("outcome", CallOutcome)
def test_a_call_is_one_line_of_the_log_that_names_camera_and_passage(
    camera: str, outcome: CallOutcome, capsys: pytest.CaptureFixture[str]
) -> None:
    root, own = logging.getLogger(), logging.getLogger("streamwatch")
    before, levels = list(root.handlers), (root.level, own.level)
    try:
        set_up_logging()
        ended(
            CallResult(outcome, True, 12, 34.567, 200, request_id="7B1F2C3D", answer_id="64f0c0ffee"), keyframe(camera)
        )
    finally:
        root.handlers[:] = before
        root.setLevel(levels[0])
        own.setLevel(levels[1])
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) <= 120
    assert all(part in line for part in (camera[:29], "passage 3f2a91c0", in_words(outcome), "34.57 s", "fee 12"))


def test_a_call_that_was_not_sent_is_only_for_the_curious(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ended(CallResult(CallOutcome.NOT_SENT, False, 0, 0.01), keyframe("gate"))
    ended(CallResult(CallOutcome.TRANSIENT, False, 0, 0.5, 503), None)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.DEBUG, "gate, passage 3f2a91c0: not sent after 0.01 s"),
        (logging.INFO, "a picture given by hand: transient after 0.50 s"),
    ]
