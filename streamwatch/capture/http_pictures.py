"""Cameras that give JPEG pictures over HTTP: one for each request, or many in one answer (MJPEG)."""

import threading
from collections.abc import Iterator
from typing import Self, cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

from streamwatch.capture.av_source import Decoder
from streamwatch.capture.frames import frame_of
from streamwatch.capture.http_client import CameraResponse, HttpCameraClient, NotHttp
from streamwatch.capture.jpegs import CAMERA_LIMITS, JpegExtractor
from streamwatch.capture.packets import AccessUnitParser, CodedPacket
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceLost
from streamwatch.core.model import Frame

EVERY = 0.5
"""Seconds between two requests for a picture, unless the config says otherwise."""
_UNTOLD = {"", "application/octet-stream", "text/plain"}
"""Media types that do not tell what an answer holds."""
_PEEKED = 4096
"""Bytes of such an answer in which a JPEG must begin."""


class HttpPictures:
    """One opening of such a camera. Each of its pictures is an I-frame."""

    live = True

    def __init__(
        self, camera: str, http: HttpCameraClient, first: CameraResponse, *, every: float, clock: Clock, rotate: int
    ) -> None:
        self._camera, self._http, self._first, self._every = camera, http, first, every
        self._clock, self._rotate = clock, rotate
        self._stopped = threading.Event()

    @classmethod
    def opened(cls, camera: str, url: str, *, timeout: float, every: float, clock: Clock, rotate: int) -> Self | None:
        """Ask once, and return None if the answer is something for FFmpeg. Raise CaptureError."""
        http, answer, pictures = HttpCameraClient(url, timeout), None, False
        try:
            answer = http.get()
            pictures = _holds_pictures(answer)
        except NotHttp:
            return None
        finally:
            if not pictures:
                if answer is not None:
                    answer.close()
                http.close()
        return cls(camera, http, answer, every=every, clock=clock, rotate=rotate) if pictures else None

    def frames(self) -> Iterator[Frame | None]:
        """Yield frames until SourceLost is raised. captured_at: the time when a picture had come whole."""
        decoder = self.decoder()
        for packet in self.packets():
            pictures = decoder.decode(packet.packet)
            if not pictures:
                yield None
            for picture in pictures:
                yield frame_of(self._camera, packet.arrived_at, picture)

    def packets(self) -> Iterator[CodedPacket]:
        """Yield the same pictures undecoded, for `decoder`."""
        parser, began, answer = AccessUnitParser(), self._clock.monotonic(), self._first
        while not self._stopped.is_set():
            some = False
            for picture in _pictures_of(answer, self._http.place):
                packet = cast("Packet[VideoStream]", Packet(picture))
                packet.is_keyframe = some = True
                yield parser.parse(packet, self._clock.monotonic(), self._clock.now(), None)
            if not some:
                raise SourceLost(f"{self._http.place} answers without a JPEG picture.")
            if answer.kind.startswith("multipart/"):
                raise SourceLost(f"{self._http.place} ended the stream.")
            self._stopped.wait(max(0.0, began + self._every - self._clock.monotonic()))
            began, answer = self._clock.monotonic(), self._ask()

    def decoder(self) -> Decoder:
        """Return a decoder of the packets, for any thread, also after their end."""
        context = av.CodecContext.create("mjpeg", "r")
        context.options = {"max_pixels": str(CAMERA_LIMITS.pixels)}
        return Decoder(context, rotate=self._rotate)

    def stop(self) -> None:
        """End a wait, and an answer that does not come. From any thread."""
        self._stopped.set()
        self._http.stop()

    def close(self) -> None:
        """Close the connection."""
        self._first.close()
        self._http.close()

    def _ask(self) -> CameraResponse:
        try:
            return self._http.get()
        except NotHttp as error:
            raise SourceLost(str(error)) from None


def _pictures_of(answer: CameraResponse, place: str) -> Iterator[bytes]:
    extractor = JpegExtractor(place)
    for part in answer.parts():
        yield from extractor.feed(part)
    yield from extractor.end()


def _holds_pictures(answer: CameraResponse) -> bool:
    if answer.kind.startswith("multipart/") or answer.kind in ("image/jpeg", "image/jpg", "image/pjpeg"):
        return True
    return answer.kind in _UNTOLD and answer.peek(b"\xff\xd8\xff", _PEEKED)
