"""The revision of passages: which of them have changed since somebody looked.

A number is given at the end of a transaction, from a counter in the table `identity`. Whoever changes a passage first
locks that row until the commit, so numbers become visible in their order, also with several writing programs: a reader
that has seen 17 has seen everything up to 17.
"""

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from streamwatch.store.best_plate import best_plates
from streamwatch.store.plate_parts import add_plate, drop_unused
from streamwatch.store.tables import StoredIdentity, StoredKeyframe, StoredPassage, StoredReading

_IDENTITY, _PASSAGES = cast(Table, StoredIdentity.__table__), cast(Table, StoredPassage.__table__)
_LOCK = select(_IDENTITY.c.revision).with_for_update()
_COUNT = _IDENTITY.update().values(revision=_IDENTITY.c.revision + bindparam("more"))
_NUMBER = (
    _PASSAGES.update()
    .where(_PASSAGES.c.id == bindparam("passage"))
    .values(revision=select(_IDENTITY.c.revision).scalar_subquery() - bindparam("before"))
)
_TOUCHED, _REREAD = "touched passages", "passages that may have another plate"


def touch(session: Session, passages: Iterable[int], reread: bool = False) -> None:
    """Note that passages (ids) change in this transaction; call it before the change.

    reread: their readings or sightings change, so that they may have another plate.
    """
    ids = set(passages)
    if not ids:
        return
    if not session.info.get(_TOUCHED):
        in_order(session)
        session.info[_TOUCHED], session.info[_REREAD] = set(), set()
    session.info[_TOUCHED] |= ids
    if reread:
        session.info[_REREAD] |= ids


def in_order(session: Session) -> None:
    """Let no other transaction give numbers until this one ends, so that they become visible in their order."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite's only writer has the whole file
        session.execute(_LOCK)


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
    if reread:
        _set_plates(session, reread)
    # Statements of the tables, not of their classes, which cost several times the CPU.
    connection = session.connection()
    connection.execute(_COUNT, {"more": len(touched)})
    numbers = enumerate(sorted(touched, reverse=True))
    connection.execute(_NUMBER, [{"passage": passage, "before": before} for before, passage in numbers])


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
