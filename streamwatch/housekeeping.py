"""Deletes what need not be kept, in small steps between which the recorder writes what is seen."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from streamwatch.clock import Clock
from streamwatch.settings import Settings
from streamwatch.store import Keep, Retained, Store, Swept, free_bytes

log = logging.getLogger(__name__)

Ask = Callable[[Callable[[], Any]], Any]
"""Has the owner of the store call something, and gives its result."""

STEPS = 50  # batches at most in one round, so that a round ends


def tidy(settings: Settings, store: Store, clock: Clock, ask: Ask) -> int:
    """One round of retention; the bytes of all pictures after it. Raises StoreError.

    Ages count only while the clock is plausible: a clock that stepped fifty years ahead would delete everything.
    """
    used: int = ask(store.evidence_bytes)
    keep = _keep(settings, clock.plausible, used)
    freed = rows = 0
    for _ in range(STEPS):
        done: Retained = ask(partial(store.retain, clock.now(), keep))
        freed, rows = freed + done.bytes, rows + done.rows
        if not done.more:
            break
    if clock.plausible:
        freed += _sweep(store, clock, ask)
    if freed or rows:
        log.info("retention: %.1f MB of pictures and %d passages deleted", freed / 1e6, rows)
    return max(0, used - freed)


def _keep(settings: Settings, plausible: bool, used: int) -> Keep:
    retention = settings.retention
    short = retention.min_free - free_bytes(settings.data_dir)
    if short > 0:
        log.warning("the disk has %.0f MB less than retention.min_free; the oldest pictures give way", short / 1e6)
    return Keep(
        evidence_age=timedelta(seconds=retention.evidence) if plausible else None,
        max_bytes=min(retention.max_bytes, max(0, used - short)) if short > 0 else retention.max_bytes,
        rows_age=timedelta(seconds=retention.rows) if plausible else None,
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
