"""Scenes: whole pictures with vehicles, plates and objects that look like plates, and the corners of the plates."""

from typing import NamedTuple

import cv2
import numpy as np

from platedetector import plates, surroundings, vehicles
from platedetector.surroundings import Bank

Picture = np.ndarray
Rng = np.random.Generator
Found = list[tuple[Picture, float]]
"""The corners of a plate, and the share of it that is visible."""

HEIGHT, WIDTH = 448, 608
MOST = 8
"""Most plates that are kept per picture."""


class Scene(NamedTuple):
    picture: Picture
    """(HEIGHT, WIDTH) luma, uint8."""
    corners: Picture
    """(n, 4, 2) float32, clockwise from each plate's top left."""
    clear: Picture
    """(n,) bool: False for a plate that is half hidden, half outside or without contrast. It is neither right nor
    wrong to find it."""


def draw(rng: Rng, bank: Bank) -> Scene:
    picture = surroundings.ground(rng, bank, HEIGHT, WIDTH)
    kind = rng.random()
    night = rng.random() < 0.3
    found: Found = []
    lamps: list[tuple[float, float, float]] = []
    _clutter(rng, picture)
    shine = float(rng.uniform(1.0, 3.5)) if night else float(rng.choice([1.0, 1.0, rng.uniform(0.5, 1.3)]))
    if kind < 0.7:
        for pixels in _sizes(rng):
            _vehicle(rng, bank, picture, pixels, found, lamps, plated=rng.random() < 0.88)
    elif kind < 0.78:  # plates on anything
        for _ in range(int(rng.integers(1, 6))):
            _bare_plate(rng, picture, found)
    elif kind < 0.92:  # full of text
        for _ in range(int(rng.integers(3, 12))):
            surroundings.lettering(rng, picture) if rng.random() < 0.5 else _board(rng, picture)
        if rng.random() < 0.4:
            _vehicle(rng, bank, picture, float(rng.uniform(40, 160)), found, lamps, plated=rng.random() < 0.7)
    else:
        for _ in range(int(rng.integers(0, 3))):
            _vehicle(rng, bank, picture, float(rng.uniform(40, 200)), found, lamps, plated=False)
        for _ in range(int(rng.integers(2, 12))):
            _clutter(rng, picture)
    if rng.random() < 0.3:
        _shadows(rng, bank, picture)
    if bank.hard and rng.random() < 0.2:  # little contrast, often in the dark
        picture = (picture * rng.uniform(0.15, 0.5) + rng.uniform(0, 60)).astype(np.uint8)
    if bank.hard > 2 and rng.random() < 0.3:  # light from one side
        ramp = np.linspace(*rng.uniform(0.15, 1.1, 2), WIDTH, dtype=np.float32)[None]
        picture = np.clip(picture * ramp, 0, 255).astype(np.uint8)
    if night:
        picture = _night(rng, picture, found, shine)
    if lamps and rng.random() < (0.8 if night else 0.12):
        picture = _glare(rng, picture, lamps)
    picture = _weather(rng, bank, picture)
    if rng.random() < 0.45:
        surroundings.overlay(rng, picture)
    if bank.hard > 1 and rng.random() < 0.35:
        surroundings.dates(rng, picture)
    quads = np.array([quad for quad, _ in found], np.float32).reshape(-1, 4, 2)[-MOST:]
    clear = np.array([seen > 0.85 and _readable(picture, quad, hard=bank.hard) for quad, seen in found][-MOST:], bool)
    return Scene(picture, quads, clear)


def _readable(picture: Picture, quad: Picture, *, hard: bool) -> bool:
    """True if nearly the whole plate is in the picture and its letters stand out."""
    (x0, y0), (x1, y1) = quad.min(0), quad.max(0)
    inside = picture[max(0, int(y0)) : max(0, int(y1) + 1), max(0, int(x0)) : max(0, int(x1) + 1)]
    return inside.size > 0.9 * (x1 - x0) * (y1 - y0) and float(inside.std()) > (4.0 if hard else 8.0)


def _sizes(rng: Rng) -> list[float]:
    """Return widths of plates in pixels, small ones first, as near objects are drawn over far ones."""
    how = rng.random()
    if how < 0.45:
        return [float(np.exp(rng.uniform(np.log(55), np.log(250))))]
    if how < 0.75:
        return sorted(float(np.exp(rng.uniform(np.log(26), np.log(110)))) for _ in range(int(rng.integers(2, 5))))
    return sorted(float(np.exp(rng.uniform(np.log(22), np.log(60)))) for _ in range(int(rng.integers(2, 8))))


