"""Writes down what happened: the one place where events become rows and readings become sightings.

An event is first worked out into writes, then all writes of one event are made in one transaction: after a crash or a
full disk an event has happened wholly or not at all. Writes that fail are owed and made before anything else.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from streamwatch.core.codes import StateReason
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
    PlatesConfirmed,
    PlatesRead,
    ReadFailed,
)
from streamwatch.core.model import Engine, Keyframe, Passage, PlateText, Reading, Sighting
from streamwatch.core.plates import CHINA, Grammar
from streamwatch.core.sentences import sentence
from streamwatch.pipeline.counters import Counters
from streamwatch.pipeline.intake import in_frame
from streamwatch.sightings.evidence import Floors
from streamwatch.sightings.fusion import Change, Fusion, Released, Removed, Saved
from streamwatch.store import KeyframeState, PassageOutcome, PassageStanding, Store, WaitingKeyframe

log = logging.getLogger(__name__)

REMEMBERED = 1000  # sightings of which is known what was told

Notify = Callable[[Sighting, bool], None]
"""Told of every sighting that is new, or whose plate was corrected (True)."""


@dataclass
class _Open:
    """A passage that still waits for its vehicle to go or for an answer."""

    passage: Passage
    waiting: int = 0
    failed: int = 0
    answered: bool = False
    earlier: PassageStanding | None = None
    readings: set[str] = field(default_factory=set)


class Recorder:
    """Used by one thread at a time: the recorder of the daemon, or a replay."""

    def __init__(
        self, store: Store, *, window: float, floors: Floors, notify: Notify, grammar: Grammar = CHINA
    ) -> None:
        """window: seconds in which a plate seen again is the same sighting; floors: see there."""
        self._grammar = grammar
        self._store, self._window, self._floors, self._notify = store, window, floors, notify
        self._fusions: dict[str, Fusion] = {}
        self._open: dict[str, _Open] = {}
        self._sighted: set[str] = set()
        self._told: dict[str, str] = {}
        self._owed: list[Callable[[], None]] = []
        self._saved: list[Sighting] = []
        self.counters = Counters()

    def record(self, event: Event) -> None:
        """Writes one event down, after all that is owed. Raises StoreError."""
        self.catch_up()
        self.work_out(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Makes the writes that are owed, all or none, and then tells of new sightings. Raises StoreError."""
        if not self._owed:
            return
        self._saved = []
        with self._store.together():
            for write in self._owed:
                write()
        self._owed = []
        for sighting in self._saved:
            self._tell(sighting)

    def forget(self) -> None:
        """Gives up what is owed; passages and sightings are fetched anew from the database. At a start only."""
        self._owed = []
        self._open.clear()
        self._fusions.clear()
        self._sighted.clear()

    def as_waiting(self, keyframe: Keyframe) -> WaitingKeyframe:
        """A keyframe that was just stored, as the outbox keeps it."""
        return WaitingKeyframe(
            key=keyframe.key,
            passage=keyframe.passage,
            camera=keyframe.camera,
            captured_at=keyframe.captured_at,
            bytes=len(keyframe.jpeg),
            score=keyframe.score,
            first_view=not self._entry(keyframe.passage).answered,
        )

    def resume(self, passages: Iterable[str]) -> None:
        """After a restart: one more keyframe of each of these passages (by key) is still to be read."""
        for key in passages:
            self._entry(key).waiting += 1

    def settle_rest(self, pending: Iterable[str]) -> None:
        """After a restart: closed passages (by key) that no keyframe waits for any more get their outcome."""
        for key in pending:
            standing = self._store.passages.standing(key)
            if not standing.unsettled and key not in self._open:
                outcome = _outcome(standing.sighted, standing.readings, standing.unanswered)
                self._store.passages.set_outcome(key, outcome)

    def work_out(self, event: Event) -> None:
        """What the event makes of the rows, owed to the database. Raises StoreError before anything has changed."""
        match event:
            case PassageOpened(passage):
                self._open[passage.key] = _Open(passage)
                self.counters.passages[passage.camera, "opened"] += 1
                self._owe(lambda: self._store.passages.save(passage))
            case KeyframeTaken(keyframe):
                self._entry(keyframe.passage).waiting += 1
                self.counters.evidence += len(keyframe.jpeg)
                self._owe(lambda: self._store.keyframes.save(keyframe))
            case KeyframeKept(keyframe):
                self.counters.evidence += len(keyframe.jpeg)
                self._owe(lambda: self._store.keyframes.save(keyframe, KeyframeState.KEPT))
            case KeyframeWaits(keyframe, error):
                self._owe(lambda: self._store.keyframes.set_state(keyframe.key, KeyframeState.WAITING, _code(error)))
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
                self._owe(
                    lambda: self._store.calls.started(
                        event.key, event.keyframe, event.engine, event.attempt, event.started_at, event.picture
                    )
                )
            case CallEnded(key, result, ended_at):
                self.counters.calls[result.outcome] += 1
                self._owe(lambda: self._store.calls.ended(key, result, ended_at))
            case PlatesRead():
                self._answered(event)
            case PlatesConfirmed(keyframe, plates):
                self._confirmed(keyframe, plates)
            case PassageClosed(passage):
                self._closed(passage)

    def _owe(self, write: Callable[[], None]) -> None:
        self._owed.append(write)

    def _entry(self, key: str) -> _Open:
        """The passage; one of an earlier run is fetched from the database. Raises StoreError."""
        if key not in self._open:
            earlier = self._store.passages.standing(key)
            answered = earlier.answered > 0
            self._open[key] = _Open(self._store.passages.load(key), answered=answered, earlier=earlier)
        return self._open[key]

    def _answered(self, event: PlatesRead) -> None:
        keyframe = event.keyframe
        entry = self._entry(keyframe.passage)
        fusion = self._fusion(entry.passage)
        readings = [_reading(keyframe, event.engine, plate, self._grammar) for plate in event.plates]
        entry.waiting -= 1
        entry.answered = True
        entry.readings.update(reading.key for reading in readings)
        self._owe(lambda: self._store.keyframes.answered(keyframe.key, readings, event.call, event.why))
        self._apply(fusion.read(entry.passage, readings))
        self._settle(entry)

    def _confirmed(self, keyframe: Keyframe, plates: tuple[PlateText, ...]) -> None:
        """More support for what was read; it changes nothing in how far the passage has come."""
        was_open = keyframe.passage in self._open
        entry = self._entry(keyframe.passage)
        readings = [_reading(keyframe, Engine.LOCAL, plate, self._grammar) for plate in plates]
        entry.readings.update(reading.key for reading in readings)
        self._owe(lambda: self._store.keyframes.answered(keyframe.key, readings))
        self._apply(self._fusion(entry.passage).read(entry.passage, readings))
        if not was_open:
            del self._open[keyframe.passage]

    def _lost(self, key: str, passage: str, state: KeyframeState, reason: StateReason) -> None:
        entry = self._entry(passage)
        entry.waiting -= 1
        entry.failed += 1
        self._owe(lambda: self._store.keyframes.set_state(key, state, reason))
        self._settle(entry)

    def _closed(self, passage: Passage) -> None:
        entry, fusion = self._entry(passage.key), self._fusion(passage)
        entry.passage = passage
        self._owe(lambda: self._store.passages.save(passage))
        if entry.earlier is not None:
            self._owe(lambda: self._store.passages.seen_until(passage.key, passage.last_seen))
        self._apply(fusion.close(passage))
        self._settle(entry)

    def _settle(self, entry: _Open) -> None:
        """Says what became of a passage, once it has closed and every answer is there."""
        if not entry.passage.closed or entry.waiting > 0:
            return
        key = entry.passage.key
        del self._open[key]
        was = entry.earlier or PassageStanding(0, 0, 0, 0, 0)
        sighted, readings = len(entry.readings & self._sighted), len(entry.readings)
        outcome = _outcome(was.sighted + sighted, was.readings + readings, was.unanswered + entry.failed)
        self._sighted -= entry.readings
        self.counters.passages[entry.passage.camera, outcome.value] += 1
        self._owe(lambda: self._store.passages.set_outcome(key, outcome))

    def _apply(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case Saved(sighting, readings):
                    for entry in self._open.values():
                        self._sighted |= entry.readings.intersection(readings)
                    self._owe(lambda s=sighting, r=readings: self._save(s, r))  # type: ignore[misc]
                case Removed(key, into):
                    self._owe(lambda k=key, i=into: self._store.sightings.remove(k, i))  # type: ignore[misc]
                case Released(readings):
                    self._sighted -= set(readings)
                    self._owe(lambda r=readings: self._store.sightings.release_readings(r))  # type: ignore[misc]

    def _save(self, sighting: Sighting, readings: tuple[str, ...]) -> None:
        self._store.sightings.save(sighting, readings, self._grammar.parse(sighting.plate).kind)
        self._saved.append(sighting)

    def _tell(self, sighting: Sighting) -> None:
        told = self._told.pop(sighting.key, None)
        self._told[sighting.key] = sighting.plate
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        if told != sighting.plate:
            self._notify(sighting, told is not None)

    def _fusion(self, passage: Passage) -> Fusion:
        """The camera's fusion, which at first knows what the database knows, so that a restart repeats no sighting."""
        if passage.camera not in self._fusions:
            since = passage.opened_at - timedelta(seconds=self._window)
            recent = self._store.sightings.recent(passage.camera, since)
            self._fusions[passage.camera] = Fusion(
                passage.camera,
                window=self._window,
                floors=self._floors,
                recent=recent,
            )
            self._told.update((sighting.key, sighting.plate) for sighting in recent)
        return self._fusions[passage.camera]


def _outcome(sighted: int, readings: int, failed: int) -> PassageOutcome:
    """What became of a passage, from how many of its readings belong to a sighting and how many keyframes failed."""
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
        corners=in_frame(plate.corners, keyframe),
    )
