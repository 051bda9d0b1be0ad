"""A dry run: the same pipeline over a database that is thrown away, with answers that cost nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from streamwatch.core.model import Engine, Ledger, PlateText
from streamwatch.store import Store, open_store

STRIDE = 48271  # makes neighbours in the row of assumed plates unlike each other, so that none counts as a misread


class AssumedRecognizer:
    """Answers where nobody can read: each picture shows one plate, surely read, and none shows another one's.

    It counts as a local engine: nothing of it is paid, so no budget, pace or breaker applies.
    """

    engine = Engine.LOCAL

    def __init__(self) -> None:
        self._read = 0

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """One plate that was never read before."""
        self._read += 1
        return [PlateText(f"京A{self._read * STRIDE % 100_000:05d}", 1.0, None)]

    def close(self) -> None:
        """There is nothing to give back."""


@contextmanager
def scratch_store() -> Iterator[Store]:
    """A database and an evidence folder that are gone afterwards."""
    with TemporaryDirectory(prefix="streamwatch-") as folder:
        store = open_store(f"sqlite:///{folder}/streamwatch.db", Path(folder))
        try:
            yield store
        finally:
            store.close()
