"""The parts of a dry run: a database that is thrown away, and answers that cost nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from streamwatch.core.model import Engine, Ledger, PlateText
from streamwatch.store import Store, open_store

STRIDE = 48271  # makes assumed plates so different from each other that none counts as a misread of another


class AssumedRecognizer:
    """Answers if no engine is installed: it assumes that each picture shows one plate, and never the same.

    It counts as a local engine: its answers cost nothing, so that no budget, pace or circuit breaker applies.
    """

    engine = Engine.LOCAL

    def __init__(self) -> None:
        self._read = 0

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """Return one plate that was never read before."""
        self._read += 1
        return [PlateText(f"京A{self._read * STRIDE % 100_000:05d}", 1.0, None)]

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


@contextmanager
def scratch_store() -> Iterator[Store]:
    """Yield a store with a database and an evidence folder that are gone afterwards."""
    with TemporaryDirectory(prefix="streamwatch-") as folder:
        store = open_store(f"sqlite:///{folder}/streamwatch.db", Path(folder))
        try:
            yield store
        finally:
            store.close()
