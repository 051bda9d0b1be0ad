"""What people say a plate really is: readings of the engine `operator`.

A correction is one more reading, with who typed it and when; no reading of an engine changes. From then on the passage
is decided: its sighting is the person's, it belongs to this passage alone, and neither fusion nor a late answer changes
it. The last correction counts, so one is undone by another. Fusion knows nothing of this and stays pure: `Sightings`
leaves out what belongs to decided passages.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from streamwatch.core.errors import StoreError
from streamwatch.core.model import Engine, SightingStatus
from streamwatch.core.plates import CHINA, Grammar, Plate, legible
from streamwatch.store.best_plate import best_plates
from streamwatch.store.events import Events
from streamwatch.store.revisions import touch, touch_sighting
from streamwatch.store.rows import row_of
from streamwatch.store.sightings import tell_sighting
from streamwatch.store.tables import (
    PassageOutcome,
    StoredCorrection,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
)
from streamwatch.store.transactions import Writer


@dataclass(frozen=True, slots=True)
class Corrected:
    """The result of a correction.

    plate: as it is stored now, of kind "" if no grammar knows it; its text is empty if there is no plate. before: what
    the passage showed until then. sighting: id; None if there is no plate.
    """

    plate: Plate
    before: str
    sighting: int | None


class Corrections:
    """Writes what people say of pictures."""

    def __init__(self, writer: Writer, events: Events) -> None:
        """events: gets what the outside is told, in the same transaction."""
        self._writer, self._events = writer, events

    def read_by_operator(
        self, passage: str, keyframe: str, text: str, who: str, now: datetime, grammar: Grammar = CHINA
    ) -> Corrected:
        """Store what a person reads in a keyframe, and make it the plate of its passage.

        passage, keyframe: keys. text: as it was typed; empty if there is no plate or no vehicle. who: the person's
        name. Raise ValueError, with a sentence, if the text can be no plate.
        """
        plate = typed_plate(text, grammar)
        with self._writer.transaction() as session:
            stay, view = row_of(session, StoredPassage, passage), row_of(session, StoredKeyframe, keyframe)
            if view.passage_id != stay.id:
                raise StoreError(f"The keyframe {keyframe!r} does not show the passage {passage!r}.")
            touch(session, [stay.id], reread=True)
            shown = best_plates(session, [stay.id]).get(stay.id)
            reading = StoredReading(
                key=uuid4().hex,
                keyframe_id=view.id,
                engine=Engine.OPERATOR,
                raw=text,
                plate=plate.text,
                kind=plate.kind,
                repaired=plate.repaired,
            )
            session.add(reading)
            session.flush()
            before = "" if shown is None else shown.text
            session.add(StoredCorrection(reading_id=reading.id, operator=who, typed_at=now, before=before))
            sighting = _sighting(stay, view, plate) if plate.text else None
            if sighting is not None:
                session.add(sighting)
                session.flush()
            number = None if sighting is None else sighting.id
            old = None if shown is None else shown.sighting
            self._tell(session, stay, view, sighting, old, who)
            moved = 0 if old is None else _take_over(session, stay, old, number)
            if sighting is not None:
                sighting.reads, reading.sighting_id = moved + 1, number
            stay.engine, stay.outcome = Engine.OPERATOR, PassageOutcome.READ if plate.text else PassageOutcome.UNREAD
            session.flush()
            return Corrected(plate, before, number)

    def _tell(
        self,
        session: Session,
        stay: StoredPassage,
        view: StoredKeyframe,
        new: StoredSighting | None,
        old: int | None,
        who: str,
    ) -> None:
        """Tell the outside that a person has corrected a sighting (old: its id), or found one where there was none."""
        row = None if old is None else session.get_one(StoredSighting, old)
        if row is None and new is not None:
            tell_sighting(self._events, new, stay.key, view.key)
        elif row is not None:
            heir = "" if new is None else new.key
            plate, kind = ("", "") if new is None else (new.plate, new.kind)
            tell_sighting(self._events, row, stay.key, view.key, row.plate, (plate, kind), who=who, merged_into=heir)


def typed_plate(text: str, grammar: Grammar = CHINA) -> Plate:
    """Return the plate that a person typed, also one that no grammar knows. Raise ValueError with a sentence."""
    if not legible(text):
        raise ValueError(f"{text[:40]!r} cannot be a plate: write at most 24 letters, digits and Chinese characters.")
    return grammar.parse(text)


def _sighting(stay: StoredPassage, view: StoredKeyframe, plate: Plate) -> StoredSighting:
    return StoredSighting(
        key=uuid4().hex,
        camera=stay.camera,
        plate=plate.text,
        kind=plate.kind,
        first_seen=stay.opened_at,
        last_seen=stay.last_seen,
        reads=1,
        status=SightingStatus.FINAL if stay.closed else SightingStatus.PROVISIONAL,
        engine=Engine.OPERATOR,
        passage_id=stay.id,
        keyframe_id=view.id,
    )


def _take_over(session: Session, stay: StoredPassage, old: int, new: int | None) -> int:
    """Give the passage's readings of its old sighting to the new one (ids), and return how many there are.

    What is left of the old sighting begins with the next passage; it is deleted if nothing is left.
    """
    touch_sighting(session, old)
    of_it = StoredReading.keyframe_id.in_(select(StoredKeyframe.id).where(StoredKeyframe.passage_id == stay.id))
    theirs = list(session.scalars(select(StoredReading.id).where(StoredReading.sighting_id == old, of_it)))
    session.execute(update(StoredReading).where(StoredReading.id.in_(theirs)).values(sighting_id=new))
    _rest(session, session.get_one(StoredSighting, old))
    return len(theirs)


def _rest(session: Session, row: StoredSighting) -> None:
    """Make a sighting begin with the first passage whose readings it still has; delete it if it has none."""
    left = (
        select(StoredPassage, StoredKeyframe.id)
        .join(StoredKeyframe, StoredKeyframe.passage_id == StoredPassage.id)
        .join(StoredReading, StoredReading.keyframe_id == StoredKeyframe.id)
        .where(StoredReading.sighting_id == row.id)
        .order_by(StoredPassage.opened_at, StoredReading.confidence.desc().nulls_last(), StoredReading.id)
    )
    found = session.execute(left).all()
    if not found:
        session.delete(row)
        return
    first, view = found[0]
    row.passage_id, row.keyframe_id, row.first_seen = first.id, view, first.opened_at
    row.last_seen = max(stay.last_seen for stay, _ in found)
    row.reads = len(found)
