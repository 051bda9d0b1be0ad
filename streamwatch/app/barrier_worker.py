"""The thread of one barrier: it sends what may be sent, ends the pulse, and holds the barrier open by schedule."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import partial
from uuid import uuid4

from streamwatch.access.holding import Holding, HoldStep
from streamwatch.access.may_open import Asked, OpeningRules, Standing, withheld
from streamwatch.app.barrier_faults import FaultKind, Faults
from streamwatch.app.opening_log import OpeningLog, Order
from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.clock import Clock
from streamwatch.core.codes import OpeningCause, OpeningState, WithheldReason
from streamwatch.core.errors import BarrierError, StoreError
from streamwatch.outward.barriers.barrier import HELD_FOR, Barrier
from streamwatch.outward.barriers.camera_barrier import CameraRelay
from streamwatch.store import OpeningTerms
from streamwatch.system.kill_switch import KillSwitch

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks at the schedule and at the kill switch."""
AGAIN_FIRST, AGAIN_LONGEST = 0.2, 30.0
"""Seconds between two tries to release a relay; the pause doubles with each."""
LAST_RELEASE = 3.0
"""Seconds for which a relay is released when the program ends; the next start goes on."""
NOT_BEFORE = 60.0
"""Seconds until holding open may begin if its row could not be written at the hour."""
HANGS_AFTER = 10.0
"""Seconds without an answer after which a driver, which should give up after 1.5 s, is said to hang."""

Scheduled = Callable[[], tuple[str, datetime] | None]
"""Returns the lane whose schedule holds the barrier open now, and the aware time when that ends; None: none does."""


class Phase(Enum):
    """What the thread of a barrier does.

    IDLE ──an opening is taken──▶ OPENING ──sent──▶ PULSE ──the relay ends it──▶ IDLE
     │                               │                └─we end it──▶ RELEASING ──confirmed──▶ IDLE
     │                               └──withheld or refused──▶ IDLE
     └──schedule──▶ OPENING ──sent──▶ HELD ──end, kill switch, fault──▶ RELEASING

    It begins with RELEASING if a run before may have left the relay closed. An opening is taken in IDLE alone, so none
    ever waits for another one.
    """

    IDLE = auto()
    OPENING = auto()
    PULSE = auto()
    RELEASING = auto()
    HELD = auto()


@dataclass(frozen=True, slots=True)
class BarrierParts:
    """What a barrier is made of. pulse: seconds. scheduled: None if it is never held open."""

    name: str
    driver: Barrier
    pulse: float
    scheduled: Scheduled | None = None


