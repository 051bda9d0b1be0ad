"""A live source that is read and decoded in one thread, as much of it as is asked for."""

from collections.abc import Iterator

from streamwatch.capture.on_demand import OnDemand
from streamwatch.capture.picture import frame_of
from streamwatch.capture.source import CodedSource, Source
from streamwatch.core.model import Attention, Frame


class AttentiveSource:
    """For who measures what a camera costs; a daemon needs a LiveCamera, which nothing can hold up."""

    def __init__(self, camera: str, source: Source, max_blind: float) -> None:
        """source: stays the caller's. max_blind: seconds between two pictures at little attention."""
        self._camera, self._source, self._max_blind = camera, source, max_blind
        self._on_demand: OnDemand | None = None

    def frames(self) -> Iterator[Frame | None]:
        """As they come; None for data of which no picture is wanted, or made. Raises CaptureError."""
        if not isinstance(self._source, CodedSource):
            yield from self._source.frames()
            return
        on_demand = self._on_demand = OnDemand(self._source.decoder(), max_blind=self._max_blind)
        for piece in self._source.pieces():
            worth_it = on_demand.add(piece)
            while worth_it and (viewed := on_demand.next(piece.at)) is not None:
                yield frame_of(self._camera, viewed.arrived_at, viewed.picture)
            yield None

    def attend(self, attention: Attention) -> bool:
        """How much attention the last frame needs. True: frames come first that were passed over, and then it again."""
        return self._on_demand is not None and self._on_demand.attend(attention)
