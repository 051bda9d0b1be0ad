"""Openings in the database: written before, completed after, left by a crash."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import Database

from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.codes import OpeningCause, OpeningState, WithheldReason
from streamwatch.store import OpeningTerms, open_reader, open_store

AT = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
TERMS = OpeningTerms("k1", "entry", "front", OpeningCause.BY_HAND, AT, None, "ann", "fire brigade")


def test_an_opening_is_there_before_it_is_sent_and_completed_after(database: Database, tmp_path: Path) -> None:
    store, reader = open_store(database.url, tmp_path), open_reader(database.url, tmp_path)
    store.openings.requested(TERMS)
    (row,) = reader.lanes.openings_by_hand("entry", 10)
    assert (row.state, row.reason, row.ended_at, row.who, row.note) == (
        OpeningState.REQUESTED,
        WithheldReason.NONE,
        None,
        "ann",
        "fire brigade",
    )
    store.openings.ended(TERMS, OpeningOutcome("k1", OpeningState.UNKNOWN, detail="x" * 600), LATER)
    store.openings.ended(TERMS, OpeningOutcome("k1", OpeningState.DONE), LATER)  # what has ended stays
    (row,) = reader.lanes.openings_by_hand("entry", 10)
    assert (row.state, row.ended_at, len(row.detail)) == (OpeningState.UNKNOWN, LATER, 500)
    store.close()
    reader.close()


def test_what_was_withheld_has_its_row_too(database: Database, tmp_path: Path) -> None:
    store, reader = open_store(database.url, tmp_path), open_reader(database.url, tmp_path)
    store.openings.ended(TERMS, OpeningOutcome("k1", OpeningState.WITHHELD, WithheldReason.KILLED), LATER)
    (row,) = reader.lanes.openings_by_hand("entry", 10)
    assert (row.state, row.reason, row.requested_at) == (OpeningState.WITHHELD, WithheldReason.KILLED, AT)
    assert reader.lanes.openings_by_hand("exit", 10) == ()
    store.close()
    reader.close()


def test_what_an_earlier_run_left_is_unknown(database: Database, tmp_path: Path) -> None:
    store, reader = open_store(database.url, tmp_path), open_reader(database.url, tmp_path)
    store.openings.requested(TERMS)
    assert store.openings.recover(LATER) == 1
    assert store.openings.recover(LATER) == 0
    (row,) = reader.lanes.openings_by_hand("entry", 10)
    assert (row.state, row.reason) == (OpeningState.UNKNOWN, WithheldReason.RESTARTED)
    store.close()
    reader.close()


def test_an_end_is_told_to_the_outside_in_the_same_transaction(database: Database, tmp_path: Path) -> None:
    store = open_store(database.url, tmp_path)
    store.events.set_receivers(["desk"])
    store.openings.requested(TERMS)
    assert database.rows("SELECT key FROM events") == []

    def fails() -> None:
        with store.together():
            store.openings.ended(TERMS, OpeningOutcome("k1", OpeningState.DONE), LATER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert database.rows("SELECT key FROM events") == []
    store.openings.ended(TERMS, OpeningOutcome("k1", OpeningState.DONE), LATER)
    ((kind, subject),) = database.rows("SELECT type, subject FROM events")
    assert (kind, subject) == ("streamwatch.opening.v1", "front")
    store.close()
