"""The interface of all sources, and the choice among them by the text of `source`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from streamwatch.capture.address import scheme_of
from streamwatch.capture.av_source import Decoder
from streamwatch.capture.http_pictures import EVERY, HttpPictures
from streamwatch.capture.network import NetworkStream
from streamwatch.capture.packets import CodedPacket
from streamwatch.capture.recording import PlayedRecording
from streamwatch.capture.webcam import Webcam
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Attention, Frame

SAMPLE = Path(__file__).with_name("sample.mp4")
NETWORK_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps")


class Source(Protocol):
    """One opening of a camera or file. Used by one thread, except for `stop`.

    live: True if its end is a loss; False if its end means that it was played to the end.
    """

    live: bool

    def frames(self) -> Iterator[Frame | None]:
        """Yield frames as they come; None for data that made no picture yet, as a sign of life. Raise CaptureError."""

    def stop(self) -> None:
        """Ask `frames` to end soon. From any thread; never blocks."""

    def close(self) -> None:
        """Release the connection, file or device."""


@runtime_checkable
class CodedSource(Source, Protocol):
    """A source that can also leave the decoding to others; `packets` is then called instead of `frames`."""

    def packets(self) -> Iterator[CodedPacket]:
        """Yield packets undecoded, as they come. Raise CaptureError."""

    def decoder(self) -> Decoder:
        """Return a decoder of the packets, for any thread, also after their end."""


def file_of(source: str) -> Path | None:
    """Return the video file that `source` names ("sample" is one); None for a webcam, a network address or "push"."""
    if source == "sample":
        return SAMPLE
    scheme, separator, _ = source.partition("://")
    if separator:
        return Path(unquote(urlsplit(source).path)) if scheme.lower() == "file" else None
    return None if source == "push" or source.isdigit() or source.startswith("/dev/") else Path(source)


@runtime_checkable
class SelectiveSource(Source, Protocol):
    """A source that does less while little attention is enough: it yields None for a picture that it leaves out."""

    def attend(self, attention: Attention) -> None:
        """Set the attention from now on. From any thread."""


def open_source(
    camera: str,
    source: str,
    *,
    transport: str,
    loop: bool,
    timeout: float,
    clock: Clock,
    decode: str = "software",
    rotate: int = 0,
    every: float = EVERY,
) -> Source:
    """Open what `source` names; for a network stream or webcam that may take `timeout` seconds and more.

    source: "sample"; an address (rtsp://, rtsps://, http://, https://, rtmp://, rtmps://); a webcam (0, /dev/video0);
    else a video file, which is played as if it were a camera. transport: "tcp" or "udp", for RTSP. loop: play a file
    again and again. decode: what decodes a network stream; see hardware.py. rotate: degrees clockwise (0, 90, 180, 270)
    by which pictures are turned. every: seconds between two requests to a camera that gives single pictures over HTTP.
    Raise SourceLost or SourceUnreadable.
    """
    recorded = file_of(source)
    if recorded is not None:
        return PlayedRecording(camera, recorded, loop=loop or source == "sample", clock=clock, rotate=rotate)
    scheme = scheme_of(source)
    if not scheme:
        return Webcam(camera, source, clock=clock, rotate=rotate)
    if scheme in ("http", "https"):
        pictures = HttpPictures.opened(camera, source, timeout=timeout, every=every, clock=clock, rotate=rotate)
        if pictures is not None:
            return pictures
    if scheme in NETWORK_SCHEMES:
        return NetworkStream(
            camera, source, transport=transport, timeout=timeout, clock=clock, decode=decode, rotate=rotate
        )
    known = ", ".join(f"{name}://" for name in NETWORK_SCHEMES)
    raise SourceUnreadable(f"An address with {scheme}:// cannot be opened.", f"Known are {known} and plain file names.")
