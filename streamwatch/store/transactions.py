"""The one writer of the database, and its transactions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import sqlalchemy
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from streamwatch.core.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.store import database
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.revisions import stamp
from streamwatch.store.tables import StoredIdentity


class Writer:
    """Makes the transactions of the one writer. One thread at a time may use it.

    clock_trusted: True if the clock is known to be right; the caller sets it, and new rows hold it. persist: it gets a
    question to the server that must be answered before work can go on. It asks until there is an answer, or raises
    StorageFailed. The default asks once.
    """

    def __init__(
        self, engine: sqlalchemy.Engine, place: DatabaseName, file: database.OpenFile | None = None, sole: bool = False
    ) -> None:
        """sole: True if no other program writes names of its transactions into the database (see `_name_it`)."""
        self._engine, self._place, self._file = engine, place, file
        self._joined: Session | None = None
        self._named = sole and engine.dialect.name == "postgresql"
        self.clock_trusted = True
        self.persist: Callable[[Callable[[], bool]], bool] = lambda ask: ask()

    def close(self) -> None:
        """Close the database. A second call does nothing."""
        self._engine.dispose()

    def require_file(self) -> None:
        """Raise DatabaseUnusable if the file of an SQLite database was removed or replaced. Any thread may call it.

        Each transaction begins with this check, because SQLite goes on writing into a deleted file.
        """
        if self._file is not None and self._file.is_gone():
            raise DatabaseUnusable(
                f"{self._place.label} was removed or replaced while it was written.",
                "Put it back before the next start; otherwise a new one is begun.",
            )

    def require_server(self) -> None:
        """Restore a lost connection, and with it the lock of the database. Do nothing for SQLite.

        Raise StorageFailed, or DatabaseUnusable if another program has the lock by now.
        """
        if self._file is None:
            with translated(self._place), self._engine.connect():
                pass

    @contextmanager
    def question(self) -> Iterator[Session]:
        """Return a session of its own for a question. Any thread may ask.

        It sees what was committed, and waits while another thread has a transaction. Not inside `together`, which it
        would wait for. Raise StorageFailed if the machine is at fault.
        """
        self.require_file()
        with translated(self._place), Session(self._engine) as session:
            yield session

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all calls inside the block. Blocks may be nested.

        An exception that leaves the outermost block undoes the whole block. If a method raises and the block catches
        that, the whole block is undone, too, and leaving it raises StoreError. Evidence files stay; the same calls may
        be tried again.
        """
        with self.transaction() as session:
            yield
            if not session.in_transaction():
                raise StoreError("The transaction was undone as a whole, because a part failed.")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit what the block writes; inside `together`, make it a part of that transaction.

        Raise StorageFailed if the machine is at fault, and StoreError otherwise.
        """
        if self._joined is not None:
            with translated(self._place):
                yield from self._part(self._joined)
            return
        self.require_file()
        name = ""
        try:
            with translated(self._place), Session(self._engine) as session, session.begin():
                self._joined = session
                try:
                    yield session
                finally:
                    self._joined = None
                stamp(session)
                name = self._name_it(session)
        except StorageFailed:
            # If a connection is lost during COMMIT, the server may or may not have committed. Writing the same again
            # would be wrong if it has. A new connection asks; it has the lock only after the old one has ended.
            if not name or not self.persist(partial(self._is_last, name)):
                raise

    def _name_it(self, session: Session) -> str:
        """Write a random name into the transaction, by which its commit can be checked, and return it.

        Return an empty text if the transaction has written nothing.
        """
        if not self._named:
            return ""
        session.flush()
        name, wrote = uuid4().hex, func.txid_current_if_assigned().is_not(None)
        naming = update(StoredIdentity).where(wrote).values(last_write=name)
        named = session.execute(naming.returning(StoredIdentity.key), execution_options={"synchronize_session": False})
        return name if named.first() else ""

    def _is_last(self, name: str) -> bool:
        with translated(self._place), Session(self._engine) as session:
            return session.scalar(select(StoredIdentity.last_write)) == name

    def _part(self, whole: Session) -> Iterator[Session]:
        """Make a part of another transaction.

        A failure is raised here, not at the end of the other transaction, and undoes that, too.
        """
        try:
            yield whole
            whole.flush()
        except BaseException:
            whole.rollback()
            raise