def _homography(rng: Rng, quad: Picture, width: float, centre: tuple[float, float], *, hard: bool = False) -> Picture:
    """Return the matrix that turns the plane of a sheet in space; the quad keeps its width and lies at the centre."""
    yaw = float(np.clip(rng.normal(0, 14), -38, 38)) if rng.random() < 0.6 else float(rng.uniform(-38, 38))
    pitch = float(np.clip(rng.normal(8, 9), -20, 32))
    roll = float(rng.normal(0, 3) if rng.random() < 0.8 else rng.uniform(-20, 20))
    a, b, c = np.radians((yaw, pitch, roll))
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turn = about_z @ about_x @ about_y
    middle = quad.mean(0)
    far = width * rng.uniform(9, 40)  # distance in pixels of the sheet; the plate's width is the unit
    plane = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1]], np.float64)
    lift = np.stack([turn[:, 0], turn[:, 1], np.array([0, 0, far])], axis=1)
    lens = np.array([[far, 0, centre[0]], [0, far, centre[1]], [0, 0, 1]])
    matrix = lens @ lift @ plane
    if hard and rng.random() < 0.4:  # seen from near and above, a plate slants and stays upright
        slant = rng.uniform(-0.65, 0.65)
        matrix = np.array([[1, 0, 0], [slant, 1, -slant * centre[0]], [0, 0, 1]]) @ matrix
    return matrix


