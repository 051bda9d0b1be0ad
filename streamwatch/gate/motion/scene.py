"""Scene changes: the camera was moved, switched its mode, or came back with other pictures.

Then the learned background is wrong, and without a new start every picture would be full of change for ever.
"""

CALM, CHANGED = 0.3, 0.7  # parts of the watched picture; no vehicle takes it from one to the other at once
AT_ONCE, CHANGED_FOR = 0.5, 1.5  # s; longest time in which the change comes, shortest time that it lasts
NOTHING_FOR = 10.0  # s; shortest time for a picture of one tone, which is more likely a short fault than the night
BLIND = 3.0  # s without a picture after which the speed of a change is unknown
FILLED_FOR = 5.0  # s for which blobs without a plate may fill the picture, however slowly they came


class SceneWatch:
    """Notices scene changes of one camera. Times are seconds of capture time."""

    def __init__(self) -> None:
        self._looked_at = self._calm_at = self._filled_for = 0.0
        self._change = 0.0
        self._upset_since: float | None = None
        self._filled_since: float | None = None
        self._lasts = CHANGED_FOR

    def begin(self, at: float) -> None:
        """Start with the current scene."""
        self._looked_at = self._calm_at = at
        self._change, self._filled_for = 0.0, 0.0
        self._upset_since = self._filled_since = None

    @property
    def upset(self) -> bool:
        """True if the last picture differs nearly everywhere, so that it shows nothing of use."""
        return self._upset_since is not None

    def look(self, change: float, shows_nothing: bool, at: float) -> None:
        """Take in a picture.

        change: part of the watched picture (0 to 1) that differs from the scene; shows_nothing: it is of one tone.
        """
        if change < CALM or (at - self._looked_at >= BLIND and self._change < CHANGED):
            self._calm_at = at
        if change < CHANGED:
            self._upset_since = None
        elif self._upset_since is None and (shows_nothing or at - self._calm_at <= AT_ONCE):
            self._upset_since = at
        self._looked_at, self._change = at, change
        self._lasts = NOTHING_FOR if shows_nothing else CHANGED_FOR

    def note(self, filled: bool) -> None:
        """Record whether blobs that may be no objects fill the last picture."""
        if not filled:
            self._filled_since = None
        elif self._filled_since is None:
            self._filled_since = self._looked_at
        self._filled_for = 0.0 if self._filled_since is None else self._looked_at - self._filled_since

    @property
    def is_another(self) -> bool:
        """True if the new scene has lasted long enough that it must be learned."""
        if self._upset_since is not None:
            return self._looked_at - self._upset_since >= self._lasts
        return self._filled_for >= FILLED_FOR
