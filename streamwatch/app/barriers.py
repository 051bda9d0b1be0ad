"""All barriers of the daemon: who may open which one now, and how they stand.

    barrier NAME   one thread for each barrier: sends, ends the pulse, holds open       ──tasks──▶ recorder
    sensor NAME    one thread for each sensor: looks where its barrier is
    reach NAME     one thread for each barrier: looks if its relay is there

Nothing opens without `request`, except what the schedule of a lane holds open. A row is committed before anything is
sent, and an opening is never queued and never tried again; see `Phase` in `barrier_worker.py`.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import datetime
from functools import partial
from uuid import uuid4

from streamwatch.access.may_open import Asked, OpeningRules, hold_end
from streamwatch.access.permits import Hours
from streamwatch.app.barrier_faults import FaultKind
from streamwatch.app.barrier_worker import BarrierParts, BarrierWorker
from streamwatch.app.opening_log import OpeningLog, Order
from streamwatch.app.sensor_worker import ReachWorker, SensorWorker
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.access_settings import DAYS, LaneSettings
from streamwatch.config.settings import Settings
from streamwatch.core.barrier_state import BarrierState, OpeningOutcome
from streamwatch.core.clock import Clock
from streamwatch.core.codes import LaneMode, OpeningCause, OpeningState, WithheldReason
from streamwatch.core.events import DecisionMade
from streamwatch.outward.barriers.camera_barrier import CameraRelays
from streamwatch.store import OpeningTerms, Store
from streamwatch.system.kill_switch import KillSwitch

log = logging.getLogger(__name__)

ANSWERED = 4.0
"""Seconds after `access.max_age` for which `request` waits for the relay at most."""
WRITTEN = 1.0
"""Seconds for which `request` then waits until the outcome is stored."""
ENDING = 4.0
"""Seconds that the threads of barriers may take to end."""


class Barriers:
    """Opens barriers and tells how they stand. Any thread may call it.

    relays: those that open by the answer to a camera, for whoever answers it.
    """

    def __init__(self, settings: Callable[[], Settings], writer: WriteQueue, store: Store, clock: Clock) -> None:
        """settings: those in force. `barriers` counts as it is now, `lanes` and `access` as they are at each moment."""
        self._settings, self._clock = settings, clock
        self._openings = OpeningLog(writer, store, clock)
        self._kill = KillSwitch(settings().data_dir)
        self.relays = CameraRelays()
        self._workers: dict[str, BarrierWorker] = {}
        self._sensors: dict[str, SensorWorker] = {}
        self._reaches: dict[str, ReachWorker] = {}
        self._running: list[threading.Thread] = []
        self._counts: Counter[tuple[str, OpeningState]] = Counter()
        if not settings().barriers:
            return
        from streamwatch.app.barrier_drivers import make_barrier, make_sensor  # their libraries take some megabytes

        for name, barrier in settings().barriers.items():
            driver = make_barrier(barrier, self.relays)
            scheduled = partial(self._scheduled, name) if driver.holds else None
            parts = BarrierParts(name, driver, barrier.pulse, scheduled)
            worker = self._workers[name] = BarrierWorker(parts, self._kill, self._openings, clock, self._rules)
            self._reaches[name] = ReachWorker(name, driver.reach, worker.faults)
            if barrier.sensor is not None:
                sensor = make_sensor(barrier.sensor)
                self._sensors[name] = SensorWorker(name, sensor, barrier.sensor.every, worker.faults)

    def start(self, spawn: Callable[[Callable[[], None], str], threading.Thread]) -> None:
        """Start the threads; they need the writer's."""
        for name, barrier in self._workers.items():
            self._running.append(spawn(barrier.run, f"barrier {name}"))
        for name, sensor in self._sensors.items():
            self._running.append(spawn(sensor.run, f"sensor {name}"))
        for name, reach in self._reaches.items():
            self._running.append(spawn(reach.run, f"reach {name}"))

    def stop(self) -> None:
        """Open nothing any more, release what is held open, and wait for the threads, ENDING seconds at most."""
        for barrier in self._workers.values():
            barrier.stop()
        for sensor in self._sensors.values():
            sensor.stop()
        for reach in self._reaches.values():
            reach.stop()
        until = self._clock.monotonic() + ENDING
        for thread in self._running:
            thread.join(max(0.0, until - self._clock.monotonic()))

    def request(
        self,
        lane: str,
        cause: OpeningCause,
        decision: DecisionMade | None = None,
        who: str = "",
        note: str = "",
    ) -> OpeningOutcome:
        """Open the barrier of a lane once if that is allowed now, and return what became of it.

        It returns within some seconds, and never raises because of a barrier. who, note: of the person; see `openings`.
        Not for the writer's thread, whose work it waits for. Raise ValueError for an opening by hand without a reason.
        """
        found = self._settings().lanes.get(lane)
        barrier = "" if found is None or found.barrier is None else found.barrier
        return self._ask(barrier, lane, cause, decision, who, note)

    def request_at(self, barrier: str, cause: OpeningCause, who: str, note: str) -> OpeningOutcome:
        """Open a barrier by its own name; see `request`. Its row names the first lane that it is at."""
        return self._ask(barrier, next(iter(self._lanes_of(barrier)), ""), cause, None, who, note)

    @property
    def killed(self) -> bool:
        """True if the kill switch is on: nothing opens."""
        return self._kill.is_on

    def kill(self, who: str) -> None:
        """Turn the kill switch on: nothing opens, also not by hand, and what is held open is let go of at once.

        Raise StorageFailed if it will not outlast the end of this process.
        """
        log.warning("the kill switch is turned on by %s: no barrier opens", who or "nobody known")
        try:
            self._kill.turn_on(who, self._clock.now())
        finally:
            for worker in self._workers.values():
                worker.wake()

    def unkill(self, who: str) -> None:
        """Turn the kill switch off. Raise StorageFailed if it stays on."""
        self._kill.turn_off()
        log.warning("the kill switch is turned off by %s: barriers open again", who or "nobody known")

    def states(self) -> list[BarrierState]:
        """Return how all barriers stand."""
        killed = self.killed
        return [self._state(name, worker, killed) for name, worker in self._workers.items()]

    def _state(self, name: str, worker: BarrierWorker, killed: bool) -> BarrierState:
        sensor = self._sensors.get(name)
        fault, since = worker.faults.worst()
        if worker.hangs and not fault:
            fault, since = "Its driver hangs: the relay has been asked and nothing came back.", self._clock.now()
        return BarrierState(
            name=name,
            lanes=tuple(self._lanes_of(name)),
            position=None if sensor is None else sensor.position,
            sensed=sensor is not None,
            fault=fault,
            fault_since=since,
            killed=killed,
            held_until=worker.held_until,
            holds=worker.parts.driver.holds,
            busy=worker.busy,
            unreleased=worker.faults.has(FaultKind.RELEASE),
            openings={state.value: count for (of, state), count in list(self._counts.items()) if of == name},
        )

    def _ask(
        self, barrier: str, lane: str, cause: OpeningCause, decision: DecisionMade | None, who: str, note: str
    ) -> OpeningOutcome:
        if cause is OpeningCause.BY_HAND and not note.strip():
            raise ValueError("An opening by hand needs a reason.")
        settings = self._settings().lanes.get(lane)
        asked = Asked(
            cause,
            self._clock.monotonic(),
            None if decision is None else decision.read_at,
            LaneMode.MANUAL if settings is None else settings.mode,
            None if decision is None else decision.verdict,
            decision is not None and decision.live,
        )
        key = None if decision is None else decision.key
        terms = OpeningTerms(uuid4().hex, lane, barrier, cause, self._clock.now(), key, who, note)
        order = Order(asked, terms, "" if decision is None else decision.passage)
        worker = self._workers.get(barrier)
        reason = WithheldReason.NO_BARRIER if worker is None else worker.take(order)
        if reason is not WithheldReason.NONE:
            self._openings.end(order, OpeningOutcome(order.terms.key, OpeningState.WITHHELD, reason))
        outcome = self._wait(order)
        self._counts[barrier, outcome.state] += 1
        return outcome

    def _wait(self, order: Order) -> OpeningOutcome:
        try:
            outcome = order.outcome.result(self._rules().max_age + ANSWERED)
        except FutureTimeout:
            return OpeningOutcome(order.terms.key, OpeningState.UNKNOWN, detail="Nothing has come back yet.")
        order.stored.wait(WRITTEN)
        return outcome

    def _rules(self) -> OpeningRules:
        access = self._settings().access
        return OpeningRules(access.max_age, access.cool_down)

    def _lanes_of(self, barrier: str) -> Iterator[str]:
        return (name for name, lane in self._settings().lanes.items() if lane.barrier == barrier)

    def _scheduled(self, barrier: str) -> tuple[str, datetime] | None:
        """Return the lane that holds a barrier open now, and until when; of several the one that does so longest."""
        local = self._clock.now().astimezone()
        lanes = self._settings().lanes
        ends = ((name, hold_end(hours_of(lanes[name]), local)) for name in self._lanes_of(barrier))
        found = [(name, end) for name, end in ends if end is not None]
        return max(found, key=lambda one: one[1], default=None)


def hours_of(lane: LaneSettings) -> list[Hours]:
    """Return the times in which a lane holds its barrier open."""
    return [Hours(frozenset(map(DAYS.index, one.days)), one.begin, one.end) for one in lane.hold_open]
