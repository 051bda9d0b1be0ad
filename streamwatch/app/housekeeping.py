"""Deletes what need not be kept, in small steps between which the recorder writes what is seen."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.store import Keep, Retained, Store, Swept, free_bytes

log = logging.getLogger(__name__)

Ask = Callable[[Callable[[], Any]], Any]
"""Has the owner of the store call something, and gives its result."""

STEPS = 50  # batches at most in one round, so that a round ends


class Housekeeping:
    """Retention, for the one thread that asks for it."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, ask: Ask) -> None:
        self._settings, self._store, self._clock, self._ask = settings, store, clock, ask
        self._doubted = False

    def tidy(self) -> int:
        """One round; the bytes of all pictures after it. Raises StoreError."""
        used: int = self._ask(self._store.evidence_bytes)
        ages_count = self._ages_count()
        keep = _keep(self._settings, ages_count, used)
        freed = rows = 0
        for _ in range(STEPS):
            done: Retained = self._ask(partial(self._store.retain, self._clock.now(), keep))
            freed, rows = freed + done.bytes, rows + done.rows
            if not done.more:
                break
        if ages_count:
            freed += _sweep(self._store, self._clock, self._ask)
        if freed or rows:
            log.info("retention: %.1f MB of pictures and %d passages deleted", freed / 1e6, rows)
        return max(0, used - freed)

    def _ages_count(self) -> bool:
        """Not while the clock may be far ahead: everything would be old enough to be deleted."""
        leapt = self._clock.leapt
        if leapt and not self._doubted:
            log.warning(
                "the clock was set ahead by more than a day: nothing is deleted for its age until streamwatch is "
                "started again with the right time"
            )
        self._doubted = leapt
        return self._clock.plausible and not leapt


def _keep(settings: Settings, ages_count: bool, used: int) -> Keep:
    retention = settings.retention
    short = retention.min_free - free_bytes(settings.data_dir)
    if short > 0:
        log.warning("the disk has %.0f MB less than retention.min_free; the oldest pictures give way", short / 1e6)
    return Keep(
        evidence_age=timedelta(seconds=retention.evidence) if ages_count else None,
        max_bytes=min(retention.max_bytes, max(0, used - short)) if short > 0 else retention.max_bytes,
        rows_age=timedelta(seconds=retention.rows) if ages_count else None,
    )


def _sweep(store: Store, clock: Clock, ask: Ask) -> int:
    """Pictures that a crash left without a row."""
    folder, freed = "", 0
    while True:
        swept: Swept = ask(partial(store.sweep, clock.now(), folder))
        freed += swept.bytes
        if swept.folder is None:
            return freed
        folder = swept.folder
