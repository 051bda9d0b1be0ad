"""Writes openings through the one writer's thread, for the threads of barriers."""

import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from streamwatch.access.may_open import Asked
from streamwatch.app.write_queue import WriteQueue
from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.clock import Clock
from streamwatch.store import OpeningTerms, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """An opening that is asked for. outcome: what became of it. stored: set once the database has the outcome.

    passage: the key of the one that it is for; "" for none.
    """

    asked: Asked
    terms: OpeningTerms
    passage: str = ""
    outcome: "Future[OpeningOutcome]" = field(default_factory=Future)
    stored: threading.Event = field(default_factory=threading.Event)


class OpeningLog:
    """Stores openings before and after they are sent."""

    def __init__(self, writer: WriteQueue, store: Store, clock: Clock) -> None:
        self._writer, self._store, self._clock = writer, store, clock

    def request(self, order: Order, seconds: float) -> bool:
        """Store that an opening is about to be sent, and return True; False if its decision has been overtaken.

        Raise StoreError if that is not done within so many seconds. It may still be done later then; `end` comes after.
        """
        return self._writer.ask_once(partial(self._store.openings.requested, order.terms), seconds, patient=False)

    def end(self, order: Order, outcome: OpeningOutcome) -> None:
        """Tell what became of an opening, and have it stored, also later if the machine is at fault."""
        order.outcome.set_result(outcome)
        terms = order.terms
        row = partial(self._store.openings.ended, terms, outcome, self._clock.now())
        stored = self._writer.offer(row)
        if stored is None:
            log.warning("opening %s of barrier %s (%s) was not written", terms.key, terms.barrier, outcome.state.value)
            order.stored.set()
        else:
            stored.add_done_callback(lambda _: order.stored.set())
