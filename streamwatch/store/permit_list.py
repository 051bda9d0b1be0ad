"""The permits as a decision needs them: inside its own transaction, so that it never rests on an old list."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import String, func, select, type_coerce

from streamwatch.core.codes import Verdict
from streamwatch.core.plates import look_alike_skeletons
from streamwatch.store.permit_rows import PermitRow, permit_row
from streamwatch.store.tables import StoredDecision, StoredIdentity, StoredPermit, StoredVehicle
from streamwatch.store.transactions import Writer


class PermitList:
    """Finds the permits that can matter to one plate."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def alike(self, plate: str) -> list[PermitRow]:
        """Return all permits that name a normalised plate or a look-alike of it, also those that have ended.

        Some that are further away may be among them.
        """
        table = StoredVehicle
        named = table.plate == plate
        if forms := look_alike_skeletons(plate):
            named |= type_coerce(table.skeleton, String).in_(forms)  # 150 plain texts, which need no conversion
        with self._writer.transaction() as session:
            ids = select(table.permit_id).where(named)
            plates: defaultdict[int, list[str]] = defaultdict(list)
            theirs = select(table.permit_id, table.plate).where(table.permit_id.in_(ids)).order_by(table.id)
            for number, one in session.execute(theirs):
                plates[number].append(one)
            if not plates:
                return []
            query = select(StoredPermit).where(StoredPermit.id.in_(plates)).order_by(StoredPermit.id)
            query = query.execution_options(populate_existing=True)
            return [permit_row(row, plates[row.id]) for row in session.scalars(query)]

    def written_at(self) -> datetime | None:
        """Return when the list was last written; None if never."""
        with self._writer.transaction() as session:
            return session.scalar(select(StoredIdentity.permits_at))

    def claimed(self, permits: Collection[str], since: datetime) -> dict[str, int]:
        """Return how many decisions rest on permits (keys) whose vehicles may be passing at this moment.

        They were `allow` since then, and nobody has noted yet that the vehicle was let through.
        """
        table = StoredDecision
        query = (
            select(StoredPermit.key, func.count())
            .join(table, table.permit_id == StoredPermit.id)
            .where(StoredPermit.key.in_(permits), table.verdict == Verdict.ALLOW)
            .where(table.passed_at.is_(None), table.decided_at > since)
            .group_by(StoredPermit.key)
        )
        with self._writer.transaction() as session:
            return {row[0]: row[1] for row in session.execute(query)}
