"""PyAV opens files and network streams and decodes packets. FFmpeg's errors become ours here, in no other module."""

import errno
import re
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.codec.context import Flags2
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from streamwatch.capture.address import ENCODE, advised, check_address
from streamwatch.capture.frames import DecodedPicture
from streamwatch.capture.orientation import UPRIGHT, Orientation, told_by
from streamwatch.core.errors import CaptureError, SourceLost, SourceUnreadable
from streamwatch.core.redact import hide_in_name, place_of

# FFmpeg's own lines carry addresses with passwords, and speak of every damaged block.
av.logging.set_level(None)

_RTSP_OPTIONS = {
    # FFmpeg looks 5 s at a stream that it joins in the middle of a long group of pictures; 0.1 s will do.
    "analyzeduration": "100000",
    "allowed_media_types": "video",
}
_NETWORK_OPTIONS = {"analyzeduration": "1000000"}
_DEFAULT_RATE = Fraction(25)
_NO_TIMESTAMPS = 0x80  # AVFMT_NOTIMESTAMPS (libavformat/avformat.h)
_CAN_BE_ROUGH = {"h264", "hevc"}
_LIKE_AN_ADDRESS = re.compile(r"(?:^|/)[a-z]{3,}:/|^//|:.*@", re.IGNORECASE)
# FFmpeg says EIO when a host's name is unknown.
_UNREACHABLE = {errno.EIO, errno.EHOSTUNREACH, errno.ENETUNREACH}


