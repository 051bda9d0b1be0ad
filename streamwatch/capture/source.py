"""The one face of all sources, and the choice among them by the text of `source`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from streamwatch.capture.address import scheme_of
from streamwatch.capture.av_source import Decoder
from streamwatch.capture.http_pictures import EVERY, HttpPictures
from streamwatch.capture.network import NetworkStream
from streamwatch.capture.packets import Piece
from streamwatch.capture.recording import PlayedRecording
from streamwatch.capture.webcam import Webcam
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Attention, Frame

SAMPLE = Path(__file__).with_name("sample.mp4")
NETWORK_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps")


class Source(Protocol):
    """One opening of a camera or file. Used by one thread, but for `stop`.

    live: its end is a loss; otherwise it has been played to its end.
    """

    live: bool

    def frames(self) -> Iterator[Frame | None]:
        """Frames as they come; None for data that made no picture yet, as a sign of life. Raises CaptureError."""

    def stop(self) -> None:
        """From any thread: asks `frames` to end soon. Never blocks."""

    def close(self) -> None:
        """Gives back connection, file or device."""


@runtime_checkable
class CodedSource(Source, Protocol):
    """A source that can also leave the decoding to others; then `pieces` is called in place of `frames`."""

    def pieces(self) -> Iterator[Piece]:
        """Pictures undecoded, as they come. Raises CaptureError."""

    def decoder(self) -> Decoder:
        """Decodes what `pieces` gives, in any thread, also after its end."""


def file_of(source: str) -> Path | None:
    """The video file that `source` names, "sample" among them; None for a webcam or an address of the network."""
    if source == "sample":
        return SAMPLE
    scheme, separator, _ = source.partition("://")
    if separator:
        return Path(unquote(urlsplit(source).path)) if scheme.lower() == "file" else None
    return None if source.isdigit() or source.startswith("/dev/") else Path(source)


@runtime_checkable
class SparingSource(Source, Protocol):
    """A source that does less where little attention is enough; None, among frames, then stands for a picture."""

    def attend(self, attention: Attention) -> None:
        """From any thread: from now on."""


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
    """Opens what `source` names; for a network stream or webcam that may take `timeout` seconds and more.

    source: "sample"; an address (rtsp://, rtsps://, http://, https://, rtmp://, rtmps://); a webcam (0, /dev/video0);
    else a video file, which is played as if it were a camera. transport: "tcp" or "udp", for RTSP. loop: play a file
    again and again. decode: what decodes a network stream; see hardware.py. rotate: degrees clockwise (0, 90, 180, 270)
    by which pictures are turned. every: seconds between two requests to a camera that gives single pictures over HTTP.
    Raises SourceLost and SourceUnreadable.
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
    raise SourceUnreadable(
        f"An address with {scheme}:// can not be opened.", f"Known are {known} and plain file names."
    )
