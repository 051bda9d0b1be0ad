"""Each code has its words, and each failure its code."""

import pytest

from streamwatch.core.codes import CallOutcome, StateReason, ViewReason
from streamwatch.core.errors import RecognitionError
from streamwatch.core.sentences import in_words, sentence


@pytest.mark.parametrize("code", [*ViewReason, *StateReason])
def test_each_reason_has_a_sentence(code: ViewReason | StateReason) -> None:
    assert bool(sentence(code)) is bool(code)


def test_no_two_reasons_have_the_same_sentence() -> None:
    for reasons in (ViewReason, StateReason):
        assert len({sentence(code) for code in reasons}) == len(reasons)


def test_each_failure_is_the_reason_of_a_state_too() -> None:
    kinds = [RecognitionError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    outcomes = {kind.outcome for kind in kinds}
    assert outcomes == {*CallOutcome} - {CallOutcome.READ, CallOutcome.NO_PLATE}
    assert {StateReason(outcome) for outcome in outcomes} < {*StateReason}


def test_a_code_in_words() -> None:
    assert in_words(CallOutcome.NOT_AUTHORISED) == "not authorised"
