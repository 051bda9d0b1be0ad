"""The clips of the attention benchmarks: a gate in 1080p25, quiet or a quarter busy, as cameras code it.

A minute of each scene is drawn once and coded nine times: three ways of coding, three lengths of the group of pictures.
A substream of 640x360 at 5 frames a second goes with each scene. Without B-frames, as cameras do, and with fresh
sensor noise in every picture, which is what most of a quiet camera's bits are spent on.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from clips import Stage, Truth, Vehicle

SECONDS, FPS, SIZE = 60, 25, (1920, 1080)
SUB_FPS, SUB_SIZE, SUB_GOP = 5, (640, 360), 10
NOISE = 2.0  # sigma in grey levels
GOPS = (25, 50, 100)
CODINGS = ("h264-vbr", "h264-cbr", "h265")
RED, GREEN, GREY = (45, 40, 165), (50, 125, 45), (150, 150, 155)
BUSY = (
    Vehicle("京AF0236", enter=10, approach=2.4, stop=1.6, leave=1.0, colour=RED),
    Vehicle("苏EK3P82", enter=27, approach=2.4, stop=1.6, leave=1.0, colour=GREEN),
    Vehicle("川A0638B", enter=44, approach=2.4, stop=1.6, leave=1.0, colour=GREY),
)
"""In view for 15 of 60 seconds. Their colours tell the stand-in service which plate it is shown."""
SCENES: dict[str, Sequence[Vehicle]] = {"quiet": (), "busy": BUSY}


@dataclass(frozen=True)
class Clip:
    """A minute of a camera: its main stream and the substream beside it."""

    scene: str
    coding: str
    gop: int
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.scene}-{self.coding}-gop{self.gop}"

    @property
    def main(self) -> Path:
        return self.folder / f"{self.name}.mp4"

    @property
    def sub(self) -> Path:
        return self.folder / f"{self.scene}-sub.mp4"

    def truth(self) -> list[Truth]:
        """Return what it shows."""
        return [Truth(**row) for row in json.loads(_truth_of(self.folder, self.scene).read_text("utf-8"))]


def clips(folder: Path, only: str = "") -> list[Clip]:
    """Return all clips whose name holds a text; draw and code those first that are not there yet."""
    wanted = [Clip(*parts, folder) for parts in product(SCENES, CODINGS, GOPS)]
    wanted = [clip for clip in wanted if only in clip.name]
    folder.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        missing = [clip for clip in wanted if clip.scene == scene and not clip.main.exists()]
        if missing:
            print(f"drawing {', '.join(clip.name for clip in missing)}", flush=True)
            _make(folder, scene, missing)
    return wanted


def first_seconds(clip: Path, seconds: float, place: Path) -> Path:
    """Return the beginning of a clip, copied without coding it anew, to measure what the start of a program costs."""
    part = place / f"start-of-{clip.name}"
    with av.open(str(clip)) as whole, av.open(str(part), "w") as box:
        stream = whole.streams.video[0]
        copy = box.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.pts is not None and packet.pts * stream.time_base < seconds:
                packet.stream = copy
                box.mux(packet)
    return part


def joined(clip: Path, times: int, place: Path) -> Path:
    """Return a recording with a clip `times` times, copied without coding it anew."""
    whole = place / f"{times}-times-{clip.name}"
    with av.open(str(whole), "w") as box:
        copy, began = None, 0
        for _ in range(times):
            with av.open(str(clip)) as part:
                stream = part.streams.video[0]
                copy = copy or box.add_stream_from_template(stream)
                for packet in part.demux(stream):
                    if packet.pts is not None and packet.dts is not None:
                        packet.stream, packet.pts, packet.dts = copy, packet.pts + began, packet.dts + began
                        box.mux(packet)
                began += stream.duration or 0
    return whole


def _truth_of(folder: Path, scene: str) -> Path:
    return folder / f"{scene}.json"


def _make(folder: Path, scene: str, missing: Sequence[Clip]) -> None:
    """Draw a scene once for all its files, which get their names only when they are whole."""
    files = [clip.main for clip in missing] + [missing[0].sub]
    parts = [file.with_name("part-" + file.name) for file in files]
    stage = Stage(SCENES[scene], SIZE)
    with ExitStack() as boxes:
        writers = [_Writer(boxes, part, clip.coding, clip.gop) for part, clip in zip(parts, missing, strict=False)]
        sub = _Writer(boxes, parts[-1], "sub", SUB_GOP)
        for n, picture in enumerate(_pictures(stage)):
            frame = _coded(picture)
            for writer in writers:
                writer.add(frame, n)
            if n % (FPS // SUB_FPS) == 0:
                small = cv2.resize(picture, SUB_SIZE, interpolation=cv2.INTER_AREA)
                sub.add(_coded(small), n * SUB_FPS // FPS)
        for writer in [*writers, sub]:
            writer.end()
    truth = [asdict(row) for row in stage.truth()]
    _truth_of(folder, scene).write_text(json.dumps(truth, ensure_ascii=False), "utf-8")
    for part, file in zip(parts, files, strict=True):
        part.rename(file)


def _coded(picture: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")


def _pictures(stage: Stage) -> Iterator[np.ndarray]:
    """Yield the pictures, each with other noise, which is cut at random out of a larger sheet."""
    rng, margin = np.random.default_rng(3), 256
    sheet = rng.normal(0, NOISE, (SIZE[1] + margin, SIZE[0] + margin, 1)).round().astype(np.int16)
    sheet = np.repeat(sheet, 3, 2)
    for n in range(SECONDS * FPS):
        y, x = rng.integers(0, margin, 2)
        yield cv2.add(stage.frame(n / FPS), sheet[y : y + SIZE[1], x : x + SIZE[0]], dtype=cv2.CV_8U)


class _Writer:
    """One file that is being coded."""

    def __init__(self, boxes: ExitStack, path: Path, coding: str, gop: int) -> None:
        self._box: OutputContainer = boxes.enter_context(av.open(str(path), "w"))
        self._stream, self._tick = _stream(self._box, coding, gop)

    def add(self, frame: av.VideoFrame, number: int) -> None:
        frame.pts, frame.time_base = number, self._tick
        self._box.mux(self._stream.encode(frame))

    def end(self) -> None:
        self._box.mux(self._stream.encode())


def _stream(box: OutputContainer, coding: str, gop: int) -> tuple[VideoStream, Fraction]:
    """Return a stream that is coded on one thread, as a camera does it, and the time from one picture to the next."""
    fps, size = (SUB_FPS, SUB_SIZE) if coding == "sub" else (FPS, SIZE)
    bits = {"h264-vbr": 2000, "h264-cbr": 4000, "h265": 2000, "sub": 300}[coding]  # kbit/s
    peak = bits if coding == "h264-cbr" else 2 * bits
    options = {"preset": "veryfast", "threads": "1", "bf": "0", "maxrate": f"{peak}k", "bufsize": f"{peak}k"}
    if coding == "h265":
        name = "libx265"
        rate = f"vbv-maxrate={peak}:vbv-bufsize={peak}"
        options["x265-params"] = f"log-level=none:pools=1:frame-threads=1:scenecut=0:open-gop=0:bframes=0:{rate}"
    else:
        name, hrd = "libx264", ":nal-hrd=cbr" if coding == "h264-cbr" else ""
        options["x264-params"] = f"scenecut=0:keyint={gop}:min-keyint={gop}{hrd}"
    stream = box.add_stream(name, rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.bit_rate, stream.gop_size, stream.time_base = bits * 1000, gop, Fraction(1, fps)
    return stream, Fraction(1, fps)
