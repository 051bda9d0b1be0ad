"""The index for parts of plates: every end of every plate, by which a range of the index finds any part.

Plates that contain A12 have an end that begins with A12. Ends are kept as skeletons, so that one range also finds the
plates that have a look-alike in that place; the question then compares the plates themselves. The table works on every
database without an extension (FTS5 and pg_trgm do not; see docs/decisions/0013-search.md).
"""

from collections.abc import Iterable, Iterator
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, delete, exists, literal, or_, select, union_all
from sqlalchemy.orm import Session

from streamwatch.core.plates import LONGEST_TEXT, confusable, skeleton, unlikeness
from streamwatch.store.tables import Bytewise, StoredPassage, StoredPlatePart, StoredSighting

LONGEST_PART = 16
MOST_MATCHES = 300
"""Plates that a question looks for one by one. If more match, they are so frequent that passages are looked through."""
MOST_ALIKE = 1000
"""The same for look-alikes, of which mostly the nearest are needed only."""
_AFTER = "\U0010ffff"
LONGEST_LIKE = 12
"""Characters of a text whose look-alikes are looked for: longer ones have too many, and no plate is as long."""
_MOST_CANDIDATES = 4000
_BATCH = 100  # selects in one statement: SQLite allows 500
_STEP = 0.25  # the cost of the likeliest confusion
_MOST = 1.0  # one wrong, missing or additional character, or several look-alikes
_LONG = 5  # characters from which that much is allowed
_SHORT_MOST = 0.5  # two of the likeliest confusions

_ADD = cast(Table, StoredPlatePart.__table__).insert()


def parts_of(plate: str) -> list[str]:
    """Return the entries of a plate, which is long enough for any that an engine may write."""
    whole = skeleton(plate[:LONGEST_TEXT])
    return sorted({whole[start : start + LONGEST_PART] for start in range(len(whole))})


def add_plate(session: Session, plate: str) -> None:
    """Enter a plate, unless it is there."""
    parts = parts_of(plate)
    known = exists().where(StoredPlatePart.part == parts[0], StoredPlatePart.plate == plate) if parts else None
    if known is not None and not session.scalar(select(known)):
        session.connection().execute(_ADD, [{"part": part, "plate": plate} for part in parts])


def drop_unused(session: Session, plates: Iterable[str]) -> None:
    """Remove those of the plates that no passage and no sighting has any more."""
    for plate in plates:
        used = exists().where(StoredPassage.plate == plate) | exists().where(StoredSighting.plate == plate)
        if plate and not session.scalar(select(used)):
            parts = StoredPlatePart.part.in_(parts_of(plate))
            session.execute(delete(StoredPlatePart).where(parts, StoredPlatePart.plate == plate))


def plates_matching(session: Session, part: str, pattern: str) -> list[str] | None:
    """Return the plates that contain a part and match a pattern of LIKE with `!` as its escape character.

    None if the part is empty or more than MOST_MATCHES plates match.
    """
    if not part:
        return None
    matches = StoredPlatePart.plate.like(pattern, escape="!")
    query = select(StoredPlatePart.plate).where(_begins(skeleton(part)), matches)
    found = list(session.scalars(query.limit(MOST_MATCHES + 1)))
    return list(dict.fromkeys(found)) if len(found) <= MOST_MATCHES else None


def plates_like(session: Session, part: str) -> dict[str, float] | None:
    """Return the plates that contain a text which may be a misread of `part`, and how unlike it is.

    None if there are more than MOST_ALIKE of them.
    """
    most = tolerance(part)
    found: dict[str, float] = {}
    probes = [select(StoredPlatePart.plate).where(probe) for probe in _probes(part, most)]
    for start in range(0, len(probes), _BATCH):
        # Not one condition with OR: PostgreSQL would try each part of it on every row that one of them finds.
        query = union_all(*probes[start : start + _BATCH]).limit(_MOST_CANDIDATES)
        plates = list(session.scalars(query))
        gaps = {plate: unlikeness(part, plate)[0] for plate in plates if plate not in found}
        found.update((plate, gap) for plate, gap in gaps.items() if gap <= most)
        if len(plates) == _MOST_CANDIDATES or len(found) > MOST_ALIKE:
            return None
    return found


def tolerance(part: str) -> float:
    """Return how unlike a plate may be. A short text allows less, because much would be like it."""
    return _MOST if len(part) >= _LONG else min(_SHORT_MOST, _STEP * (len(part) - 1))


def _probes(part: str, most: float) -> Iterator[ColumnElement[bool]]:
    """Yield conditions of which one holds for each end of a plate that begins with a misread of the part."""
    for variant in confusable(part, most, skeletons=True):
        yield _begins(variant)
    if most < _MOST:
        return
    yield _begins(skeleton(part[1:]))
    yield _begins(skeleton(part[:-1]))
    # One whole character is wrong, missing or additional: all others are right. The longer side is looked up.
    for i in range(1, len(part)):
        left, right = part[:i], part[i + 1 :]
        wrong = (f"{left}_{right}", f"{left}_{part[i:]}", left + right)
        longer = left if len(left) >= len(right) else right
        yield _begins(skeleton(longer)) & or_(*(StoredPlatePart.plate.like(f"%{text}%") for text in wrong))


def _begins(text: str) -> ColumnElement[bool]:
    """Return the condition for ends that begin with a skeleton."""
    text = text[:LONGEST_PART]
    low, high = literal(text, Bytewise()), literal(text + _AFTER, Bytewise())
    return and_(StoredPlatePart.part >= low, StoredPlatePart.part < high)
