"""Another scene before the camera: it was moved, switched its mode, or came back with other pictures.

Then nothing the gate has learned holds, and every picture seems to be full of change, for ever.
"""

CALM, CHANGED = 0.3, 0.7  # parts of the watched picture; from one to the other at once no vehicle can come
AT_ONCE, CHANGED_FOR = 0.5, 1.5  # s; the change must come so fast and last so long
NOTHING_FOR = 10.0  # s; the same for a picture of one tone: it is rather a fault that will pass than the night
BLIND = 3.0  # s without a picture after which nobody can know how fast a change came
FILLED_FOR = 5.0  # s that things which show no plate may fill the picture, however slowly they came


class SceneWatch:
    """Of one camera. Times are seconds of capture time."""

    def __init__(self) -> None:
        self._looked_at = self._calm_at = self._filled_for = 0.0
        self._change = 0.0
        self._upset_since: float | None = None
        self._filled_since: float | None = None
        self._lasts = CHANGED_FOR

    def begin(self, at: float) -> None:
        """The scene is what is seen now."""
        self._looked_at = self._calm_at = at
        self._change, self._filled_for = 0.0, 0.0
        self._upset_since = self._filled_since = None

    @property
    def upset(self) -> bool:
        """True if the last picture differs nearly everywhere, so that it tells nothing."""
        return self._upset_since is not None

    def look(self, change: float, shows_nothing: bool, at: float) -> None:
        """change: part of the watched picture (0 to 1) that differs from the scene. shows_nothing: it has one tone."""
        if change < CALM or (at - self._looked_at >= BLIND and self._change < CHANGED):
            self._calm_at = at
        if change < CHANGED:
            self._upset_since = None
        elif self._upset_since is None and (shows_nothing or at - self._calm_at <= AT_ONCE):
            self._upset_since = at
        self._looked_at, self._change = at, change
        self._lasts = NOTHING_FOR if shows_nothing else CHANGED_FOR

    def note(self, filled: bool) -> None:
        """filled: whether things that may be none fill the last picture."""
        if not filled:
            self._filled_since = None
        elif self._filled_since is None:
            self._filled_since = self._looked_at
        self._filled_for = 0.0 if self._filled_since is None else self._looked_at - self._filled_since

    @property
    def is_another(self) -> bool:
        """True if it has been another scene for so long that it is the one to watch now."""
        if self._upset_since is not None:
            return self._looked_at - self._upset_since >= self._lasts
        return self._filled_for >= FILLED_FOR
