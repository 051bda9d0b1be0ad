"""Holding a barrier open by schedule: when it begins, and when it is over for good."""

from enum import Enum, auto


class HoldState(Enum):
    """FREE ──the schedule begins──▶ HELD ──its end──▶ FREE
                                      └──kill switch, fault──▶ SPENT ──its end──▶ FREE

    What was ended early does not begin again before the next time of the schedule.
    """

    FREE = auto()
    HELD = auto()
    SPENT = auto()


class HoldStep(Enum):
    """What is to be done now."""

    NOTHING = auto()
    BEGIN = auto()
    RENEW = auto()
    END = auto()


class Holding:
    """Knows whether one barrier is held open. All times are monotonic seconds of one clock.

    until: when it ends at the latest; 0 if it is FREE.
    """

    def __init__(self, renewed_every: float) -> None:
        """renewed_every: seconds after which the relay is told again."""
        self._renewed_every = renewed_every
        self._renewed = 0.0
        self.state, self.until = HoldState.FREE, 0.0

    def step(self, end: float | None, killed: bool, now: float) -> HoldStep:
        """Return what is to be done. end: of the schedule; None if it holds nothing open now."""
        over = end is None or now >= end
        if self.state is HoldState.HELD:
            if over or killed or now >= self.until:
                return HoldStep.END
            return HoldStep.RENEW if now - self._renewed >= self._renewed_every else HoldStep.NOTHING
        if over or killed or (self.state is HoldState.SPENT and now < self.until):
            return HoldStep.NOTHING
        return HoldStep.BEGIN

    def begin(self, end: float, now: float) -> None:
        """Note that it is held open from now to the end."""
        self.state, self.until, self._renewed = HoldState.HELD, end, now

    def renew(self, now: float) -> None:
        """Note that the relay was told again."""
        self._renewed = now

    def free(self) -> None:
        """Note that it has ended as the schedule says."""
        self.state, self.until = HoldState.FREE, 0.0

    def spend(self, end: float) -> None:
        """Note that it was ended, or could not begin; it does not begin again before the end of this time."""
        self.state, self.until = HoldState.SPENT, end
