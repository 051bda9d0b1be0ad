"""The rules for retries, as data: which failure may be tried again, how often and when.

The figures are the "retry" columns of the service's error tables. A failure that asks for a pause of half a minute or
more is `NEVER` here, because a picture of a moving car is not worth such a wait; the caller tries again later.
"""

import random
from dataclasses import dataclass
from enum import Enum

from streamwatch.core import errors

BUDGET = 2
"""Retries of one picture in all, for whatever reasons."""


class Repair(Enum):
    """The change that the next attempt needs. The nonce, the time and the signature always change."""

    NOTHING = "nothing"
    CLOCK = "the clock, by the reply's Date"
    SMALLER = "the picture, in fewer bytes and pixels"
    BASELINE = "the picture, as plain baseline JPEG"


@dataclass(frozen=True, slots=True)
class Retry:
    """times: how many retries this reason allows. pause: seconds before the first one, doubled for each further one."""

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
    # The call may have been charged. The caller, who keeps the ledger, decides whether to pay again.
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
"""The rule for each class of error, unless its row in a table names another one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: its error, and what may be tried again."""

    error: errors.RecognitionError
    retry: Retry


class RetryBudget:
    """Counts the retries that are left for one picture."""

    def __init__(self) -> None:
        self._spent: list[Retry] = []

    def allows(self, retry: Retry) -> bool:
        """True if one more retry for this reason is left."""
        return len(self._spent) < BUDGET and self._spent.count(retry) < retry.times

    def spend(self, retry: Retry) -> float:
        """Use up a retry and return the seconds to wait before it.

        A random quarter more or less keeps several readers and gates from trying again at the same moment.
        """
        pause = retry.pause * 2.0 ** self._spent.count(retry)
        self._spent.append(retry)
        return pause * random.uniform(0.75, 1.25)
