"""The warning that a machine is too slow for a camera."""

import logging
import math

from streamwatch.core.clock import Clock

log = logging.getLogger(__name__)

LEFT_OUT, TELL_AGAIN = 100, 3600.0
"""Number of pictures that one reader must have left out before a warning, and seconds until the next warning."""
BURST, SPELL = 1.5, 5.0
"""Seconds. BURST: pictures that are left out for no longer than this do not count: a network that hung sends many at
once, and the machine is not too slow. SPELL: after this time without a left-out picture the next ones may be such a
burst again."""


class OverloadWarning:
    """Watches how many pictures of one camera are left out. Not thread safe."""

    def __init__(self, camera: str, clock: Clock) -> None:
        self._camera, self._clock = camera, clock
        self._not_before = clock.monotonic()
        self._dropped, self._dropped_at, self._dropping_since = 0, -math.inf, 0.0

    def look(self, dropped: int, before: int) -> None:
        """Warn if necessary. dropped: pictures that the present reader left out. before: those of earlier readers."""
        now = self._clock.monotonic()
        if dropped != self._dropped:
            if now - self._dropped_at > SPELL:
                self._dropping_since = now
            self._dropped, self._dropped_at = dropped, now
        in_a_burst = self._dropped_at - self._dropping_since < BURST
        if dropped < LEFT_OUT or in_a_burst or now < self._not_before:
            return
        self._not_before = now + TELL_AGAIN
        log.warning(
            "Camera %s: this machine cannot follow, and pictures are left out (%d so far). "
            "`streamwatch bench` says how many cameras it can carry.",
            self._camera,
            before + dropped,
        )
