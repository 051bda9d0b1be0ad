"""Records what happened: the one place where events become rows and readings become sightings.

The recorder first turns an event into writes and then makes all of them in one transaction. So after a crash, or on
a full disk, an event has happened wholly or not at all. Writes that fail are kept, and made before any others.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from streamwatch.core.codes import StateReason, ViewReason
from streamwatch.core.errors import RecognitionError
from streamwatch.core.events import (
    CallEnded,
    CallStarted,
    Event,
    KeyframeDoubtful,
    KeyframeDropped,
    KeyframeKept,
    KeyframeTaken,
    KeyframeWaits,
    PassageClosed,
    PassageOpened,
    PlatesCrossChecked,
    PlatesRead,
    ReadFailed,
    VehiclePushed,
)
from streamwatch.core.model import Engine, Keyframe, Passage, PlateText, Reading
from streamwatch.core.plates import Grammar
from streamwatch.core.sentences import sentence
from streamwatch.imaging.corners import in_frame
from streamwatch.pipeline.counters import Counters
from streamwatch.pipeline.following import Follower, Nobody
from streamwatch.pipeline.sighting_log import AcceptanceOf, Notify, SightingLog
from streamwatch.sightings.fusion import Change, Released, Removed, Saved
from streamwatch.store import KeyframeState, PassageOutcome, PassageStanding, Store, WaitingKeyframe

log = logging.getLogger(__name__)


@dataclass
class _Open:
    """A passage whose vehicle is still there, or that waits for an answer.

    waiting, failed: keyframes to be read, and those that were given up. earlier: what an earlier run stored about it.
    readings: keys.
    """

    passage: Passage
    waiting: int = 0
    failed: int = 0
    answered: bool = False
    earlier: PassageStanding | None = None
    readings: set[str] = field(default_factory=set)


class Recorder:
    """Turns events into rows. For one thread at a time: the daemon's thread `recorder`, or a replay's only one."""

    def __init__(
        self, store: Store, *, acceptance: AcceptanceOf, notify: Notify, follower: Follower | None = None
    ) -> None:
        self._store, self._acceptance = store, acceptance
        self._follower: Follower = Nobody() if follower is None else follower
        self._sightings = SightingLog(store, acceptance, notify, self._follower)
        self._open: dict[str, _Open] = {}
        self._sighted: set[str] = set()
        self._owed: list[Callable[[], None]] = []
        self.counters = Counters()

    def record(self, event: Event) -> None:
        """Record one event, after all writes that are owed. Raise StoreError."""
        self.catch_up()
        self.work_out(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Make the writes that are owed, all or none, and then tell of new sightings. Raise StoreError."""
        if not self._owed:
            return
        self._sightings.begin()
        with self._store.together():
            for write in self._owed:
                write()
        self._owed = []
        self._sightings.tell()

    def forget(self) -> None:
        """Give up the writes that are owed, at a start, and fetch passages and sightings from the database again."""
        self._owed = []
        self._open.clear()
        self._sightings.forget()
        self._sighted.clear()

    def as_waiting(self, keyframe: Keyframe, seen: Iterable[PlateText] = ()) -> WaitingKeyframe:
        """Return the outbox entry of a keyframe that was just stored. Raise StoreError.

        seen: what the camera itself has read in it.
        """
        grammar = self._acceptance(keyframe.camera).grammar
        return WaitingKeyframe(
            key=keyframe.key,
            passage=keyframe.passage,
            camera=keyframe.camera,
            captured_at=keyframe.captured_at,
            bytes=len(keyframe.jpeg),
            score=keyframe.score,
            first_view=not self._entry(keyframe.passage).answered,
            seen=tuple(grammar.parse(plate.text).text for plate in seen),
        )

    def resume(self, passages: Iterable[str]) -> None:
        """Expect one more answer for each of these passages (by key), after a restart. Raise StoreError."""
        for key in passages:
            self._entry(key).waiting += 1

    def settle_rest(self, pending: Iterable[str]) -> None:
        """Give closed passages (by key) their outcome, after a restart, unless one of their keyframes still waits."""
        for key in pending:
            standing = self._store.passages.standing(key)
            if not standing.unsettled and key not in self._open:
                outcome = _outcome(standing.sighted, standing.readings, standing.unanswered)
                self._store.passages.set_outcome(key, outcome)

    def work_out(self, event: Event) -> None:
        """Turn an event into writes, which are then owed. Raise StoreError before anything has changed."""
        match event:
            case PassageOpened(passage):
                self._open[passage.key] = _Open(passage)
                self.counters.passages[passage.camera, "opened"] += 1
                self._owed.append(lambda: self._store.passages.save(passage))
            case KeyframeTaken(keyframe):
                self._entry(keyframe.passage).waiting += 1
                self.counters.evidence += len(keyframe.jpeg)
                self._owed.append(lambda: self._store.keyframes.save(keyframe))
                self._follower.heard(event, (), frozenset())
            case KeyframeKept(keyframe):
                self.counters.evidence += len(keyframe.jpeg)
                self._owed.append(lambda: self._store.keyframes.save(keyframe, KeyframeState.KEPT))
            case VehiclePushed():
                self._pushed(event)
            case KeyframeWaits(keyframe, error):
                self._owed.append(
                    lambda: self._store.keyframes.set_state(keyframe.key, KeyframeState.WAITING, _code(error))
                )
            case KeyframeDropped(key, passage_key, camera, reason):
                log.warning("%s: a picture was not read: %s", camera, sentence(reason))
                self.counters.dropped += 1
                self._lost(key, passage_key, KeyframeState.DROPPED, reason)
            case KeyframeDoubtful(keyframe, error):
                log.error("%s: a picture may have been paid for without an answer: %s", keyframe.camera, error)
                self._lost(keyframe.key, keyframe.passage, KeyframeState.DOUBTFUL, _code(error))
            case ReadFailed(keyframe, error):
                log.error("%s: a picture could not be read: %s", keyframe.camera, error)
                self._lost(keyframe.key, keyframe.passage, KeyframeState.FAILED, _code(error))
            case CallStarted():
                self._owed.append(
                    lambda: self._store.calls.started(
                        event.key, event.keyframe, event.engine, event.attempt, event.started_at, event.picture
                    )
                )
            case CallEnded(key, result, ended_at):
                self.counters.calls[result.outcome] += 1
                self._owed.append(lambda: self._store.calls.ended(key, result, ended_at))
            case PlatesRead():
                self._answered(event)
            case PlatesCrossChecked():
                self._confirmed(event)
            case PassageClosed(passage):  # pragma: no branch - an event is one of these kinds
                self._closed(passage)

    def _entry(self, key: str) -> _Open:
        """Return a passage; one of an earlier run is fetched from the database. Raise StoreError."""
        if key not in self._open:
            earlier = self._store.passages.standing(key)
            answered = earlier.answered > 0
            self._open[key] = _Open(self._store.passages.load(key), answered=answered, earlier=earlier)
        return self._open[key]

    def _pushed(self, event: VehiclePushed) -> None:
        """Add a whole passage: its picture, and what the camera itself has read."""
        passage, keyframe = event.passage, event.keyframe
        fusion, grammar = self._sightings.fusion(passage), self._acceptance(passage.camera).grammar
        entry = self._open[passage.key] = _Open(passage, waiting=int(event.is_read))
        readings = [_reading(keyframe, Engine.CAMERA, plate, grammar) for plate in event.plates]
        entry.readings.update(reading.key for reading in readings)
        self.counters.passages[passage.camera, "opened"] += 1
        self.counters.evidence += len(keyframe.jpeg)
        state = KeyframeState.WAITING if event.is_read else KeyframeState.KEPT
        self._owed.append(lambda: self._store.passages.save(passage))
        self._owed.append(lambda: self._store.keyframes.save(keyframe, state))
        self._owed.append(lambda: self._store.keyframes.add_readings(keyframe.key, readings))
        self._follower.heard(event, tuple(readings), frozenset())
        self._apply(fusion.read(passage, readings))
        self._settle(entry)

    def _answered(self, event: PlatesRead) -> None:
        keyframe = event.keyframe
        entry = self._entry(keyframe.passage)
        fusion, grammar = self._sightings.fusion(entry.passage), self._acceptance(keyframe.camera).grammar
        readings = [_reading(keyframe, event.engine, plate, grammar) for plate in event.plates]
        # What the camera itself has read may have come in an earlier run, or many vehicles ago.
        own = self._store.keyframes.own_readings(keyframe.key) if keyframe.reason is ViewReason.PUSHED else []
        entry.waiting -= 1
        entry.answered = True
        entry.readings.update(reading.key for reading in readings)
        self._owed.append(lambda: self._store.keyframes.answered(keyframe.key, readings, event.call, event.why))
        seen = {reading.plate for reading, _ in own}
        doubted = frozenset((keyframe.key, one.plate) for one in readings if seen and one.plate not in seen)
        self._follower.heard(event, tuple(readings), doubted)
        alone = [reading for reading, is_sighted in own if not is_sighted]
        self._apply(fusion.read(entry.passage, [*alone, *readings]))
        self._settle(entry)

    def _confirmed(self, event: PlatesCrossChecked) -> None:
        """Add what the local engine read to what was paid for. The passage waits for as many answers as before."""
        keyframe, was_open = event.keyframe, event.keyframe.passage in self._open
        entry, grammar = self._entry(keyframe.passage), self._acceptance(keyframe.camera).grammar
        readings = [_reading(keyframe, Engine.LOCAL, plate, grammar) for plate in event.plates]
        contradicted = {(keyframe.key, grammar.parse(plate.text).text) for plate in event.contradicted}
        entry.readings.update(reading.key for reading in readings)
        self._owed.append(lambda: self._store.keyframes.answered(keyframe.key, readings))
        self._follower.heard(event, tuple(readings), contradicted)
        self._apply(self._sightings.fusion(entry.passage).read(entry.passage, readings, contradicted))
        if not was_open:
            del self._open[keyframe.passage]

    def _lost(self, key: str, passage: str, state: KeyframeState, reason: StateReason) -> None:
        entry = self._entry(passage)
        entry.waiting -= 1
        entry.failed += 1
        self._owed.append(lambda: self._store.keyframes.set_state(key, state, reason))
        self._settle(entry)

    def _closed(self, passage: Passage) -> None:
        entry, fusion = self._entry(passage.key), self._sightings.fusion(passage)
        entry.passage = passage
        self._owed.append(lambda: self._store.passages.save(passage))
        if entry.earlier is not None:
            self._owed.append(lambda: self._store.passages.seen_until(passage.key, passage.last_seen))
        self._apply(fusion.close(passage))
        self._settle(entry)

    def _settle(self, entry: _Open) -> None:
        """Give a passage its outcome once it has closed and every answer is there."""
        if not entry.passage.closed or entry.waiting > 0:
            return
        key = entry.passage.key
        del self._open[key]
        was = entry.earlier or PassageStanding(0, 0, 0, 0, 0)
        sighted, readings = len(entry.readings & self._sighted), len(entry.readings)
        outcome = _outcome(was.sighted + sighted, was.readings + readings, was.unanswered + entry.failed)
        self._sighted -= entry.readings
        self.counters.passages[entry.passage.camera, outcome.value] += 1
        self._owed.append(lambda: self._store.passages.set_outcome(key, outcome))

    def _apply(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case Saved(sighting, readings):
                    for entry in self._open.values():
                        self._sighted |= entry.readings.intersection(readings)
                    self._owed.append(lambda s=sighting, r=readings: self._sightings.save(s, r))  # type: ignore[misc]
                case Removed(key, into):
                    self._owed.append(lambda k=key, i=into: self._sightings.remove(k, i))  # type: ignore[misc]
                case Released(readings):  # pragma: no branch - a change is one of these three
                    self._sighted -= set(readings)
                    self._owed.append(lambda r=readings: self._store.sightings.release_readings(r))  # type: ignore[misc]


def _outcome(sighted: int, readings: int, failed: int) -> PassageOutcome:
    """Return the outcome of a passage. sighted: readings that belong to a sighting. failed: keyframes not answered."""
    if sighted:
        return PassageOutcome.READ
    if readings:
        return PassageOutcome.UNSURE
    return PassageOutcome.FAILED if failed else PassageOutcome.UNREAD


def _code(error: RecognitionError) -> StateReason:
    """Return the code of an engine's failure."""
    return StateReason(error.outcome)


def _reading(keyframe: Keyframe, engine: Engine, plate: PlateText, grammar: Grammar) -> Reading:
    parsed = grammar.parse(plate.text)
    return Reading(
        key=uuid4().hex,
        keyframe=keyframe.key,
        passage=keyframe.passage,
        camera=keyframe.camera,
        captured_at=keyframe.captured_at,
        engine=engine,
        raw=plate.text,
        plate=parsed.text,
        kind=parsed.kind,
        repaired=parsed.repaired,
        confidence=plate.confidence,
        corners=in_frame(plate.corners, keyframe.crop, keyframe.scale),
    )
