"""The audit log: what people and programs did. Rows are added, never changed, and deleted by the retention only."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import select
from sqlalchemy.orm import Session

from streamwatch.core.codes import AuditAction
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.tables import StoredAudit
from streamwatch.store.transactions import Writer


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did. who, address, object: see the columns of `audit_log`. at: aware UTC. detail: for JSON."""

    at: datetime
    who: str
    address: str
    action: AuditAction
    object: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditRow(AuditEntry):
    """An entry with its number; later entries have higher ones."""

    id: int


class AuditLog:
    """Adds to the audit log. A change and its entry belong into one transaction: `Store.together`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, entry: AuditEntry) -> None:
        """Add an entry."""
        with self._writer.transaction() as session:
            session.add(
                StoredAudit(
                    at=entry.at,
                    who=entry.who,
                    address=entry.address,
                    action=entry.action,
                    object=entry.object,
                    detail=dict(entry.detail),
                )
            )


class AuditReader:
    """Reads the audit log."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName) -> None:
        self._engine, self._place = engine, place

    def entries(
        self,
        limit: int,
        before: int | None = None,
        who: str | None = None,
        action: AuditAction | None = None,
        object: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[AuditRow]:
        """Return entries, newest first. before: only lower numbers. since, until: aware, `until` excluded."""
        query = select(StoredAudit).order_by(StoredAudit.id.desc()).limit(limit)
        for column, compare, value in (
            (StoredAudit.id, operator.lt, before),
            (StoredAudit.who, operator.eq, who),
            (StoredAudit.action, operator.eq, action),
            (StoredAudit.object, operator.eq, object),
            (StoredAudit.at, operator.ge, since),
            (StoredAudit.at, operator.lt, until),
        ):
            if value is not None:
                query = query.where(compare(column, value))
        with translated(self._place), Session(self._engine) as session:
            return [
                AuditRow(row.at, row.who, row.address, row.action, row.object, row.detail, row.id)
                for row in session.scalars(query)
            ]
