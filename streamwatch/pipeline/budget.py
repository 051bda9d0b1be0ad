"""Limits of paid calls: per hour, day and month, for the account and for each camera.

A call is counted before it is made, never after. The windows are calendar windows of local time, and a clock that steps
does not disturb them.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from streamwatch.core.clock import Period, Span
from streamwatch.core.codes import StateReason

log = logging.getLogger(__name__)

WARN_AT = 0.8  # part of a limit from which a warning is logged
KEPT_FOR_FIRST_VIEWS = 0.1  # last part of a limit, which second views may not use
Spent = Callable[[datetime, str | None], int | None]
"""Fee units paid since a time, by a camera or (None) by all, from the ledger. None: it cannot be asked now."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Calls per window; None: no limit."""

    hour: int | None = None
    day: int | None = None
    month: int | None = None


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A limit that forbids a call. for_second_views: it forbids only calls for second views."""

    reason: StateReason
    for_second_views: bool


@dataclass
class _Account:
    """One limit in its present window. who: camera, or None for all together.

    counted: False until the ledger has said what was paid in the window. Until then `used` is what it was before, or
    the whole limit, so that a ledger that cannot be asked never allows more.
    """

    span: Span
    who: str | None
    limit: int
    period: Period
    used: int
    warned: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one limit is used at this moment. camera: None for the account."""

    window: str
    camera: str | None
    used: int
    limit: int


class Budget:
    """Counts calls against their limits. Not thread safe.

    now, monotonic: wall time and monotonic seconds, of the same clock in every call.
    """

    def __init__(
        self, whole: CallLimits, cameras: Mapping[str, CallLimits], spent: Spent, now: datetime, monotonic: float
    ) -> None:
        self._spent = spent
        self._accounts: list[_Account] = []
        self.limit(whole, cameras, now, monotonic)

    def limit(self, whole: CallLimits, cameras: Mapping[str, CallLimits], now: datetime, monotonic: float) -> None:
        """Set the limits. What was counted before stays counted."""
        before = {(one.span, one.who): self._present(one, now, monotonic) for one in self._accounts}
        accounts = []
        for who, limits in [(None, whole), *cameras.items()]:
            for span in Span:
                limit: int | None = getattr(limits, span.value)
                if limit is None:
                    continue
                if (known := before.get((span, who))) is not None:
                    accounts.append(replace(known, limit=limit, warned=known.warned and limit == known.limit))
                else:
                    account = _Account(span, who, limit, Period(span, now, monotonic), used=limit)
                    accounts.append(self._present(account, now, monotonic))
        self._accounts = accounts

    def forbids(self, camera: str, first_view: bool, now: datetime, monotonic: float) -> Exhausted | None:
        """Return the limit that a call for this camera would break, or None."""
        for account in self._of(camera, now, monotonic):
            if account.used >= account.limit:
                return Exhausted(_code(account), for_second_views=False)
            if not first_view and account.used >= account.limit * (1 - KEPT_FOR_FIRST_VIEWS):
                return Exhausted(_code(account), for_second_views=True)
        return None

    def pay(self, camera: str, fee: int, now: datetime, monotonic: float) -> None:
        """Count a call that is about to be paid (fee 1), or correct it once the true fee is known (also negative)."""
        for account in self._of(camera, now, monotonic):
            account.used = max(0, account.used + fee)
            if account.used >= WARN_AT * account.limit and not account.warned:
                account.warned = True
                log.warning("budget: %s", _words(account))

    def usage(self, now: datetime, monotonic: float) -> list[Usage]:
        """Return all limits as they stand."""
        accounts = [self._present(account, now, monotonic) for account in self._accounts]
        return [Usage(account.span.value, account.who, account.used, account.limit) for account in accounts]

    def _of(self, camera: str, now: datetime, monotonic: float) -> list[_Account]:
        return [self._present(a, now, monotonic) for a in self._accounts if a.who in (None, camera)]

    def _present(self, account: _Account, now: datetime, monotonic: float) -> _Account:
        """Return the account, counted anew if its window is over."""
        if account.period.advance(now, monotonic, account.used):
            account.counted = account.warned = False
        if not account.counted and (paid := self._in_ledger(account.period, account.who)) is not None:
            account.used, account.counted = account.period.carried + paid, True
        return account

    def _in_ledger(self, period: Period, who: str | None) -> int | None:
        """Return what was paid in the period, None if that cannot be asked now; 0 while the clock is wrong and the
        period is not one of the calendar.
        """
        return self._spent(period.window.begin, who) if period.in_calendar else 0


def _code(account: _Account) -> StateReason:
    return StateReason(f"{'' if account.who is None else 'camera_'}budget_{account.span.value}")


def _words(account: _Account) -> str:
    whose = "the account" if account.who is None else f"camera {account.who}"
    return f"{account.used} of {account.limit} calls of this {account.span} for {whose} are used"
