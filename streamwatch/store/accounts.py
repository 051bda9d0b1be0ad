"""Writes users, their sessions, and the tokens of programs.

Passwords come as Argon2id hashes, and tokens as SHA-256: what opens a door is never in the database.
"""

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from streamwatch.core.codes import Role
from streamwatch.core.errors import AccountError
from streamwatch.store.tables import StoredSession, StoredToken, StoredUser
from streamwatch.store.transactions import Writer

NAME_TAKEN = "There is a user of this name already."
NO_USER = "There is no user of this name."
NO_SESSION = "There is no such session any more."
TOKEN_TAKEN = "There is a token of this name already."
NO_TOKEN = "There is no token of this name in force."
NO_ADMIN = "Nobody could administer users any more. Keep one user who is admin and not disabled."

Cameras = frozenset[str] | None
"""The names of the cameras that may be seen; None: all."""


def login_name(name: str) -> str:
    """Return the form by which names are compared: without the difference of capital, small and full-width letters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class Accounts:
    """Writes users, sessions and tokens. Names of users are compared by `login_name`.

    Its methods are many, because each is one thing that can be done to an account.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add_user(self, name: str, role: Role, cameras: Cameras, password: str, at: datetime) -> None:
        """Add a user. password: its hash. Raise AccountError if the name is taken."""
        with self._writer.transaction() as session:
            if _find(session, name) is not None:
                raise AccountError(NAME_TAKEN)
            session.add(
                StoredUser(
                    name=name,
                    login=login_name(name),
                    role=role,
                    cameras=_listed(cameras),
                    password=password,
                    created_at=at,
                    password_at=at,
                )
            )

    def change_user(self, name: str, role: Role, cameras: Cameras) -> None:
        """Give a user another role and other cameras; both count from the next request on."""
        with self._writer.transaction() as session:
            user = _user(session, name)
            user.role, user.cameras = role, _listed(cameras)

    def set_password(self, name: str, password: str, at: datetime) -> None:
        """Set a user's password, as a hash, and end all sessions of the user."""
        with self._writer.transaction() as session:
            user = _user(session, name)
            user.password, user.password_at = password, at
            _end(session, user.id, at)

    def rehash(self, name: str, before: str, after: str) -> None:
        """Replace the hash of the same password, made with other parameters; do nothing if it was changed meanwhile."""
        with self._writer.transaction() as session:
            same = StoredUser.login == login_name(name), StoredUser.password == before
            session.execute(update(StoredUser).where(*same).values(password=after))

    def disable(self, name: str, at: datetime) -> None:
        """Keep a user out from now on, and end all sessions of the user."""
        with self._writer.transaction() as session:
            user = _user(session, name)
            user.disabled_at = user.disabled_at or at
            _end(session, user.id, at)

    def enable(self, name: str) -> None:
        """Let a user in again."""
        with self._writer.transaction() as session:
            _user(session, name).disabled_at = None

    def remove_user(self, name: str) -> None:
        """Delete a user with all sessions. What the user did stays in the audit log."""
        with self._writer.transaction() as session:
            user = _user(session, name)
            session.execute(delete(StoredSession).where(StoredSession.user_id == user.id))
            session.delete(user)

    def require_admin(self) -> None:
        """Raise AccountError if there are users and none of them may administer users."""
        with self._writer.transaction() as session:
            admin = StoredUser.role == Role.ADMIN, StoredUser.disabled_at.is_(None)
            if session.scalar(select(exists().where(StoredUser.id.is_not(None), ~exists().where(*admin)))):
                raise AccountError(NO_ADMIN)

    def open_session(
        self, name: str, password: str, token_hash: str, at: datetime, ends_at: datetime, address: str, user_agent: str
    ) -> bool:
        """Open a session for a user whose password was found to be right.

        password: the hash that was compared. Return False, without a session, if the password was changed meanwhile or
        the user was disabled or removed.
        """
        with self._writer.transaction() as session:
            user = _find(session, name)
            if user is None or user.disabled_at is not None or user.password != password:
                return False
            session.add(
                StoredSession(
                    token_hash=token_hash,
                    user_id=user.id,
                    created_at=at,
                    last_seen=at,
                    ends_at=ends_at,
                    address=address,
                    user_agent=user_agent,
                )
            )
            return True

    def session_seen(self, token_hash: str, at: datetime) -> None:
        """Note that a session is in use."""
        with self._writer.transaction() as session:
            is_it = StoredSession.token_hash == token_hash, StoredSession.last_seen < at
            session.execute(update(StoredSession).where(*is_it).values(last_seen=at))

    def end_session(self, number: int, user: str, at: datetime) -> None:
        """End a session of a user. Raise AccountError if the user has no such session."""
        with self._writer.transaction() as session:
            row = session.get(StoredSession, number)
            if row is None or row.user_id != _user(session, user).id:
                raise AccountError(NO_SESSION)
            row.ended_at = row.ended_at or at

    def log_out(self, token_hash: str, at: datetime) -> None:
        """End the session with this token, if there is one."""
        with self._writer.transaction() as session:
            is_it = StoredSession.token_hash == token_hash, StoredSession.ended_at.is_(None)
            session.execute(update(StoredSession).where(*is_it).values(ended_at=at))

    def add_token(
        self,
        name: str,
        role: Role,
        cameras: Cameras,
        token_hash: str,
        created_by: str,
        at: datetime,
        ends_at: datetime | None,
    ) -> None:
        """Add a token. Raise AccountError if one that is not revoked has this name."""
        with self._writer.transaction() as session:
            if session.scalar(select(exists().where(StoredToken.name == name, StoredToken.revoked_at.is_(None)))):
                raise AccountError(TOKEN_TAKEN)
            session.add(
                StoredToken(
                    name=name,
                    role=role,
                    cameras=_listed(cameras),
                    token_hash=token_hash,
                    created_by=created_by,
                    created_at=at,
                    ends_at=ends_at,
                )
            )

    def token_used(self, token_hash: str, at: datetime) -> None:
        """Note that a token is in use."""
        with self._writer.transaction() as session:
            session.execute(update(StoredToken).where(StoredToken.token_hash == token_hash).values(last_used=at))

    def revoke_token(self, name: str, at: datetime) -> None:
        """Refuse a token from now on. Raise AccountError if none that is not revoked has this name."""
        with self._writer.transaction() as session:
            is_it = StoredToken.name == name, StoredToken.revoked_at.is_(None)
            found = session.scalar(select(StoredToken).where(*is_it))
            if found is None:
                raise AccountError(NO_TOKEN)
            found.revoked_at = at


def _find(session: Session, name: str) -> StoredUser | None:
    return session.scalar(select(StoredUser).where(StoredUser.login == login_name(name)))


def _user(session: Session, name: str) -> StoredUser:
    user = _find(session, name)
    if user is None:
        raise AccountError(NO_USER)
    return user


def _listed(cameras: Iterable[str] | None) -> list[str] | None:
    return None if cameras is None else sorted(cameras)


def _end(session: Session, user: int, at: datetime) -> None:
    is_open = StoredSession.user_id == user, StoredSession.ended_at.is_(None)
    session.execute(update(StoredSession).where(*is_open).values(ended_at=at))