class BarrierWorker:
    """Runs the driver of one barrier; `take` and `state` are for any thread.

    A driver that raises or hangs delays this barrier alone. It has 13 attributes because sending, the end of the pulse
    and holding open must not overlap.
    """

    def __init__(
        self,
        parts: BarrierParts,
        kill: KillSwitch,
        openings: OpeningLog,
        clock: Clock,
        rules: Callable[[], OpeningRules],
    ) -> None:
        self.parts, self._kill, self._openings = parts, kill, openings
        self._clock, self._rules = clock, rules
        self.faults = Faults(parts.name, clock)
        self._changed = threading.Condition()
        self._phase, self._since = Phase.IDLE, clock.monotonic()
        self._order: Order | None = None
        self._opened_at: float | None = None
        self._stopping = False
        self._holding = Holding(HELD_FOR / 3)
        self.held_until: datetime | None = None
        driver = parts.driver
        if not driver.times_itself or (parts.scheduled is not None and driver.holds and not driver.times_holding):
            self._phase = Phase.RELEASING

    @property
    def busy(self) -> bool:
        """True while an opening is under way or the relay is being released."""
        return self._phase not in (Phase.IDLE, Phase.HELD)

    @property
    def hangs(self) -> bool:
        """True if the driver has not come back for longer than it may take."""
        sending = self._phase is Phase.OPENING
        return sending and self._clock.monotonic() - self._since > HANGS_AFTER + self._rules().max_age

    def take(self, order: Order) -> WithheldReason:
        """Take an opening if it may be sent now, and return NONE; else return why not. Nothing waits."""
        with self._changed:
            reason = self._reason(order.asked, busy=self.busy)
            if reason is WithheldReason.NONE:
                self._order = order
                self._become(Phase.OPENING)
            return reason

    def wake(self) -> None:
        """Have the thread look again: the kill switch was turned on."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Take no opening any more and end `run` after releasing the relay."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def run(self) -> None:
        """Work until `stop`."""
        try:
            if self._phase is Phase.RELEASING:
                self._release()
            while not self._stopping:
                order = self._next()
                if order is not None:
                    self._open(order)
                elif self.parts.scheduled is not None and not self._stopping:
                    self._look_at_schedule(self.parts.scheduled)
            if self._phase is Phase.HELD:
                self._let_go(self._holding.free)
        finally:
            self.parts.driver.end()

    def _next(self) -> Order | None:
        """Return the next opening; None if it is time to look at the schedule, or to stop."""
        with self._changed:
            if self._order is None and not self._stopping:
                self._changed.wait(None if self.parts.scheduled is None else LOOK_EVERY)
            order, self._order = self._order, None
            return order

    def _become(self, phase: Phase) -> None:
        with self._changed:
            self._phase, self._since = phase, self._clock.monotonic()
            self._changed.notify_all()

    def _reason(self, asked: Asked, busy: bool = False) -> WithheldReason:
        held = self._phase is Phase.HELD
        standing = Standing(self._kill.is_on, busy, held, self._stopping, self._opened_at)
        return withheld(asked, standing, self._rules(), self._clock.monotonic())

    def _open(self, order: Order) -> None:
        """Send one opening, unless something forbids it, and end its pulse."""
        if not self._is_recorded(order):
            self._become(Phase.IDLE)
            return
        driver = self.parts.driver
        send = partial(driver.open_for, order.passage) if isinstance(driver, CameraRelay) else driver.open
        outcome = self._send(send, order.terms)
        self._openings.end(order, outcome)
        if outcome.state is not OpeningState.FAILED:
            self._become(Phase.PULSE)
            threading.Event().wait(self.parts.pulse)
        if self.parts.driver.times_itself:
            self._become(Phase.IDLE)
        else:
            self._become(Phase.RELEASING)
            self._release()

    def _is_recorded(self, order: Order) -> bool:
        """Store that an opening is about to be sent; return False if it is withheld all the same.

        A person who stands at the barrier may open it also if the database cannot be written: the log has who and why,
        and the row follows. Nothing else opens without its row.
        """
        asked, limit = order.asked, self._rules().max_age
        by_hand = asked.cause is OpeningCause.BY_HAND
        left = asked.at + limit * (0.5 if by_hand else 1.0) - self._clock.monotonic()
        reason = WithheldReason.NONE
        try:
            if not self._openings.request(order, max(0.0, left)):
                reason = WithheldReason.OVERTAKEN
        except StoreError as error:
            if by_hand:
                terms = order.terms
                log.warning("%s opens barrier %s (%s) without its row: %s", terms.who, terms.barrier, terms.note, error)
            else:
                reason = WithheldReason.NOT_WRITTEN
        reason = reason or self._reason(asked)
        if reason:
            self._openings.end(order, OpeningOutcome(order.terms.key, OpeningState.WITHHELD, reason))
        return not reason

    def _send(self, send: Callable[[], None], terms: OpeningTerms) -> OpeningOutcome:
        """Have the driver do something once, and return what became of it."""
        self._opened_at = self._clock.monotonic()
        state, detail = OpeningState.DONE, ""
        try:
            send()
        except BarrierError as error:
            state, detail = OpeningState.UNKNOWN if error.doubtful else OpeningState.FAILED, str(error)
        except Exception as error:
            log.critical("the driver of barrier %s failed unexpectedly", self.parts.name, exc_info=error)
            state, detail = OpeningState.UNKNOWN, f"The driver failed unexpectedly ({type(error).__name__})."
        if state is OpeningState.DONE:
            self.faults.clear(FaultKind.OPENING)
        else:
            self.faults.set(FaultKind.OPENING, detail)
        return OpeningOutcome(terms.key, state, WithheldReason.NONE, detail)

    def _release(self) -> None:
        """Release the relay until it says yes, with growing pauses; at the end of the program for LAST_RELEASE seconds.

        Then IDLE.
        """
        pause, ending = AGAIN_FIRST, None
        while True:
            try:
                self.parts.driver.release()
            except BarrierError as error:
                self.faults.set(FaultKind.RELEASE, f"The relay could not be released; it is tried again. {error}")
            except Exception as error:
                log.critical("the driver of barrier %s failed unexpectedly", self.parts.name, exc_info=error)
                self.faults.set(FaultKind.RELEASE, "The relay could not be released; it is tried again.")
            else:
                self.faults.clear(FaultKind.RELEASE)
                self._become(Phase.IDLE)
                return
            now = self._clock.monotonic()
            if self._stopping and ending is None:
                ending = now + LAST_RELEASE
            if ending is not None and now >= ending:
                log.error("barrier %s: its relay was not released before the end of the program", self.parts.name)
                return
            with self._changed:
                self._changed.wait(min(pause, LAST_RELEASE) if self._stopping else pause)
            pause = min(AGAIN_LONGEST, 2 * pause)

    def _look_at_schedule(self, scheduled: Scheduled) -> None:
        """Begin, go on or end holding open, as the schedule says at a trusted time."""
        found = scheduled() if self._clock.trusted else None
        now = self._clock.monotonic()
        end = None if found is None else now + (found[1] - self._clock.now()).total_seconds()
        step = self._holding.step(end, self._kill.is_on, now)
        if step is HoldStep.BEGIN and found is not None and end is not None:
            self._hold(*found, end)
        elif step is HoldStep.RENEW:
            self._renew()
        elif step is HoldStep.END:
            over = end is None or now >= self._holding.until
            self._let_go(self._holding.free if over else partial(self._holding.spend, self._holding.until))

    def _hold(self, lane: str, until: datetime, end: float) -> None:
        """Begin to hold the barrier open. If that fails, it is not tried again before the next time of the schedule."""
        now = self._clock.monotonic()
        note = f"until {until.astimezone():%Y-%m-%d %H:%M}"
        terms = OpeningTerms(
            uuid4().hex, lane, self.parts.name, OpeningCause.SCHEDULE, self._clock.now(), None, "", note
        )
        order = Order(Asked(OpeningCause.SCHEDULE, now), terms)
        with self._changed:
            if self._order is not None:
                return
            self._become(Phase.OPENING)
        if not self._is_recorded(order):  # nothing was sent, so it may begin later
            self._holding.spend(min(end, now + NOT_BEFORE))
            self._become(Phase.IDLE)
            return
        outcome = self._send(self.parts.driver.hold, terms)
        self._openings.end(order, outcome)
        if outcome.opened:
            self._holding.begin(end, self._clock.monotonic())
            self.held_until = until
            self._become(Phase.HELD)
            log.info("barrier %s is held open %s", self.parts.name, note)
        else:
            self._let_go(partial(self._holding.spend, end))

    def _renew(self) -> None:
        """Tell a relay that counts the time of holding open to go on."""
        if not self.parts.driver.times_holding:
            self._holding.renew(self._clock.monotonic())
            return
        try:
            self.parts.driver.hold()
        except Exception as error:
            said = str(error) if isinstance(error, BarrierError) else "Its driver failed unexpectedly."
            if not isinstance(error, BarrierError):
                log.critical("the driver of barrier %s failed unexpectedly", self.parts.name, exc_info=error)
            self.faults.set(FaultKind.OPENING, f"It is not held open any more. {said}")
            self._let_go(partial(self._holding.spend, self._holding.until))
        else:
            self._holding.renew(self._clock.monotonic())

    def _let_go(self, noted: Callable[[], None]) -> None:
        """End holding open."""
        self._become(Phase.RELEASING)
        noted()
        self.held_until = None
        log.info("barrier %s is held open no more", self.parts.name)
        self._release()
