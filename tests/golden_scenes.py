"""Short drawn scenes before a gate, the decisions of the gate on each of them, and their form in `goldens.json`.

Frames are drawn from numbers, without a video codec, as the version of a codec would change the pictures. The real
plate detector looks at them, and an honest service answers: it reads the widest plate that lies wholly in the picture.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from clips import Person
from drawing import HORIZON, STOP_LINE, Colour, car, gate, truck

from streamwatch.core.model import Box, Corners, Frame, Picture
from streamwatch.core.sentences import sentence
from streamwatch.detection import PlateDetector
from streamwatch.gate import Closed, Decision, Gate, Kept, Opened, Shot, Why

GOLDENS = Path(__file__).parent / "goldens.json"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIZE, FPS = (640, 360), 8
LATENCY = 0.3  # s until the service has answered
SHEET_PLATE = 200  # px; width of a plate on the largest sheet of a vehicle
EASE = 0.35  # s in which a vehicle brakes and accelerates
MILLIMETRES = 550  # width of a plate on a drawn vehicle
HIDDEN = 0.03  # part of a plate that may be covered if it is still read
VANISHING, SLOPE = HORIZON / 720, (STOP_LINE - HORIZON) / 200
"""Row of the horizon in heights of the picture, and rows from there to the ground per pixel of a plate above it."""
ABOVE_GROUND = {"car": 468 / MILLIMETRES, "truck": 420 / MILLIMETRES}
"""Height of the centre of a plate above the ground, in its widths."""

READ, UNSURE, UNREAD, FAILED = "", "unsure", "no plate", "no answer"
"""The answers of the service to a picture that shows a plate."""

WHITE, BLACK, RED, BLUE = (215, 215, 212), (40, 40, 45), (60, 60, 160), (160, 90, 40)

Floats = npt.NDArray[np.float32]
Paint = Callable[[Picture, float], Picture]
"""Changes a (height, width, channels) picture of a time in seconds."""


@dataclass(frozen=True)
class Vehicle:
    """A vehicle on its way.

    way: points of seconds, width of its plate in pixels, and offset to the side in these widths. The vehicle is there
    from the first to the last point; a narrower plate is farther away. lit: True if it drives at night with lamps on.
    """

    plate: str
    way: tuple[tuple[float, float, float], ...]
    kind: str = "blue"
    colour: Colour = WHITE
    body: str = "car"
    lit: bool = False

    def place(self, t: float) -> tuple[float, float] | None:
        """Return the width of the plate and the offset to the side; None when it is away."""
        times = [point[0] for point in self.way]
        if not times[0] <= t <= times[-1]:
            return None
        around = t + np.linspace(-EASE, EASE, 7)
        distance = float(np.interp(around, times, [1 / point[1] for point in self.way]).mean())
        return 1 / distance, float(np.interp(around, times, [point[2] for point in self.way]).mean())


def stays(plate: str, come: float, go: float, width: float = 122, aside: float = 0.0, **style: Any) -> Vehicle:
    """Return a vehicle that comes in two seconds, stands, and drives out below the camera."""
    way = ((come - 2.0, 22, aside), (come, width, aside), (go, width, aside), (go + 1.2, 2.4 * width, aside))
    return Vehicle(plate, way, **style)


@cache
def _sheets(vehicle: Vehicle, grey: bool) -> tuple[tuple[Floats, tuple[float, float, float, float]], ...]:
    """Return a vehicle at several sizes, largest first: colours times alpha, and alpha; and the box of its plate."""
    sheet, box = {"car": car, "truck": truck}[vehicle.body](vehicle.plate, vehicle.kind, vehicle.colour)
    picture, alpha = sheet.picture.astype(np.float32), sheet.alpha[:, :, None]
    if vehicle.lit:
        x, y, width, height = (round(v) for v in box)
        shines = picture[y : y + height, x : x + width] * 0.8
        picture *= 0.2
        picture[y : y + height, x : x + width] = shines
    if grey:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[:, :, None]
    whole = np.concatenate([picture * alpha, alpha], axis=2).astype(np.float32)
    sheets, scale = [], SHEET_PLATE / box[2]
    for _ in range(4):
        small = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        left, top, wide, high = (v * scale for v in box)
        sheets.append((np.asarray(small, np.float32), (left, top, wide, high)))
        scale /= 2
    return tuple(sheets)


@lru_cache(2)
def _glow() -> Floats:
    """Return the light around a lamp, 0 to 1."""
    y, x = np.mgrid[-1:1:65j, -1:1:65j]
    return np.asarray(np.exp(-6 * (x * x + y * y)) * np.clip(1.5 - np.hypot(x, y), 0, 1), np.float32)


@lru_cache(4)
def _empty(size: tuple[int, int], grey: bool) -> Picture:
    picture = gate(size)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[:, :, None] if grey else picture


@lru_cache(4)
def _grains(size: tuple[int, int]) -> list[npt.NDArray[np.int16]]:
    """Return noise of the sensor, used in turn."""
    rng = np.random.default_rng(1)
    return [rng.normal(0, 2, (size[1], size[0], 1)).round().astype(np.int16) for _ in range(8)]


@dataclass(frozen=True)
class Plate:
    """A plate that a frame shows wholly."""

    text: str
    corners: Corners


@dataclass(frozen=True)
class Scene:
    """A scene. wanted: what a person expects of the gate; shows: rules that must decide in it.

    paint: drawn over the empty scene, before the vehicles; finish: drawn over the whole picture. answers: of the
    service to the calls in their order, READ after the last one. sizes: of the pictures, each with the second from
    which on.
    """

    name: str
    wanted: str
    seconds: float
    vehicles: tuple[Vehicle, ...] = ()
    people: tuple[Person, ...] = ()
    shows: tuple[Why, ...] = ()
    paint: Paint | None = None
    finish: Paint | None = None
    answers: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[tuple[float, tuple[int, int]], ...] = ((0.0, SIZE),)

    def times(self) -> list[float]:
        """Return the time of each frame in seconds."""
        return [n / FPS for n in range(round(self.seconds * FPS))]

    def draw(self, t: float, grey: bool = True) -> tuple[Picture, list[Plate]]:
        """Return the (height, width, channels) picture at a time, and the plates that can be read in it."""
        size = [size for since, size in self.sizes if since <= t][-1]
        zoom = size[0] / SIZE[0]
        picture = _empty(size, grey).copy()
        if self.paint is not None:
            picture = self.paint(picture, t)
        plates: list[Plate] = []
        here = [(place, vehicle) for vehicle in self.vehicles if (place := vehicle.place(t)) is not None]
        for (width, aside), vehicle in sorted(here, key=lambda one: one[0][0]):
            plates = _put(picture, vehicle, width * zoom, aside, plates, grey)
        for person in self.people:
            if not grey:
                person.draw(picture, t, size[1] / 720)
            elif person.pose(t) is not None:
                coloured = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
                person.draw(coloured, t, size[1] / 720)
                picture = cv2.cvtColor(coloured, cv2.COLOR_BGR2GRAY)[:, :, None]
        if self.finish is not None:
            picture = self.finish(picture, t)
        noise = _grains(size)[round(t * FPS) % 8]
        picture = cv2.add(picture, noise if grey else np.repeat(noise, 3, 2), dtype=cv2.CV_8U)
        return picture.reshape(size[1], size[0], -1), plates


def _put(
    picture: Picture, vehicle: Vehicle, width: float, aside: float, plates: list[Plate], grey: bool
) -> list[Plate]:
    """Draw a vehicle in front of all others; return the plates that can be read then. width: of its plate in px."""
    high, wide = picture.shape[:2]
    sheets = _sheets(vehicle, grey)
    sheet, box = [one for one in sheets if one is sheets[0] or one[1][2] >= width][-1]
    scale = width / box[2]
    size = max(2, round(sheet.shape[1] * scale)), max(2, round(sheet.shape[0] * scale))
    across, down = size[0] / sheet.shape[1], size[1] / sheet.shape[0]
    ground = VANISHING * high + SLOPE * width
    left = round(wide / 2 + aside * width - (box[0] + box[2] / 2) * across)
    top = round(ground - ABOVE_GROUND[vehicle.body] * width - (box[1] + box[3] / 2) * down)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(wide, left + size[0]), min(high, top + size[1])
    if x1 <= x0 or y1 <= y0:
        return plates
    small = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    small = small[y0 - top : y1 - top, x0 - left : x1 - left]
    alpha, part = small[:, :, -1:], picture[y0:y1, x0:x1]
    part[:] = (part * (1 - alpha) + small[:, :, :-1] + 0.5).astype(np.uint8)
    if vehicle.lit:
        _shine(picture, wide / 2 + aside * width, ground, width)
    plates = [one for one in plates if _covered(one.corners, alpha, x0, y0) <= HIDDEN]
    px, py = left + box[0] * across, top + box[1] * down
    far_x, far_y = px + box[2] * across, py + box[3] * down
    if px >= 0 and py >= 0 and far_x <= wide and far_y <= high:
        plates.append(Plate(vehicle.plate, ((px, py), (far_x, py), (far_x, far_y), (px, far_y))))
    return plates


def _covered(plate: Corners, alpha: Floats, left: int, top: int) -> float:
    """Return the part of a plate that is hidden by an object drawn at a place."""
    (x, y), (far_x, far_y) = plate[0], plate[2]
    rows, columns = (
        slice(max(0, round(a)), max(0, round(b))) for a, b in ((y - top, far_y - top), (x - left, far_x - left))
    )
    there = alpha[rows, columns]
    return float(there.sum()) / max(1.0, (far_x - x) * (far_y - y))


def _shine(picture: Picture, middle: float, ground: float, width: float) -> None:
    """Draw the lamps of a vehicle, and their light on the road."""
    for x, y, across, down, gain in (
        (-1.25, 1.25, 1.1, 0.9, 230),
        (1.25, 1.25, 1.1, 0.9, 230),
        (0.0, -0.45, 5.0, 1.2, 60),
    ):
        size = max(2, round(across * width)), max(2, round(down * width))
        light = cv2.resize(_glow(), size)
        left, top = round(middle + x * width - size[0] / 2), round(ground - y * width - size[1] / 2)
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(picture.shape[1], left + size[0]), min(picture.shape[0], top + size[1])
        if x1 > x0 and y1 > y0:
            more = light[y0 - top : y1 - top, x0 - left : x1 - left, None] * gain
            part = picture[y0:y1, x0:x1]
            part[:] = np.minimum(255, part + more).astype(np.uint8)


def _night(picture: Picture, t: float) -> Picture:
    return (picture * 0.2).astype(np.uint8)


def _light_step(picture: Picture, t: float) -> Picture:
    return (picture * 0.55).astype(np.uint8) if 5.5 <= t < 7.5 else picture


def _shaking(picture: Picture, t: float) -> Picture:
    move = np.array([[1, 0, 2.5 * math.sin(8 * t)], [0, 1, 1.5 * math.sin(11 * t)]], np.float32)
    moved = cv2.warpAffine(picture, move, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8).reshape(picture.shape)


def _rain(picture: Picture, t: float) -> Picture:
    rng = np.random.default_rng(round(t * FPS))
    drops = np.zeros(picture.shape[:2], np.uint8)
    for x, y, long in rng.integers((0, 0, 8), (*picture.shape[1::-1], 20), (260, 3)):
        cv2.line(drops, (int(x), int(y)), (int(x) + 2, int(y) + int(long)), 80, 1, cv2.LINE_AA)
    wet = cv2.add(picture, np.repeat(drops[:, :, None], picture.shape[2], 2))
    return np.asarray(wet, np.uint8).reshape(picture.shape)


_FONT = cv2.FontFace("uni")


def _text(picture: Picture, text: str, at: tuple[int, int], size: int, ink: int) -> None:
    part = np.ascontiguousarray(np.repeat(picture[:, :, :1], 3, 2))
    cv2.putText(part, text, at, (ink, ink, ink), _FONT, size)
    picture[:] = part[:, :, : picture.shape[2]]


def _signs(picture: Picture, t: float) -> Picture:
    """Return a picture with the sign of a shop and an offer on a board."""
    cv2.rectangle(picture, (415, 95), (545, 145), (30, 40, 60)[: picture.shape[2]], -1)
    _text(picture, "OPEN", (430, 133), 36, 235)
    cv2.rectangle(picture, (40, 90), (170, 150), (225, 230, 235)[: picture.shape[2]], -1)
    _text(picture, "SALE 50%", (50, 115), 20, 40)
    _text(picture, "Tel 6273 9481", (48, 140), 16, 40)
    return picture


def _clock(picture: Picture, t: float) -> Picture:
    _text(picture, f"2026-03-01 08:00:{int(t):02}", (8, 24), 18, 250)
    _text(picture, "CAM 03 GATE", (8, 350), 18, 250)
    return picture


def _lorry_side(picture: Picture, t: float) -> Picture:
    """Return a picture with the side of a lorry that drives past, with lettering and without a plate."""
    left = round(660 - 250 * (t - 1.5))
    board = np.full((210, 900, 1), 205, np.uint8)
    board[150:160] = 90
    _text(board, "SUNRISE TRANSPORT", (60, 90), 60, 40)
    _text(board, "Tel 0551-6273 9481", (260, 140), 34, 40)
    for x in (130, 260, 640, 770):
        cv2.circle(board, (x, 185), 24, 30, -1, cv2.LINE_AA)
    x0, x1 = max(0, left), min(picture.shape[1], left + 900)
    if x1 > x0:
        picture[100:310, x0:x1] = board[:, x0 - left : x1 - left]
    return picture


SCENES = (
    Scene(
        "one comes, stops and leaves",
        "one passage, coming, one call",
        10,
        (stays("京A3K926", 4.6, 7.0),),
        shows=(Why.LEARNING, Why.QUIET, Why.FAR, Why.BETTERING, Why.ASKED, Why.KNOWN, Why.SENT),
    ),
    Scene(
        "one drives through without stopping",
        "one passage, coming, one call",
        8,
        (Vehicle("苏E61M58", ((2.6, 25, 0.3), (4.1, 70, 0.2), (5.8, 250, 0.0)), colour=RED),),
        shows=(Why.TOO_SHORT, Why.SENT),
    ),
    Scene(
        "two behind each other, one length apart",
        "two passages, coming, one call each",
        11.5,
        (
            stays("京A3K926", 4.6, 6.0),
            Vehicle(
                "沪C70T41",
                ((2.6, 18, 0.0), (4.6, 52, 0.0), (6.2, 52, 0.0), (8.0, 122, 0.0), (9.4, 122, 0.0), (10.6, 300, 0.0)),
                colour=BLACK,
            ),
        ),
    ),
    Scene(
        "two side by side",
        "two passages, coming, one call each",
        10.5,
        (stays("京A3K926", 4.6, 8.2, 95, -1.65), stays("浙BD82605", 5.8, 8.4, 95, 1.65, kind="green", colour=BLUE)),
    ),
    Scene(
        "a jam that moves on",
        "three passages, coming, one call each",
        12,
        (
            stays("京A3K926", 2.0, 3.5),
            Vehicle(
                "沪C70T41",
                ((0.0, 50, 0.3), (3.7, 50, 0.3), (5.0, 126, 0.0), (6.5, 126, 0.0), (7.5, 320, 0.0)),
                "yellow",
                BLACK,
                "truck",
            ),
            Vehicle(
                "川F29L37",
                (
                    (0.0, 32, 0.6),
                    (3.9, 32, 0.6),
                    (5.2, 50, 0.3),
                    (6.7, 50, 0.3),
                    (8.2, 120, 0.0),
                    (9.4, 120, 0.0),
                    (10.6, 290, 0.0),
                ),
                colour=RED,
            ),
        ),
    ),
    Scene(
        "one is parked before the start, another one passes before it",
        "the parked one from the first picture to the last, and one crossing; one call each",
        9,
        (
            Vehicle("京A3K926", ((-9, 72, -1.9), (99, 72, -1.9))),
            Vehicle("浙B8H205", ((3.6, 130, 4.0), (7.1, 130, -4.2)), colour=BLUE),
        ),
    ),
    Scene(
        "one leaves and comes back",
        "two passages, coming, one call each, as the first one has ended",
        12,
        (stays("京A3K926", 2.0, 3.5), stays("京A3K926", 8.0, 10.0)),
    ),
    Scene(
        "a person walks, and the light steps",
        "nothing",
        9,
        people=(Person(1.5, 4.0),),
        finish=_light_step,
        shows=(Why.NO_PLATE,),
    ),
    Scene(
        "signs, a clock that ticks, and somebody far away",
        "nothing",
        8,
        people=(Person(2.6, 5.0, depth=0.3),),
        paint=_signs,
        finish=_clock,
        shows=(Why.TOO_SMALL,),
    ),
    Scene(
        "the picture of a car on a wall, which nobody can read",
        "one call, and none after somebody has walked before it",
        12,
        (Vehicle("粤B58K16", ((-9, 96, 1.8), (99, 96, 1.8))),),
        people=(Person(6.0, 3.0, depth=0.62),),
        answers=(UNREAD,),
        shows=(Why.SCENERY,),
    ),
    Scene(
        "the lettering of a lorry",
        "one passage, crossing, no call",
        9,
        paint=_lorry_side,
        shows=(Why.NO_PLATE,),
    ),
    Scene(
        "headlights by night",
        "one passage, coming, one call",
        10,
        (stays("京A3K926", 4.6, 7.0, lit=True),),
        paint=_night,
    ),
    Scene("a mast shakes", "one passage, coming, one call", 10, (stays("京A3K926", 4.6, 7.0),), finish=_shaking),
    Scene(
        "it rains",
        "one passage, coming, one call",
        10,
        (stays("京A3K926", 4.6, 7.0),),
        finish=_rain,
        shows=(Why.TOO_SMALL,),
    ),
    Scene(
        "a plate that is cut off by the edge",
        "one passage, coming, no call",
        9,
        (
            Vehicle(
                "京A3K926",
                ((2.6, 60, 5.2), (3.4, 80, 3.9), (4.4, 112, 2.8), (6.0, 112, 2.8), (6.8, 150, 2.08), (7.6, 230, 1.36)),
            ),
        ),
        shows=(Why.CUT_OFF,),
    ),
    Scene(
        "one that passes far away",
        "one passage, no call",
        9,
        (Vehicle("京A3K926", ((2.6, 20, 0.5), (4.6, 48, 0.5), (6.2, 48, 0.5), (8.0, 48, -8.0))),),
        shows=(Why.FAR,),
    ),
    Scene(
        "an unsure reading gets a second opinion",
        "one passage, coming, two calls",
        10,
        (stays("京A3K926", 4.6, 7.4),),
        answers=(UNSURE,),
    ),
    Scene("a call fails", "one passage, coming, two calls", 10, (stays("京A3K926", 4.6, 7.4),), answers=(FAILED,)),
    Scene(
        "no plate is read, and a clearly better view comes",
        "one passage, coming, two calls",
        12,
        (
            Vehicle(
                "京A3K926",
                ((2.0, 22, 0.0), (3.8, 66, 0.0), (7.2, 66, 0.0), (8.5, 125, 0.0), (9.8, 125, 0.0), (11.0, 300, 0.0)),
            ),
        ),
        answers=(UNREAD,),
        shows=(Why.NOT_BETTER,),
    ),
    Scene(
        "unsure readings use up the calls",
        "one passage, coming, two calls, as many as are allowed",
        10,
        (stays("京A3K926", 4.6, 7.6),),
        answers=(UNSURE, UNSURE, UNSURE),
        settings={"max_calls": 2},
        shows=(Why.USED_UP,),
    ),
    Scene(
        "one crosses from the side",
        "one passage, crossing, one call",
        8,
        (Vehicle("京A3K926", ((2.6, 105, 5.0), (6.0, 105, -5.0))),),
    ),
    Scene(
        "one goes away",
        "one passage, going, one call",
        10,
        (Vehicle("京A3K926", ((3.2, 290, 0.0), (4.4, 130, 0.0), (5.4, 110, 0.0), (8.7, 18, 0.2))),),
    ),
    Scene(
        "the pictures become larger while one stands",
        "one passage, coming, one call",
        10.5,
        (stays("京A3K926", 4.6, 8.0),),
        sizes=((0.0, SIZE), (6.2, (800, 450))),
    ),
)


@dataclass
class Played:
    """The decisions of the gate on a scene. golden: in the form of the file; whys: frames by the rules that decided."""

    golden: list[dict[str, Any]]
    whys: Counter[Why]


@dataclass
class _Service:
    """An honest service that answers after a while."""

    scene: Scene
    gate: Gate
    plates: dict[datetime, list[Plate]] = field(default_factory=dict)
    passages: dict[int, dict[str, Any]] = field(default_factory=dict)
    calls: int = 0
    waiting: list[tuple[float, int, list[tuple[bool, Corners | None]] | None]] = field(default_factory=list)

    def take(self, decisions: list[Decision], t: float) -> None:
        """Write down what was decided, and read what was sent."""
        for decision in decisions:
            if isinstance(decision, Opened):
                opened = _seconds(decision.at)
                self.passages[decision.passage] = {"opened": opened, "last_seen": None, "direction": "", "calls": []}
            elif isinstance(decision, Kept):
                self.passages[decision.passage]["kept"] = sentence(decision.reason)
            elif isinstance(decision, Closed):
                passage = self.passages[decision.passage]
                passage["last_seen"], passage["direction"] = _seconds(decision.last_seen), str(decision.direction)
            else:
                self._read(decision, t)

    def answer(self, t: float) -> None:
        """Hand over the answers that have come."""
        for due, passage, answer in self.waiting:
            if due <= t:
                self.gate.answered(passage, answer)
        self.waiting = [one for one in self.waiting if one[0] > t]

    def _read(self, shot: Shot, t: float) -> None:
        makes = self.scene.answers[self.calls] if self.calls < len(self.scene.answers) else READ
        self.calls += 1
        seen = [one for one in self.plates[shot.frame.captured_at] if _lies_in(one.corners, shot.crop)]
        widest = max(seen, key=lambda one: one.corners[1][0] - one.corners[0][0], default=None)
        answer: list[tuple[bool, Corners | None]] | None = []
        if makes == FAILED:
            read, answer = FAILED, None
        elif widest is None or makes == UNREAD:
            read = UNREAD
        else:
            read = f"{widest.text}, {makes}" if makes else widest.text
            answer = [(makes == READ, widest.corners)]
        self.passages[shot.passage]["calls"].append({"at": round(t, 1), "reason": sentence(shot.reason), "read": read})
        self.waiting.append((t + LATENCY, shot.passage, answer))


def _seconds(at: datetime) -> float:
    return round((at - START).total_seconds(), 1)


def _lies_in(plate: Corners, crop: Box) -> bool:
    return all(crop.x <= x <= crop.x + crop.width and crop.y <= y <= crop.y + crop.height for x, y in plate)


def play(scene: Scene, detector: PlateDetector) -> Played:
    """Show a scene to a gate, and return what it decides."""
    watching = Gate(find_plates=detector.look, **scene.settings)
    service, whys = _Service(scene, watching), Counter[Why]()
    for t, frame, plates in _frames(scene):
        service.plates[frame.captured_at] = plates
        service.answer(t)
        service.take(watching.look(frame), t)
        report = watching.report
        assert report is not None
        whys.update({report.why, *(followed.why for followed in report.followed)})
    while decisions := watching.last_calls():
        service.take(decisions, scene.seconds)
        service.answer(math.inf)
    service.answer(math.inf)
    service.take(watching.finish(), scene.seconds)
    return Played(sorted(service.passages.values(), key=lambda passage: float(passage["opened"])), whys)


def _frames(scene: Scene) -> Iterator[tuple[float, Frame, list[Plate]]]:
    for t in scene.times():
        picture, plates = scene.draw(t)
        luma = np.ascontiguousarray(picture[:, :, 0])
        captured = START + timedelta(seconds=t)
        yield t, Frame("gate", captured, luma, partial(cv2.cvtColor, luma, cv2.COLOR_GRAY2BGR)), plates


def kept() -> dict[str, list[dict[str, Any]]]:
    """Return the passages of each scene as they were kept last."""
    goldens: dict[str, list[dict[str, Any]]] = json.loads(GOLDENS.read_text(encoding="utf-8"))
    return goldens


def told(passages: list[dict[str, Any]]) -> list[str]:
    """Return passages as lines for people."""
    lines = []
    for passage in passages:
        lines.append(f"{passage['opened']} to {passage['last_seen']} s, {passage['direction']}")
        lines += [f"    {call['at']} s: {call['read']} ({call['reason']})" for call in passage["calls"]]
        lines += [] if passage["calls"] else ["    no call"]
        lines += [f"    a picture is kept ({passage['kept']})"] if "kept" in passage else []
    return lines or ["nothing"]