def open_file(path: Path) -> tuple[InputContainer, VideoStream]:
    """Open a video file. Raise SourceUnreadable with the sentence that says why not."""
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise SourceUnreadable(f"{path} is empty.")
        # "file:" keeps a colon or a percent sign in the name from being taken for a protocol or a pattern.
        container = av.open(f"file:{path}", "r", metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise _unreadable(path, error) from None
    try:
        if container.format.name == "tty":
            raise SourceUnreadable(f"{path} is a text, not a video.")
        if container.format.name.endswith("_pipe"):
            raise SourceUnreadable(f"{path} is a picture, not a video.", "Pictures are read by `streamwatch read`.")
        stream = _video_of(container)
        if stream is None:
            raise SourceUnreadable(f"{path} holds no video that can be decoded.")
    except SourceUnreadable:
        container.close()
        raise
    return container, stream


def open_network(url: str, transport: str, timeout: float) -> tuple[InputContainer, VideoStream]:
    """Open a network stream. Raise SourceLost with the reason, or SourceUnreadable if the address can never work.

    transport: "tcp" or "udp", for RTSP. timeout: seconds without a byte after which FFmpeg gives up; it may take twice
    as long. The look-up of a host's name and a flood of bytes that are no stream are not limited by it.
    """
    check_address(url)
    place = place_of(url)
    # Not PyAV's own time-outs: they call back into Python, which crashes a process that ends while a reader hangs.
    microseconds = str(round(timeout * 1_000_000))
    if url.lower().startswith("rtsp"):
        options = _RTSP_OPTIONS | {"rtsp_transport": transport, "timeout": microseconds}
    else:
        options = _NETWORK_OPTIONS | {"rw_timeout": microseconds}
    began = time.monotonic()
    try:
        container = av.open(url, "r", options=options, metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        waited = time.monotonic() - began
        lost = connection_lost(place, error, timed_out=waited >= timeout, timeout=timeout)
        raise advised(lost, url) from None
    stream = _video_of(container)
    if stream is None:
        container.close()
        raise SourceLost(f"{place} sends no video that can be decoded.")
    return container, stream


def connection_lost(place: str, error: Exception, *, timed_out: bool, timeout: float) -> CaptureError:
    """Return our own error for one of FFmpeg's, whose text holds the whole address.

    place: host and port, for the message. timed_out: the time-out has passed. timeout: seconds.
    """
    for foreign, message, what_to_do in _CONNECTION_ERRORS:
        if isinstance(error, foreign):
            return SourceLost(f"{place} {message}.", what_to_do)
    if isinstance(error, av.error.ProtocolNotFoundError):
        return SourceUnreadable(f"This build of FFmpeg lacks the protocol of the address at {place}.")
    # FFmpeg calls an answer that never came "invalid data" or "I/O error".
    if timed_out or isinstance(error, av.error.TimeoutError):
        return SourceLost(f"{place} has not answered for {timeout:g} s.")
    if isinstance(error, av.error.InvalidDataError):
        return SourceLost(f"{place} sends something that is not a video stream.")
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return SourceLost(f"{place} cannot be found or reached.", "Check the host's name and the network.")
    return SourceLost(f"{place} cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}.")


def rate_of(container: InputContainer, stream: VideoStream) -> Fraction:
    """Return the pictures a second of a file.

    A bare H.264 or H.265 stream has no time stamps. FFmpeg assumes 25 pictures a second, even if the stream says how
    many there are. A file whose clock was set seems to have hardly any.
    """
    average, guessed = stream.average_rate, stream.guessed_rate
    if guessed and (not average or average < 1 or container.format.flags & _NO_TIMESTAMPS):
        return guessed
    return average or _DEFAULT_RATE


class Decoder:
    """Decodes the packets of one stream, in one thread: more threads cost more CPU in all, and delay.

    damaged: packets and pictures left out so far, because they could not be decoded whole.
    """

    def __init__(self, context: VideoCodecContext, split: bool = False, rotate: int = 0) -> None:
        """split: a packet may hold only some slices of an H.264 picture. rotate: degrees clockwise, for all pictures.

        RTP senders that repeat the parameter sets before every slice of an I-frame make FFmpeg's parser see several
        pictures in one. Without the flag `chunks` each of them comes out half grey, and so do all that refer to it.
        """
        context.thread_count = 1
        if split and context.name == "h264":
            context.flags2 |= Flags2.chunks
        self._context, self._split, self._rotate = context, split, rotate
        self._own: Decoder | None = None
        self._told: Orientation | None = None
        self.damaged = 0

    def decode(self, packet: "Packet[VideoStream] | None") -> list[DecodedPicture]:
        """Return the pictures that this packet completes, often one.

        None, at the end, asks for the pictures still held back.
        """
        if self._own is not None and packet is not None:
            self._own.learn(packet)
        try:
            pictures = self._context.decode(packet)
        except FFmpegError:
            self.damaged += 1
            return []
        whole = [picture for picture in pictures if not picture.is_corrupt]
        self.damaged += len(pictures) - len(whole)
        return [DecodedPicture(picture, self._orientation_of(picture)) for picture in whole]

    def rough(self) -> "Decoder":
        """Return a decoder without loop filter, which also leaves out pictures to which no other refers.

        For H.264 and H.265 it is a third cheaper, and rough in parts of the picture that move. For other codecs and for
        hardware decoders it is this decoder itself.
        """
        if self._context.is_hwaccel or self._context.name not in _CAN_BE_ROUGH:
            return self
        context = cast(VideoCodecContext, av.CodecContext.create(self._context.name, "r"))
        context.extradata = self._context.extradata
        context.options = {"skip_loop_filter": "all", "skip_frame": "noref"}
        rough = Decoder(context, self._split, self._rotate)
        rough._own = self
        return rough

    def restart(self) -> None:
        """Forget what came before, because the next packet opens a group of pictures."""
        if self._context.is_open:
            self._context.flush_buffers()

    def learn(self, packet: "Packet[VideoStream]") -> None:
        """Find out the orientation of the stream. Only its own context knows it, and tells it with a picture."""
        if self._context.is_open:
            return
        with suppress(FFmpegError):
            for picture in (*self._context.decode(packet), *self._context.decode(None)):
                self._told = told_by(picture)
        self.restart()

    def _orientation_of(self, picture: av.VideoFrame) -> Orientation:
        """Return the orientation told last, because a stream may tell it once, or with its I-frames only."""
        self._told = told_by(picture) or self._told or (None if self._own is None else self._own._told)
        return (self._told or UPRIGHT).then(self._rotate)


def _video_of(container: InputContainer) -> VideoStream | None:
    """Return the main video stream, or None. The cover of a music file is no video."""
    pictures = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    usable = [stream for stream in pictures if stream.codec_context is not None]
    best = container.streams.best("video")
    return next((stream for stream in usable if stream is best), usable[0] if usable else None)


def _unreadable(path: Path, error: Exception) -> SourceUnreadable:
    place = hide_in_name(str(path))
    if isinstance(error, FileNotFoundError):
        return SourceUnreadable(f"There is no file {place}.", _meant(path))
    if isinstance(error, IsADirectoryError):
        return SourceUnreadable(f"{place} is a folder, not a video.")
    if isinstance(error, av.error.InvalidDataError):
        return SourceUnreadable(f"{place} is not a video, or it was cut off before its index was written.")
    return SourceUnreadable(f"{place} cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}.")


def _meant(path: Path) -> str:
    """Return a sentence about what the person may have wanted to write."""
    if path.name.lower() == "sample":
        return "The clip that comes with streamwatch is `source: sample`."
    if _LIKE_AN_ADDRESS.search(str(path)):
        return "The address of a camera begins with rtsp:// or the like; `replay` takes files only."
    return ""


_CONNECTION_ERRORS: tuple[tuple[type[Exception], str, str], ...] = (
    (
        av.error.HTTPUnauthorizedError,
        "refuses the user or the password (401)",
        f"Check them in the camera's address. {ENCODE}",
    ),
    (av.error.HTTPForbiddenError, "forbids this user to watch (403)", "Give the user the right to view live pictures."),
    (
        av.error.HTTPNotFoundError,
        "has no stream at this path (404)",
        "Look up the path of the stream in the camera's settings.",
    ),
    (av.error.HTTPServerError, "answers with an error of its own (5xx)", ""),
    (ConnectionRefusedError, "refuses the connection", "Is the camera's service switched on, and the port right?"),
    (ConnectionError, "closed the connection", ""),
    (EOFError, "closed the connection", ""),
)
