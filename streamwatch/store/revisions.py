"""The revision of passages: which of them have changed since somebody looked.

A number is given at the end of a transaction, from a counter in the table `identity`. Whoever changes a passage first
locks that row until the commit, so numbers become visible in their order, also with several writing programs: a reader
that has seen 17 has seen everything up to 17.
"""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from streamwatch.store.best_plate import best_plates
from streamwatch.store.plate_parts import add_plate, drop_unused
from streamwatch.store.tables import StoredIdentity, StoredKeyframe, StoredPassage, StoredReading

_DIRECT = {"synchronize_session": False}
_TOUCHED, _REREAD = "touched passages", "passages that may have another plate"


def touch(session: Session, passages: Iterable[int], reread: bool = False) -> None:
    """Note that passages (ids) change in this transaction; call it before the change.

    reread: their readings or sightings change, so that they may have another plate.
    """
    ids = set(passages)
    if not ids:
        return
    if not session.info.get(_TOUCHED):
        session.execute(select(StoredIdentity.revision).with_for_update())
        session.info[_TOUCHED], session.info[_REREAD] = set(), set()
    session.info[_TOUCHED] |= ids
    if reread:
        session.info[_REREAD] |= ids


def touch_sighting(session: Session, sighting: int) -> None:
    """Note that a sighting (id) changes, for all passages whose readings belong to it."""
    query = (
        select(StoredKeyframe.passage_id)
        .join(StoredReading, StoredReading.keyframe_id == StoredKeyframe.id)
        .where(StoredReading.sighting_id == sighting)
        .distinct()
    )
    touch(session, session.scalars(query), reread=True)


def stamp(session: Session) -> None:
    """Give the touched passages their plates and new numbers; called before the commit."""
    touched: set[int] = session.info.pop(_TOUCHED, set())
    reread: set[int] = session.info.pop(_REREAD, set())
    if not touched:
        return
    session.flush()
    _set_plates(session, reread)
    counted = update(StoredIdentity).values(revision=StoredIdentity.revision + len(touched))
    session.execute(counted, execution_options=_DIRECT)
    newest = session.scalar(select(StoredIdentity.revision)) or 0
    for revision, passage in enumerate(sorted(touched), newest - len(touched) + 1):
        numbered = update(StoredPassage).where(StoredPassage.id == passage).values(revision=revision)
        session.execute(numbered, execution_options=_DIRECT)


def _set_plates(session: Session, passages: set[int]) -> None:
    best = best_plates(session, passages)
    rows = session.scalars(select(StoredPassage).where(StoredPassage.id.in_(passages)))
    before = set()
    for row in rows:
        found = best.get(row.id)
        plate, engine, confidence = ("", None, None) if found is None else (found.text, found.engine, found.confidence)
        if row.plate != plate:
            before.add(row.plate)
            add_plate(session, plate)
        row.plate, row.engine, row.confidence = plate, engine, confidence
    session.flush()
    drop_unused(session, before)
