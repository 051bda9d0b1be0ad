"""The database and the evidence folder: one writer, any number of readers."""

from streamwatch.store.queries import Reader, SightingRow, open_reader
from streamwatch.store.recorder import Store, open_store
from streamwatch.store.tables import KeyframeState, PassageOutcome

__all__ = ["KeyframeState", "PassageOutcome", "Reader", "SightingRow", "Store", "open_reader", "open_store"]
