"""Deletes what need not be kept, in small steps between which the writer records what is seen."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from streamwatch.app.permit_import import forget_old
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.errors import StorageFailed
from streamwatch.core.text import some
from streamwatch.health import DiskHealth
from streamwatch.store import EvidenceFiles, Keep, Store, free_bytes

log = logging.getLogger(__name__)

T = TypeVar("T")


STEPS = 50  # batches at most in one round, so that a round ends


class Ask(Protocol):
    """See WriteQueue.ask."""

    def __call__(self, call: Callable[[], T]) -> T: ...


class RetentionRounds:
    """Rounds of retention, for one thread. Rows are the writer's to change; the files are deleted here.

    So a disk that deletes slowly holds up no call.
    """

    def __init__(
        self, settings: Callable[[], Settings], store: Store, evidence: EvidenceFiles, clock: Clock, ask: Ask
    ) -> None:
        """settings: those in force. ask: has the writer's thread call a function, and returns its result."""
        self._settings, self._store, self._evidence = settings, store, evidence
        self._clock, self._ask, self._doubted = clock, ask, False

    def short_of_room(self, disk: DiskHealth) -> bool:
        """True if there is less room than there should be, so that the next round must come soon."""
        return disk.free < disk.floor or disk.evidence > self._settings().retention.max_bytes

    def tidy(self) -> int:
        """Do one round; return the bytes of all pictures that are left. Raise StoreError."""
        used = self._ask(self._store.retention.evidence_bytes)
        ages_count = self._ages_count()
        keep = _keep(self._settings(), ages_count, used)
        freed = rows = lost = 0
        for _ in range(STEPS):
            doomed = self._ask(partial(self._store.retention.retain, self._clock.now(), keep))
            freed, rows = freed + self._evidence.remove(doomed.paths)[1], rows + doomed.rows
            lost += doomed.undelivered
            if not doomed.more:
                break
        forget_old(self._settings().data_dir)
        if ages_count:
            freed += self._sweep()
        if lost:
            log.warning(
                "retention: %s deleted that a receiver had not got, because of outward.max_events", some(lost, "event")
            )
        if freed or rows:
            log.info("retention: %.1f MB of pictures and %d passages deleted", freed / 1e6, rows)
        return max(0, used - freed)

    def _sweep(self) -> int:
        """Delete pictures that a crash left without a row; return their bytes."""
        folder, freed = "", 0
        try:
            while (swept := self._evidence.sweep(self._clock.now(), folder)).folder is not None:
                folder, freed = swept.folder, freed + swept.bytes
        except StorageFailed as error:
            log.warning("retention: %s", error)
        return freed

    def _ages_count(self) -> bool:
        """Return False while the clock may be far ahead: everything would look old enough to be deleted."""
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
        sessions_age=timedelta(seconds=retention.sessions) if ages_count else None,
        audit_age=timedelta(seconds=retention.audit) if ages_count else None,
        events_age=timedelta(seconds=settings.outward.keep) if ages_count else None,
        max_events=settings.outward.max_events,
    )