def _warp_onto(picture: Picture, sheet: Picture, alpha: Picture, matrix: Picture) -> None:
    size = (picture.shape[1], picture.shape[0])
    corners = np.array(
        [[(0, 0), (sheet.shape[1], 0), (sheet.shape[1], sheet.shape[0]), (0, sheet.shape[0])]], np.float32
    )
    box = cv2.perspectiveTransform(corners, matrix)[0]
    x0, y0 = np.maximum(0, np.floor(box.min(0))).astype(int)
    x1, y1 = np.minimum(size, np.ceil(box.max(0)) + 1).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    move = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]], np.float64) @ matrix
    shape = (int(x1 - x0), int(y1 - y0))
    warped = cv2.warpPerspective(sheet, move, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpPerspective(alpha, move, shape, flags=cv2.INTER_LINEAR).astype(np.float32) * (1 / 255)
    part = picture[y0:y1, x0:x1]
    part[:] = part + (warped.astype(np.float32) - part) * share


def _vehicle(
    rng: Rng, bank: Bank, picture: Picture, pixels: float, found: Found, lamps: list[tuple[float, float, float]],
    *, plated: bool,
) -> None:  # fmt: skip
    before = picture.copy()
    vehicle = vehicles.draw(rng, bank, pixels, plated=plated)
    h, w = vehicle.picture.shape
    quad = vehicle.plate
    anchor = (
        quad
        if quad is not None
        else np.array([[w * 0.4, h * 0.7], [w * 0.6, h * 0.7], [w * 0.6, h * 0.75], [w * 0.4, h * 0.75]], np.float32)
    )
    margin = pixels * 0.45
    centre = (float(rng.uniform(margin, WIDTH - margin)), float(rng.uniform(0.15 * HEIGHT, 0.97 * HEIGHT)))
    matrix = _homography(rng, anchor, pixels, centre, hard=bank.hard)
    if rng.random() < 0.7:
        _side(rng, picture, matrix, h, w)
    if rng.random() < 0.7:
        _ground_shadow(rng, picture, matrix, h, w)
    _warp_onto(picture, vehicle.picture, vehicle.alpha, matrix)
    for n, (other, seen) in enumerate(found):
        found[n] = (other, seen * (1 - _covered(before, picture, other)))
    found[:] = [(other, seen) for other, seen in found if seen > 0.1]
    if quad is not None:
        found.append((cv2.perspectiveTransform(quad[None], matrix)[0], 1.0))
    for x, y in cv2.perspectiveTransform(vehicle.lamps[None], matrix)[0] if len(vehicle.lamps) else ():
        lamps.append((float(x), float(y), pixels))


def _covered(before: Picture, after: Picture, quad: Picture) -> float:
    """Return the share of the pixels of a plate that were painted over."""
    mask = np.zeros(before.shape, np.uint8)
    surroundings.polygon(mask, quad, 255)
    x, y, w, h = cv2.boundingRect(mask)
    here = mask[y : y + h, x : x + w] > 0
    return float((before[y : y + h, x : x + w] != after[y : y + h, x : x + w])[here].mean()) if here.any() else 1.0


def _side(rng: Rng, picture: Picture, matrix: Picture, h: int, w: int) -> None:
    """Draw the side of a vehicle behind its front, as a darker surface with windows and a wheel."""
    way = rng.choice([-1, 1])
    long = w * rng.uniform(0.3, 1.6)
    near = w * (0.05 if way < 0 else 0.95)
    far = near + way * long
    luma = float(rng.uniform(10, 200))
    lift = h * rng.uniform(0.0, 0.25)

    def at(points: list[tuple[float, float]]) -> Picture:
        return cv2.perspectiveTransform(np.array([points], np.float32), matrix)[0]

    surroundings.polygon(
        picture, at([(near, h * 0.1), (far, h * 0.1 - lift * 0.3), (far, h * 0.8 - lift), (near, h * 0.85)]), luma
    )
    glass = at([(near, h * 0.15), (far, h * 0.13 - lift * 0.3), (far, h * 0.38 - lift * 0.6), (near, h * 0.45)])
    surroundings.polygon(picture, glass, float(rng.uniform(10, 110)))
    wheel = at([(near + way * long * 0.4, h * 0.75 - lift * 0.4)])[0]
    radius = h * 0.16
    cv2.ellipse(
        picture,
        (int(wheel[0]), int(wheel[1])),
        (max(2, int(radius * 0.6)), max(2, int(radius))),
        0,
        0,
        360,
        20,
        -1,
        cv2.LINE_AA,
    )


def _ground_shadow(rng: Rng, picture: Picture, matrix: Picture, h: int, w: int) -> None:
    points = [
        (-0.05 * w, h * 0.88),
        (w * 1.05, h * 0.88),
        (w * rng.uniform(0.9, 1.4), h * rng.uniform(0.98, 1.1)),
        (-0.2 * w, h),
    ]
    mask = np.zeros(picture.shape, np.uint8)
    quad = cv2.perspectiveTransform(np.array([points], np.float32), matrix)[0]
    surroundings.polygon(mask, np.clip(quad, -4000, 4000), 255)
    x, y, bw, bh = cv2.boundingRect(mask)
    if bw and bh:
        part, share = (
            picture[y : y + bh, x : x + bw],
            mask[y : y + bh, x : x + bw].astype(np.float32) * (rng.uniform(0.3, 0.8) / 255),
        )
        part[:] = part * (1 - share)


def _bare_plate(rng: Rng, picture: Picture, found: Found) -> None:
    pixels = float(np.exp(rng.uniform(np.log(24), np.log(220))))
    plate = plates.draw(rng, pixels)
    sheet = cv2.resize(
        plate.picture,
        (max(4, round(pixels)), max(2, round(pixels * plate.picture.shape[0] / plate.picture.shape[1]))),
        interpolation=cv2.INTER_AREA,
    )
    edge = round(pixels * rng.uniform(0.0, 0.12))
    sheet = cv2.copyMakeBorder(sheet, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=float(rng.uniform(0, 255)))
    h, w = sheet.shape
    quad = np.array([(edge, edge), (w - edge, edge), (w - edge, h - edge), (edge, h - edge)], np.float32) - 0.5
    matrix = _homography(
        rng, quad, pixels, (float(rng.uniform(pixels / 2, WIDTH - pixels / 2)), float(rng.uniform(30, HEIGHT - 30)))
    )
    outline = cv2.perspectiveTransform(np.array([[(0, 0), (w, 0), (w, h), (0, h)]], np.float32), matrix)[0]
    if any(_near(outline, q) for q, _ in found):
        return
    alpha = np.full(sheet.shape, 255, np.uint8)
    _warp_onto(picture, sheet, alpha, matrix)
    found.append((cv2.perspectiveTransform(quad[None], matrix)[0], 1.0))


def _near(a: Picture, b: Picture) -> bool:
    return bool(np.all(a.min(0) < b.max(0) + 4) and np.all(b.min(0) < a.max(0) + 4))


def _clutter(rng: Rng, picture: Picture) -> None:
    """Draw signs, lettering, fences: anything that is no plate."""
    for _ in range(int(rng.integers(0, 4))):
        kind = rng.random()
        if kind < 0.45:
            _board(rng, picture)
        elif kind < 0.7:
            surroundings.lettering(rng, picture)
        elif kind < 0.85:
            x, y = (int(v) for v in rng.uniform(-0.1, 0.9, 2) * (WIDTH, HEIGHT))
            surroundings.bars(rng, picture, (x, y, int(rng.uniform(20, 250)), int(rng.uniform(10, 200))))
        else:
            points = rng.uniform(-0.2, 1.2, (int(rng.integers(3, 6)), 2)) * (WIDTH, HEIGHT)
            surroundings.polygon(
                picture, points.mean(0) + (points - points.mean(0)) * rng.uniform(0.1, 0.6), float(rng.uniform(0, 255))
            )


def _board(rng: Rng, picture: Picture) -> None:
    board = surroundings.sign(rng, float(np.exp(rng.uniform(np.log(20), np.log(260)))))
    h, w = board.shape
    quad = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    matrix = _homography(rng, quad, w, (float(rng.uniform(0, WIDTH)), float(rng.uniform(0, HEIGHT))))
    _warp_onto(picture, board, np.full(board.shape, 255, np.uint8), matrix)


def _shadows(rng: Rng, bank: Bank, picture: Picture) -> None:
    mask = np.zeros(picture.shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        surroundings.polygon(mask, rng.uniform(-0.3, 1.3, (4, 2)) * (WIDTH, HEIGHT), 255)
    if rng.random() < 0.3:  # leaves
        mask[bank.texture(rng, HEIGHT, WIDTH, float(rng.uniform(1, 5))) > rng.uniform(-0.3, 1)] = 255
    share = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.6, 5))).astype(np.float32) * (
        rng.uniform(0.25, 0.65) / 255
    )
    picture[:] = picture * (1 - share)


