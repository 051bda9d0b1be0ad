"""Writes down what happened: the one place where events become rows and readings become sightings."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from streamwatch import plates as grammar
from streamwatch.model import Keyframe, Passage, PlateText, Reading, Sighting
from streamwatch.pipeline.events import (
    CallEnded,
    CallStarted,
    Event,
    KeyframeDropped,
    KeyframeTaken,
    PassageClosed,
    PassageOpened,
    PlatesRead,
    ReadFailed,
)
from streamwatch.pipeline.intake import in_frame
from streamwatch.sightings.fusion import Change, Fusion, Released, Removed, Saved
from streamwatch.store import KeyframeState, PassageOutcome, Store

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
    readings: set[str] = field(default_factory=set)


class Books:
    """Used by one thread at a time: the recorder of the daemon, or a replay."""

    def __init__(self, store: Store, *, window: float, min_confidence: float, notify: Notify) -> None:
        """window: seconds in which a plate seen again is the same sighting; min_confidence: 0 to 1."""
        self._store, self._window, self._min_confidence, self._notify = store, window, min_confidence, notify
        self._fusions: dict[str, Fusion] = {}
        self._open: dict[str, _Open] = {}
        self._sighted: set[str] = set()
        self._told: dict[str, str] = {}

    def record(self, event: Event) -> None:
        """Writes one event down. Raises StoreError; what is in the database then is whole, but this run must end."""
        match event:
            case PassageOpened(passage):
                self._store.save_passage(passage)
                self._open[passage.key] = _Open(passage)
            case KeyframeTaken(keyframe):
                self._store.save_keyframe(keyframe)
                self._open[keyframe.passage].waiting += 1
            case KeyframeDropped(keyframe, reason):
                self._store.keyframe_state(keyframe.key, KeyframeState.DROPPED, reason)
                log.warning("%s: a picture was not read: %s", keyframe.camera, reason)
                self._failed(keyframe)
            case CallStarted():
                self._store.call_started(
                    event.key, event.keyframe, event.engine, event.attempt, event.started_at, event.picture
                )
            case CallEnded(key, result, ended_at):
                self._store.call_ended(key, result, ended_at)
            case PlatesRead():
                self._answered(event)
            case ReadFailed(keyframe, error):
                self._store.keyframe_state(keyframe.key, KeyframeState.FAILED, str(error))
                log.error("%s: a picture could not be read: %s", keyframe.camera, error)
                self._failed(keyframe)
            case PassageClosed(passage):
                self._closed(passage)

    def _answered(self, event: PlatesRead) -> None:
        keyframe = event.keyframe
        readings = [_reading(keyframe, event, plate) for plate in event.plates]
        self._store.keyframe_answered(keyframe.key, readings, event.call)
        entry = self._open[keyframe.passage]
        entry.waiting -= 1
        entry.readings.update(reading.key for reading in readings)
        self._apply(self._fusion(entry.passage).read(entry.passage, readings))
        self._settle(entry)

    def _failed(self, keyframe: Keyframe) -> None:
        entry = self._open[keyframe.passage]
        entry.waiting -= 1
        entry.failed += 1
        self._settle(entry)

    def _closed(self, passage: Passage) -> None:
        self._store.save_passage(passage)
        entry = self._open[passage.key]
        entry.passage = passage
        self._apply(self._fusion(passage).close(passage))
        self._settle(entry)

    def _settle(self, entry: _Open) -> None:
        """Says what became of a passage, once it has closed and every answer is there."""
        if not entry.passage.closed or entry.waiting:
            return
        del self._open[entry.passage.key]
        if entry.readings & self._sighted:
            outcome = PassageOutcome.READ
        elif entry.readings:
            outcome = PassageOutcome.UNSURE
        else:
            outcome = PassageOutcome.FAILED if entry.failed else PassageOutcome.UNREAD
        self._sighted -= entry.readings
        self._store.passage_outcome(entry.passage.key, outcome)

    def _apply(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case Saved(sighting, readings):
                    self._store.save_sighting(sighting, readings, grammar.parse(sighting.plate).kind)
                    for entry in self._open.values():
                        self._sighted |= entry.readings.intersection(readings)
                    self._tell(sighting)
                case Removed(key, into):
                    self._store.remove_sighting(key, into)
                case Released(readings):
                    self._store.release_readings(readings)
                    self._sighted -= set(readings)

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
            recent = self._store.recent_sightings(passage.camera, since)
            self._fusions[passage.camera] = Fusion(
                passage.camera,
                window=self._window,
                min_confidence=self._min_confidence,
                recent=recent,
            )
            self._told.update((sighting.key, sighting.plate) for sighting in recent)
        return self._fusions[passage.camera]


def _reading(keyframe: Keyframe, event: PlatesRead, plate: PlateText) -> Reading:
    parsed = grammar.parse(plate.text)
    return Reading(
        key=uuid4().hex,
        keyframe=keyframe.key,
        passage=keyframe.passage,
        camera=keyframe.camera,
        captured_at=keyframe.captured_at,
        engine=event.engine,
        raw=plate.text,
        plate=parsed.text,
        kind=parsed.kind,
        repaired=parsed.repaired,
        confidence=plate.confidence,
        corners=in_frame(plate.corners, keyframe),
    )
