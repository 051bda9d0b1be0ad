"""Network streams: RTSP over TCP or UDP, and the other live streams that FFmpeg plays (HTTP, RTMP)."""

import logging
from collections.abc import Iterator

from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from streamwatch.capture.av_source import Decoder, connection_lost, open_network
from streamwatch.capture.frames import frame_of
from streamwatch.capture.hardware import context_for
from streamwatch.capture.packets import AccessUnitParser, CodedPacket
from streamwatch.capture.timestamps import ClockJumpDetector
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceLost
from streamwatch.core.model import Frame
from streamwatch.core.redact import place_of
from streamwatch.core.text import signed_age

log = logging.getLogger(__name__)


class NetworkStream:
    """One connection to a camera, open from the start. Its end is always a loss."""

    live = True

    def __init__(
        self, camera: str, url: str, *, transport: str, timeout: float, clock: Clock, decode: str, rotate: int = 0
    ) -> None:
        self._camera, self._clock, self._timeout = camera, clock, timeout
        self._place, self._decode, self._rotate = place_of(url), decode, rotate
        self._stamps = ClockJumpDetector()
        self._container, self._stream = open_network(url, transport, timeout)

    def frames(self) -> Iterator[Frame | None]:
        """Yield frames until SourceLost is raised. captured_at: the time when the picture's packet came."""
        decoder = self.decoder()
        for packet in self._packets():
            captured_at = self._clock.now()
            pictures = decoder.decode(packet)
            if not pictures:
                yield None
            for picture in pictures:
                yield frame_of(self._camera, captured_at, picture)

    def packets(self) -> Iterator[CodedPacket]:
        """Yield the same pictures undecoded, for `decoder`."""
        parser = AccessUnitParser(split=True)
        for packet in self._packets():
            yield parser.parse(packet, self._clock.monotonic(), self._clock.now(), packet.pts)

    def decoder(self) -> Decoder:
        """Return a decoder of the packets, for any thread, also after the stream has ended."""
        context = context_for(self._stream.codec_context, self._decode)
        return Decoder(context, split=True, rotate=self._rotate)

    def stop(self) -> None:
        """Do nothing: FFmpeg's read cannot be interrupted; the next packet or its own time-out ends it."""

    def close(self) -> None:
        """Close the connection."""
        self._container.close()

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        tick = float(self._stream.time_base or 0)
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    if packet.pts is not None and tick:
                        self._watch(packet.pts * tick)
                    yield packet
        except FFmpegError as error:
            raise connection_lost(self._place, error, timed_out=False, timeout=self._timeout) from None
        raise SourceLost(f"{self._place} ended the stream.")

    def _watch(self, stamp: float) -> None:
        by = self._stamps.look(stamp, self._clock.monotonic())
        if by is not None:
            log.warning(
                "Camera %s: the time stamps of its stream have jumped by %s; the time of arrival counts.",
                self._camera,
                signed_age(by),
            )