def _night(rng: Rng, picture: Picture, found: Found, shine: float) -> Picture:
    """Return a scene in little light. Under infrared lamps or headlights a plate reflects more than the rest."""
    gain = np.full(picture.shape, float(rng.uniform(0.12, 0.6)), np.float32)
    if rng.random() < 0.6:  # a cone of light
        spot = np.zeros((28, 38), np.float32)
        cv2.circle(spot, (int(rng.integers(0, 38)), int(rng.integers(8, 28))), int(rng.integers(5, 16)), 1.0, -1)
        gain += cv2.resize(cv2.GaussianBlur(spot, (0, 0), 4), (WIDTH, HEIGHT)) * rng.uniform(0.2, 0.8)
    if shine > 1.2 and found:
        mask = np.zeros(picture.shape, np.uint8)
        for quad, _ in found:
            surroundings.polygon(mask, quad, 255)
        gain *= 1 + mask.astype(np.float32) * ((shine - 1) / 255)
    return np.clip(picture * gain, 0, 255).astype(np.uint8)


def _glare(rng: Rng, picture: Picture, lamps: list[tuple[float, float, float]]) -> Picture:
    """Return a picture with headlights: halo, streaks and ghosts; the camera closes its iris because of them."""
    quarter = np.zeros((HEIGHT // 4, WIDTH // 4), np.float32)
    strength = float(rng.uniform(0.5, 2.5))
    for x, y, pixels in lamps:
        if rng.random() < 0.8:
            cv2.circle(
                quarter, (int(x / 4), int(y / 4)), max(1, int(pixels * rng.uniform(0.04, 0.16))), 255 * strength, -1
            )
    light = sum(
        cv2.GaussianBlur(quarter, (0, 0), s) * f
        for s, f in ((1.0, 0.8), (5.0, rng.uniform(0.2, 0.9)), (16.0, rng.uniform(0.1, 0.8)))
    )
    if rng.random() < 0.4:
        streak = (
            cv2.GaussianBlur(quarter, (0, 0), sigmaX=14, sigmaY=0.7)
            if rng.random() < 0.6
            else cv2.GaussianBlur(quarter, (0, 0), sigmaX=0.7, sigmaY=14)
        )
        light = light + streak * rng.uniform(0.3, 1.2)
    if rng.random() < 0.3:
        light = light + light[::-1, ::-1] * rng.uniform(0.05, 0.2)
    glow = cv2.resize(np.asarray(light, np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture * rng.uniform(0.5, 1.0) + glow, 0, 255).astype(np.uint8)


def _weather(rng: Rng, bank: Bank, picture: Picture) -> Picture:
    kind = rng.random()
    if kind < 0.12:  # haze: everything is drawn towards one grey
        share, luma = rng.uniform(0.15, 0.65), rng.uniform(110, 235)
        return (picture * (1 - share) + luma * share).astype(np.uint8)
    if kind < 0.2:  # rain or snow
        layer = np.zeros(picture.shape, np.uint8)
        lean, long = rng.uniform(-0.4, 0.4), rng.uniform(3, 40)
        for x, y in rng.uniform(0, 1, (int(rng.integers(50, 400)), 2)) * (WIDTH, HEIGHT):
            cv2.line(
                layer,
                (int(x), int(y)),
                (int(x + lean * long), int(y + long)),
                float(rng.uniform(60, 200)),
                1,
                cv2.LINE_AA,
            )
        return cv2.add(picture, (layer * rng.uniform(0.2, 0.7)).astype(np.uint8))
    if kind < 0.27:  # sun or a lamp from one side
        ramp = np.linspace(rng.uniform(0, 120), 0, WIDTH, dtype=np.float32)[None]
        ramp = ramp[:, ::-1] if rng.random() < 0.5 else ramp
        return np.clip(picture * rng.uniform(0.7, 1) + ramp, 0, 255).astype(np.uint8)
    return picture
