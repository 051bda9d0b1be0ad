"""Draw gate scenes with known truth: vehicles and people before a gate, as frames or as a video file.

Distances of the scene are pixels of a 1280x720 picture and scale with `size`. The same arguments give the same
pictures.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from drawing import FOOT, HORIZON, STOP_LINE, Colour, Picture, Rect, car, draw_plate, gate, shade, truck

__all__ = ["Person", "Stage", "Truth", "Vehicle", "draw_plate", "frames", "render", "render_visits"]

READABLE_WIDTH = 90
"""Width of a plate in pixels from which it counts as readable."""


@dataclass(frozen=True)
class Vehicle:
    """A vehicle that comes from far away, brakes, stops at the line and drives out at the bottom; times in seconds.

    lane: offset of the stop from the middle, in fractions of the width. near: scale at the stop; at 1 a plate is
    about 200 pixels wide in a 1280x720 picture. body: car or truck, by default after the kind of plate.
    """

    plate: str
    kind: str = "blue"
    enter: float = 0.5
    approach: float = 2.4
    stop: float = 3.0
    leave: float = 1.0
    lane: float = 0.0
    near: float = 1.0
    colour: Colour = (150, 150, 155)
    body: str = ""

    def sprite(self) -> tuple[Picture, Picture, Rect]:
        """Return BGR times alpha, alpha 0 to 1, and the box of the plate, at twice the size that `near=1` shows."""
        body = self.body or ("truck" if self.kind in ("yellow", "two-line") else "car")
        sheet, box = {"car": car, "truck": truck}[body](self.plate, self.kind, self.colour)
        return sheet.picture * sheet.alpha[:, :, None], sheet.alpha, box

    def pose(self, t: float) -> tuple[float, float, float, float] | None:
        """Return x of the middle, y of the ground, scale and haze (0 to 1) in the 1280x720 picture; None when away."""
        t -= self.enter
        if not 0 <= t < self.approach + self.stop + self.leave:
            return None
        fall, grow, haze = 0.0, 1.0, 0.0
        if t < self.approach:
            # Constant braking from far away: 1/scale is the distance.
            grow = 1 / (1 + 13 * (1 - t / self.approach) ** 2)
            haze = max(0.0, 1 - t / 0.4)
        elif t > self.approach + self.stop:
            u = (t - self.approach - self.stop) / self.leave
            fall, grow = 720 * u * u, 1 + 0.6 * u * u
        scale = self.near * grow
        return 640 + self.lane * 1280 * grow, HORIZON + (STOP_LINE - HORIZON) * grow + fall, scale, haze


@dataclass(frozen=True)
class Person:
    """A person who walks across; times in seconds. depth: scale of an adult, 1 at the stop line."""

    enter: float = 0.5
    cross: float = 5.0
    leftward: bool = False
    depth: float = 0.62
    coat: Colour = (130, 70, 40)

    def pose(self, t: float) -> tuple[float, float] | None:
        """Return x of the middle in the 1280x720 picture and the phase of the step in radians; None when away."""
        u = (t - self.enter) / self.cross
        if not 0 <= u < 1:
            return None
        return -120 + (1 - u if self.leftward else u) * 1520, (t - self.enter) * 6.5

    def draw(self, frame: Picture, t: float, zoom: float) -> bool:
        """Draw the person into the frame; return False when away."""
        pose = self.pose(t)
        if pose is None:
            return False
        x, phase = pose
        unit = 0.36 * self.depth * zoom
        ground = (HORIZON + (STOP_LINE - HORIZON) * self.depth) * zoom
        facing = -1 if self.leftward else 1

        def at(dx: float, dy: float) -> tuple[int, int]:
            return round((x * zoom + facing * dx * unit) * 16), round((ground - dy * unit) * 16)

        def limb(points: list[tuple[float, float]], width: float, colour: Colour) -> None:
            line = np.array([at(*point) for point in points], np.int32)
            cv2.polylines(frame, [line], False, colour, max(1, round(width * unit)), cv2.LINE_AA, 4)

        def oval(
            middle: tuple[float, float], radii: tuple[int, int], colour: Colour, start: int = 0, end: int = 360
        ) -> None:
            axes = (round(radii[0] * unit * 16), round(radii[1] * unit * 16))
            cv2.ellipse(frame, at(*middle), axes, 0, start, end, colour, -1, cv2.LINE_AA, 4)

        swing, lift = math.sin(phase), abs(math.cos(phase)) * 25
        skin, trousers = (135, 165, 205), (62, 54, 50)
        oval((0, 0), (330, 40), (66, 66, 66))
        for side, tone in ((-1, 0.75), (1, 1.0)):
            s = side * swing
            limb([(0, 1300 + lift), (-190 * s, 1050 + lift), (-120 * s + 90, 840 + lift)], 105, shade(self.coat, tone))
            limb([(0, 860 + lift), (150 * s + 35, 450), (260 * s, 45 + max(0, -s) * 60)], 150, shade(trousers, tone))
            limb([(260 * s - 20, 35 + max(0, -s) * 60), (260 * s + 120, 30)], 80, (30, 28, 28))
            if side < 0:
                limb([(0, 1310 + lift), (10, 900 + lift)], 300, self.coat)
                limb([(0, 1400 + lift), (0, 1480 + lift)], 100, skin)
                oval((5, 1600 + lift), (115, 115), skin)
                oval((-12, 1635 + lift), (125, 95), (32, 30, 30), 175, 380)
        return True


@dataclass(frozen=True)
class Truth:
    """What a clip shows of one actor, in seconds from its start. plate: "" for a person; readable_*: None if never."""

    plate: str
    seen_from: float
    seen_until: float
    readable_from: float | None
    readable_until: float | None


def _paste(
    frame: Picture, sprite: tuple[Picture, Picture], x: float, ground: float, scale: float, haze: float, blur: float
) -> tuple[int, int]:
    """Draw a sprite (BGR times alpha, and alpha) that stands at (x, ground); return its top left corner."""
    size = [max(2, round(v * scale)) for v in reversed(sprite[0].shape[:2])]
    picture, alpha = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in sprite)
    if blur >= 1.5:
        picture, alpha = (cv2.blur(part, (1, int(blur) | 1)) for part in (picture, alpha))
    left, top = round(x - size[0] / 2), round(ground - size[1] + FOOT * scale)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(frame.shape[1], left + size[0]), min(frame.shape[0], top + size[1])
    if x1 > x0 and y1 > y0:
        cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        shown = np.float32(1 - haze)
        part = frame[y0:y1, x0:x1]
        part[:] = (part * (1 - alpha[cut][:, :, None] * shown) + picture[cut] * shown + 0.5).astype(np.uint8)
    return left, top


class Stage:
    """One run of a scene, with the sprites, the place of each actor in the last frame, and what the frames showed."""

    def __init__(self, actors: Sequence[Vehicle | Person], size: tuple[int, int]) -> None:
        self._size, self._zoom, self._scene = size, size[1] / 720, gate(size)
        self._actors = sorted(actors, key=lambda actor: actor.enter, reverse=True)
        self._sprites = {actor: actor.sprite() for actor in actors if isinstance(actor, Vehicle)}
        self._last: dict[Vehicle, float] = {}
        self._seen: dict[Vehicle | Person, list[float]] = {actor: [] for actor in actors}
        self._readable: dict[Vehicle | Person, list[float]] = {actor: [] for actor in actors}

    def frame(self, t: float) -> Picture:
        """Return the picture at time t, with later actors behind earlier ones."""
        frame = self._scene.copy()
        for actor in self._actors:
            shown = self._vehicle(frame, actor, t) if isinstance(actor, Vehicle) else actor.draw(frame, t, self._zoom)
            if shown:
                self._seen[actor].append(t)
        return frame

    def truth(self) -> list[Truth]:
        """Return what was seen, in the order of appearance, without actors that were never seen."""
        rows = []
        for actor, seen in self._seen.items():
            if seen:
                readable = self._readable[actor]
                first, last = (readable[0], readable[-1]) if readable else (None, None)
                rows.append(Truth(getattr(actor, "plate", ""), seen[0], seen[-1], first, last))
        return sorted(rows, key=lambda row: row.seen_from)

    def _vehicle(self, frame: Picture, vehicle: Vehicle, t: float) -> bool:
        pose = vehicle.pose(t)
        if pose is None:
            self._last.pop(vehicle, None)
            return False
        x, ground, scale, haze = pose
        speed = abs(ground - self._last.get(vehicle, ground)) * self._zoom
        self._last[vehicle] = ground
        picture, alpha, (px, py, pw, ph) = self._sprites[vehicle]
        k = scale * self._zoom / 2
        left, top = _paste(frame, (picture, alpha), x * self._zoom, ground * self._zoom, k, haze, 0.35 * speed)
        inside = left + px * k >= 2 and left + (px + pw) * k <= self._size[0] - 2
        inside = inside and top + py * k >= 2 and top + (py + ph) * k <= self._size[1] - 2
        if inside and pw * k >= READABLE_WIDTH and 0.35 * speed < 6:
            self._readable[vehicle].append(t)
        return top < self._size[1]


def frames(
    actors: Sequence[Vehicle | Person],
    seconds: float,
    fps: int = 15,
    size: tuple[int, int] = (1280, 720),
    noise: float = 2.0,
) -> Iterator[tuple[float, Picture]]:
    """Yield time in seconds and (height, width, 3) BGR picture of each frame; noise: sigma of the grey noise."""
    stage = Stage(actors, size)
    yield from _noisy(stage, seconds, fps, size, noise)


def _noisy(
    stage: Stage, seconds: float, fps: int, size: tuple[int, int], noise: float
) -> Iterator[tuple[float, Picture]]:
    rng = np.random.default_rng(1)
    grains = [np.repeat(rng.normal(0, noise, (size[1], size[0], 1)).round().astype(np.int16), 3, 2) for _ in range(8)]
    for n in range(round(seconds * fps)):
        yield n / fps, cv2.add(stage.frame(n / fps), grains[n % 8], dtype=cv2.CV_8U)


def render(
    path: Path,
    actors: Sequence[Vehicle | Person],
    seconds: float,
    fps: int = 15,
    size: tuple[int, int] = (1280, 720),
    codec: str = "h264",
    noise: float = 2.0,
    crf: int = 27,
    gop: float = 2.0,
    preset: str = "veryfast",
) -> list[Truth]:
    """Write a video (yuv420p, no B-frames, as cameras do) and return what it shows.

    codec: h264 or hevc. gop: seconds between I-frames. The container follows the file's suffix.
    """
    stage = Stage(actors, size)
    options = {"preset": preset, "bf": "0", "crf": str(crf), "threads": "1"}
    if codec == "hevc":
        options["x265-params"] = "log-level=none:pools=1"
    with av.open(str(path), "w") as box:
        stream = box.add_stream({"h264": "libx264", "hevc": "libx265"}[codec], rate=fps, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.gop_size, stream.time_base = round(gop * fps), Fraction(1, fps)
        for n, (_, picture) in enumerate(_noisy(stage, seconds, fps, size, noise)):
            video = av.VideoFrame.from_ndarray(picture, format="bgr24")
            video.pts = n
            box.mux(stream.encode(video))
        box.mux(stream.encode())
    return stage.truth()


def render_visits(path: Path, plates: Sequence[str], *, stand: float = 2.0, pause: float = 1.4) -> None:
    """Write a small video of cars that stand before the gate in turn. Each comes and goes between two frames.

    A gate that misses some frames may lose a plate that approaches, but not one that stands. So every run sees one
    passage and one keyframe of each car.

    stand: seconds for which a car stands. pause: seconds without a car before, between and after them.
    """
    every = stand + pause
    cars = [Vehicle(p, enter=pause + every * n, approach=0, stop=stand, leave=0) for n, p in enumerate(plates)]
    render(path, cars, pause + every * len(plates), fps=10, size=(640, 360), preset="ultrafast", gop=1.0)
