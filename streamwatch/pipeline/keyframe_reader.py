"""Reads one keyframe: loads it, asks the engine that the router has named, and writes down what follows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Protocol

from streamwatch.core.clock import Clock
from streamwatch.core.codes import StateReason
from streamwatch.core.errors import DatabaseUnusable, Doubtful, RecognitionError, StorageFailed, StoreError
from streamwatch.core.events import (
    Event,
    KeyframeDoubtful,
    KeyframeDropped,
    KeyframeWaits,
    PlatesCrossChecked,
    PlatesRead,
    ReadFailed,
)
from streamwatch.core.model import FreeRecognizer, JudgedPlate, Keyframe, PlateText, Recognizer
from streamwatch.core.text import age, some
from streamwatch.pipeline.calls import PaidCalls
from streamwatch.pipeline.engines import Engines
from streamwatch.pipeline.in_flight import InFlight
from streamwatch.pipeline.local import LocalHelp
from streamwatch.pipeline.outbox import Dropped, Entry, EntryState
from streamwatch.pipeline.reading import RecordedLedger
from streamwatch.pipeline.router import Fate, Route, after_failure
from streamwatch.sightings.cross_check import CrossCheck, objects

log = logging.getLogger(__name__)


class KeyframeStorage(Protocol):
    """The storage of keyframes and events. Both methods return once that is safely done."""

    def load(self, key: str) -> Keyframe:
        """Return a stored keyframe with its JPEG. Raise StoreError if it is gone or damaged."""

    def record(self, event: Event) -> None:
        """Write an event down."""


class Queue(Protocol):
    """The dispatcher as a reader sees it. Its methods return entries that had to give way or are no longer needed."""

    def put_back(self, entry: Entry) -> list[Dropped]:
        """Let an entry wait for another try."""

    def hold(self, entry: Entry) -> bool:
        """Hold an entry back while its vehicle is in view; False if it is not."""

    def answered(self, passage: str) -> list[Dropped]:
        """Note that a view of a passage was read."""

    def backlog(self) -> tuple[int, int, float]:
        """Return how many keyframes wait, their bytes, and the age of the oldest in seconds."""


@dataclass(frozen=True, slots=True)
class Job:
    """A keyframe that was taken out of the outbox.

    engines: those that the route was decided for. why: an unusual reason for its route.
    """

    entry: Entry
    engines: Engines
    route: Route
    why: StateReason = StateReason.NONE


@dataclass(frozen=True, slots=True)
class Served:
    """The result of a job.

    plates: None if no engine settled what the view shows, so that another view is worth a call. again: it waits in the
    outbox for another try.
    """

    keyframe: Keyframe | None
    plates: tuple[JudgedPlate, ...] | None
    again: bool = False


class KeyframeReader:
    """Reads keyframes; several threads may use it at once."""

    def __init__(
        self, clock: Clock, storage: KeyframeStorage, calls: PaidCalls, in_flight: InFlight, queue: Queue
    ) -> None:
        self._clock, self._storage = clock, storage
        self._calls, self._in_flight, self._queue = calls, in_flight, queue
        self._cross_check, self._checking = CrossCheck(), Lock()

    def serve(self, job: Job) -> Served:
        """Read a job's keyframe and write down what follows. Raise StoreError."""
        item = job.entry.keyframe
        try:
            keyframe = self._storage.load(item.key)
        except (StorageFailed, DatabaseUnusable):
            raise
        except StoreError as error:
            if job.route is Route.CALL:
                self._calls.call_off(item.camera)
            log.error("%s: a stored picture is lost: %s", item.camera, error)
            self._storage.record(KeyframeDropped(item.key, item.passage, item.camera, StateReason.PICTURE_LOST))
            return Served(None, None)
        match job.route:
            case Route.CALL:
                return self._call(job, keyframe)
            case Route.LOCAL:
                return self._read_free(job.engines.recognizer, keyframe)
            case Route.LOCAL_FIRST:
                return self._read_first(job, keyframe)
            case Route.FALLBACK:
                return self._read_free(_engine(job.engines.local), keyframe, job.why)
        self._storage.record(KeyframeDropped(keyframe.key, keyframe.passage, keyframe.camera, job.why))
        return Served(keyframe, None)

    def _call(self, job: Job, keyframe: Keyframe) -> Served:
        """Have the paid engine read a keyframe."""
        recognizer = job.engines.recognizer
        ledger = self._ledger(recognizer, keyframe)
        try:
            plates = tuple(recognizer.read(keyframe.jpeg, ledger))
        except RecognitionError as error:
            self._calls.failed(keyframe.camera, error, ledger.paid)
            return self._after_failure(job, keyframe, error, bool(ledger.paid))
        held_for = self._calls.answered(keyframe.camera, len(plates), ledger.paid)
        if held_for is not None:
            waiting, _, _ = self._queue.backlog()
            log.warning("ocrCars answers again after %s; %s waiting", age(held_for), some(waiting, "picture"))
        why = StateReason.PAID_BEFORE if ledger.call is None else StateReason.NONE
        self._record_answer(PlatesRead(keyframe, recognizer.engine, plates, ledger.call, why))
        return Served(keyframe, self._checked(job, keyframe, plates))

    def _after_failure(self, job: Job, keyframe: Keyframe, error: RecognitionError, charged: bool) -> Served:
        """Do what the router decides for a keyframe whose call failed.

        If the local engine reads it and is not sure, the gate may send one other view of the vehicle.
        """
        entry, local = job.entry, job.engines.local
        fate = after_failure(error, charged, entry.state, local.stands_in)
        if fate in (Fate.AGAIN, Fate.ONCE_MORE):
            self._storage.record(KeyframeWaits(keyframe, error))
            if fate is Fate.ONCE_MORE and self._queue.hold(entry):
                return Served(keyframe, None)
            return self._put_back(
                keyframe, replace(entry, state=EntryState.LAST_CALL) if fate is Fate.ONCE_MORE else entry
            )
        only_call = self._calls.count_in_vain(keyframe.passage) == 1
        if fate is Fate.FALLBACK:
            served = self._read_free(_engine(local), keyframe, StateReason.CALL_WITHOUT_ANSWER)
            read = [judged.plate for judged in served.plates or ()]
            settled = read and (not only_call or local.is_sure(read))
            return served if settled else replace(served, plates=None)
        lost = KeyframeDoubtful(keyframe, error) if isinstance(error, Doubtful) else ReadFailed(keyframe, error)
        self._storage.record(lost)
        return Served(keyframe, None)

    def _checked(self, job: Job, keyframe: Keyframe, paid: Sequence[PlateText]) -> tuple[JudgedPlate, ...]:
        """Return a paid reading with its trust, after the local engine has looked at the same picture."""
        local = self._second_opinion(job, keyframe, paid)
        with self._checking:
            checked = self._cross_check.judge(keyframe.passage, paid, local)
        if checked.seen:
            self._storage.record(PlatesCrossChecked(keyframe, checked.seen, checked.contradicted))
        return checked.plates

    def _second_opinion(self, job: Job, keyframe: Keyframe, paid: Sequence[PlateText]) -> Sequence[PlateText] | None:
        """Return what the local engine reads where these plates are; None if it is not asked, or fails."""
        if job.entry.local is not None or not paid or not job.engines.local.stands_in:
            return job.entry.local if paid else None
        local = _engine(job.engines.local)
        try:
            ledger = self._ledger(local, keyframe)
            near = local.read_near(keyframe.jpeg, [plate.corners for plate in paid], ledger)
            # An objection may cost another call, so the cheap look alone is not enough for it.
            return local.read(keyframe.jpeg, ledger) if objects(near, paid) else near
        except RecognitionError:
            return None

    def _read_first(self, job: Job, keyframe: Keyframe) -> Served:
        """Take a sure local reading as the answer, or let the keyframe wait for a call.

        If the camera itself has read a plate, a local reading that differs is never sure enough.
        """
        engine = _engine(job.engines.local)
        try:
            plates = tuple(engine.read(keyframe.jpeg, self._ledger(engine, keyframe)))
        except RecognitionError as error:
            log.debug("%s: not read locally: %s", keyframe.camera, error)
            plates = ()
        seen, local = job.entry.keyframe.seen, job.engines.local
        if local.agrees(plates, seen) if seen else local.is_sure(plates):
            why = StateReason.CAMERA_AGREES if seen else StateReason.LOCAL_SURE
            self._record_answer(PlatesRead(keyframe, engine.engine, plates, None, why))
            return Served(keyframe, _unchecked(plates))
        return self._put_back(keyframe, replace(job.entry, state=EntryState.UNSURE, local=plates))

    def _read_free(self, engine: Recognizer, keyframe: Keyframe, why: StateReason = StateReason.NONE) -> Served:
        """Take the reading of an engine that costs nothing as the answer."""
        try:
            plates = tuple(engine.read(keyframe.jpeg, self._ledger(engine, keyframe)))
        except RecognitionError as error:
            self._storage.record(ReadFailed(keyframe, error))
            return Served(keyframe, None)
        self._record_answer(PlatesRead(keyframe, engine.engine, plates, None, why))
        return Served(keyframe, _unchecked(plates))

    def _record_answer(self, read: PlatesRead) -> None:
        self._storage.record(read)
        self._record_dropped(self._queue.answered(read.keyframe.passage))

    def _put_back(self, keyframe: Keyframe, entry: Entry) -> Served:
        self._record_dropped(self._queue.put_back(entry))
        return Served(keyframe, None, again=True)

    def _record_dropped(self, given_up: Sequence[Dropped]) -> None:
        for dropped in given_up:
            self._storage.record(dropping(dropped))

    def _ledger(self, engine: Recognizer, keyframe: Keyframe) -> RecordedLedger:
        return RecordedLedger(self._storage.record, self._clock, engine.engine, keyframe, self._in_flight)


def _engine(local: LocalHelp) -> FreeRecognizer:
    engine = local.engine()
    assert engine is not None
    return engine


def _unchecked(plates: Sequence[PlateText]) -> tuple[JudgedPlate, ...]:
    return tuple(JudgedPlate(plate) for plate in plates)


def dropping(dropped: Dropped) -> KeyframeDropped:
    """Return the event of a keyframe that gave way in the outbox."""
    item = dropped.waiting
    return KeyframeDropped(item.key, item.passage, item.camera, dropped.reason)
