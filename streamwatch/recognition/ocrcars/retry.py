"""What may be tried again, how often and when: as data.

The figures are the "retry" columns of the service's error tables. A failure whose pause is longer than a picture of a
moving car is worth waiting for (half a minute and more) is `NEVER` here: the caller comes back to it.
"""

import random
from dataclasses import dataclass
from enum import Enum

from streamwatch.core import errors

BUDGET = 2
"""Retries that one picture has in all, whatever their reasons."""


class Repair(Enum):
    """What must be different the next time. The nonce, the time and the signature always are."""

    NOTHING = "nothing"
    CLOCK = "the clock, by the reply's Date"
    SMALLER = "the picture, in fewer bytes and pixels"
    BASELINE = "the picture, as plain baseline JPEG"


@dataclass(frozen=True, slots=True)
class Retry:
    """times: how often this reason allows another try. pause: seconds before the first, doubled for each further."""

    times: int
    pause: float = 0.0
    repair: Repair = Repair.NOTHING


NEVER = Retry(0)
AT_ONCE = Retry(1)
ONCE = Retry(1, 2.0)
QUICKLY = Retry(2, 1.0)
SLOWLY = Retry(2, 2.0)
AFTER_CLOCK = Retry(1, repair=Repair.CLOCK)
AS_SMALLER = Retry(1, repair=Repair.SMALLER)
AS_BASELINE = Retry(1, repair=Repair.BASELINE)

BY_CLASS: dict[type[errors.RecognitionError], Retry] = {
    errors.NotSent: QUICKLY,
    # It may have been paid for: whether to pay again is decided by whoever keeps the ledger.
    errors.Doubtful: NEVER,
    errors.Transient: SLOWLY,
    errors.Throttled: QUICKLY,
    errors.ClockWrong: AFTER_CLOCK,
    errors.CredentialsRefused: NEVER,
    errors.QuotaExhausted: NEVER,
    errors.InArrears: NEVER,
    errors.NotAuthorised: NEVER,
    errors.ServiceDown: NEVER,
    errors.BadRequest: NEVER,
    errors.PictureTooLarge: AS_SMALLER,
    errors.PictureBroken: NEVER,
    errors.PictureUrlFailed: NEVER,
    errors.DoNotResend: NEVER,
}
"""For failures whose table row does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt, understood."""

    error: errors.RecognitionError
    retry: Retry


class RetryBudget:
    """The retries that one picture still has."""

    def __init__(self) -> None:
        self._spent: list[Retry] = []

    def allows(self, retry: Retry) -> bool:
        """Whether one more retry for this reason is left."""
        return len(self._spent) < BUDGET and self._spent.count(retry) < retry.times

    def spend(self, retry: Retry) -> float:
        """Takes the retry and returns the seconds to wait before it.

        A quarter of jitter either way keeps several readers, and several gates, from coming back in step.
        """
        pause = retry.pause * 2.0 ** self._spent.count(retry)
        self._spent.append(retry)
        return pause * random.uniform(0.75, 1.25)
