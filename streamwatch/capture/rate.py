"""The number of pictures that come in a second."""


class Rate:
    """Measures pictures a second over the last whole window. It falls when none come any more. Not thread safe."""

    def __init__(self, window: float = 5.0) -> None:
        """window: its length in seconds."""
        self._window = window
        self._rate = 0.0
        self._began: float | None = None
        self._count = 0

    def add(self, now: float) -> None:
        """Count a picture. now: monotonic seconds."""
        if self._began is None:
            self._began = now
            return
        self._count += 1
        if now - self._began >= self._window:
            self._rate = self._count / (now - self._began)
            self._began, self._count = now, 0

    def value(self, now: float) -> float:
        """Return the pictures a second; before the first window has passed, those of the time so far."""
        if self._began is None or now <= self._began:
            return self._rate
        so_far = self._count / (now - self._began)
        if now - self._began >= self._window:
            return so_far
        return self._rate or so_far
