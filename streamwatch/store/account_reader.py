"""Reads users, sessions and tokens: who may come in, and what the page of the accounts shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from streamwatch.core.codes import Role
from streamwatch.store.accounts import Cameras, login_name
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.tables import StoredSession, StoredToken, StoredUser


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user. cameras: None: all. Times are aware UTC. last_seen: of the sessions that are kept; None: none is."""

    name: str
    role: Role
    cameras: Cameras
    created_at: datetime
    password_at: datetime
    disabled_at: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is needed to check a log-in. password: its hash. knows_address: the user was logged in from there before."""

    name: str
    password: str
    disabled: bool
    knows_address: bool


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is open. Times are aware UTC."""

    id: int
    user: str
    role: Role
    cameras: Cameras
    created_at: datetime
    last_seen: datetime
    ends_at: datetime
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token of a program. Times are aware UTC."""

    name: str
    role: Role
    cameras: Cameras
    created_by: str
    created_at: datetime
    last_used: datetime | None
    ends_at: datetime | None
    revoked_at: datetime | None


class AccountReader:
    """Reads users, sessions and tokens."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName) -> None:
        self._engine, self._place = engine, place

    def any_user(self) -> bool:
        """Return True if there is a user, also if all are disabled."""
        with translated(self._place), Session(self._engine) as session:
            return bool(session.scalar(select(exists().where(StoredUser.id.is_not(None)))))

    def users(self) -> list[UserRow]:
        """Return all users by name."""
        seen = select(StoredSession.user_id, func.max(StoredSession.last_seen).label("at"))
        last = seen.group_by(StoredSession.user_id).subquery()
        query = select(StoredUser, last.c.at).outerjoin(last, last.c.user_id == StoredUser.id)
        with translated(self._place), Session(self._engine) as session:
            return [_user_row(user, at) for user, at in session.execute(query.order_by(StoredUser.login))]

    def user(self, name: str) -> UserRow | None:
        """Return a user by name; None if there is none."""
        return next((user for user in self.users() if login_name(user.name) == login_name(name)), None)

    def credentials(self, name: str, address: str) -> Credentials | None:
        """Return what a log-in is checked against; None if there is no such user."""
        known = exists().where(StoredSession.user_id == StoredUser.id, StoredSession.address == address)
        query = select(StoredUser, known).where(StoredUser.login == login_name(name))
        with translated(self._place), Session(self._engine) as session:
            for user, knows_address in session.execute(query):
                return Credentials(user.name, user.password, user.disabled_at is not None, bool(knows_address))
        return None

    def session(self, token_hash: str, now: datetime, idle: timedelta) -> SessionRow | None:
        """Return the open session of a cookie, of a user who may log in; None if there is none."""
        return next(iter(self._sessions(now, idle, StoredSession.token_hash == token_hash)), None)

    def sessions(self, now: datetime, idle: timedelta, user: str | None = None) -> list[SessionRow]:
        """Return the open sessions of one user or of all, the last used first."""
        conditions = () if user is None else (StoredUser.login == login_name(user),)
        return self._sessions(now, idle, *conditions)

    def token(self, token_hash: str, now: datetime) -> TokenRow | None:
        """Return a token that is in force; None if it is unknown, revoked or has ended."""
        with translated(self._place), Session(self._engine) as session:
            row = session.scalar(select(StoredToken).where(StoredToken.token_hash == token_hash))
        if row is None or row.revoked_at is not None or (row.ends_at is not None and row.ends_at <= now):
            return None
        return _token_row(row)

    def tokens(self) -> list[TokenRow]:
        """Return all tokens, the newest first."""
        query = select(StoredToken).order_by(StoredToken.id.desc())
        with translated(self._place), Session(self._engine) as session:
            return [_token_row(row) for row in session.scalars(query)]

    def _sessions(
        self, now: datetime, idle: timedelta, *conditions: sqlalchemy.ColumnElement[bool]
    ) -> list[SessionRow]:
        query = (
            select(StoredSession, StoredUser)
            .join(StoredUser, StoredUser.id == StoredSession.user_id)
            .where(
                StoredSession.ended_at.is_(None),
                StoredSession.ends_at > now,
                StoredSession.last_seen > now - idle,
                StoredUser.disabled_at.is_(None),
                *conditions,
            )
            .order_by(StoredSession.last_seen.desc(), StoredSession.id.desc())
        )
        with translated(self._place), Session(self._engine) as session:
            return [_session_row(row, user) for row, user in session.execute(query)]


def _user_row(user: StoredUser, last_seen: datetime | None) -> UserRow:
    return UserRow(
        user.name, user.role, _set(user.cameras), user.created_at, user.password_at, user.disabled_at, last_seen
    )


def _session_row(row: StoredSession, user: StoredUser) -> SessionRow:
    return SessionRow(
        id=row.id,
        user=user.name,
        role=user.role,
        cameras=_set(user.cameras),
        created_at=row.created_at,
        last_seen=row.last_seen,
        ends_at=row.ends_at,
        address=row.address,
        user_agent=row.user_agent,
    )


def _token_row(row: StoredToken) -> TokenRow:
    return TokenRow(
        name=row.name,
        role=row.role,
        cameras=_set(row.cameras),
        created_by=row.created_by,
        created_at=row.created_at,
        last_used=row.last_used,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
    )


def _set(cameras: list[str] | None) -> Cameras:
    return None if cameras is None else frozenset(cameras)
