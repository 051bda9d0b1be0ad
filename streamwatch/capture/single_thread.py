"""A live source that is read and decoded in one thread, as much of it as is asked for."""

from collections.abc import Iterator

from streamwatch.capture.frames import frame_of
from streamwatch.capture.selective_decoding import SelectiveDecoder
from streamwatch.capture.source import CodedSource, Source
from streamwatch.core.model import Attention, Frame


class SingleThreadSource:
    """Measures what a camera costs. A daemon needs a LiveCamera, which nothing can hold up."""

    def __init__(self, camera: str, source: Source, max_blind: float) -> None:
        """source: is closed by the caller. max_blind: seconds between two pictures at little attention."""
        self._camera, self._source, self._max_blind = camera, source, max_blind
        self._selective: SelectiveDecoder | None = None

    def frames(self) -> Iterator[Frame | None]:
        """Yield frames as they come; None for data of which no picture is wanted, or made. Raise CaptureError."""
        if not isinstance(self._source, CodedSource):
            yield from self._source.frames()
            return
        selective = self._selective = SelectiveDecoder(self._source.decoder(), max_blind=self._max_blind)
        for packet in self._source.packets():
            has_news = selective.add(packet)
            while has_news and (timed := selective.next(packet.at)) is not None:
                yield frame_of(self._camera, timed.arrived_at, timed.picture)
            yield None

    def attend(self, attention: Attention) -> bool:
        """Set the attention that is needed from the last frame on; see LiveCamera."""
        return self._selective is not None and self._selective.attend(attention)
