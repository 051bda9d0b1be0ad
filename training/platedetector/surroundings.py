"""The surroundings of plates: textures, walls, roads, buildings, and text of every kind that is no plate."""

from pathlib import Path

import cv2
import numpy as np

from platedetector import letters

Picture = np.ndarray
Rng = np.random.Generator

_TEXT = (
    "OPEN CLOSED EXIT ENTRANCE PARKING STOP SLOW TAXI POLICE FOTON DONGFENG TOYOTA JINBEI SCANIA VOLVO KIA AUDI "
    "FORD HOTEL CAFE BAKERY PHARMACY SALE WELCOME NO ENTRY KEEP CLEAR LOADING ZONE CAUTION DANGER WARNING FIRE "
    "SERVICE TRANSPORT LOGISTICS EXPRESS CARGO SHIPPING GARAGE SUPERMARKET BANK SCHOOL BUS AMBULANCE DIESEL TURBO "
    "4WD QUATTRO HYBRID CAMRY TEANA PASSAT COROLLA ACCORD GATE CAMERA CAM CHANNEL FRONT REAR NORTH SOUTH EAST WEST "
)
_HAN = (
    "停车场出入口注意安全减速慢行禁止通行欢迎光临超市银行酒店饭店药房货运物流快递公司电话限速米吨核定载质量保持车距西门北门"
    "东南地下摄像机通道星期一二三四五六日高清监控系统出租汽车客运旅游校巴公交线路维修配件轮胎"
)
_WORDS = _TEXT.split()


class Bank:
    """Noise of several grain sizes, and real pictures without plates if there are any; made once per process.

    hard: 1 where the scenes shall hold more plates as bright as what is around them, dim ones and slanted ones; 2 where
    moreover they shall hold more lamps, makers' names, taxi signs and dates; 3 where moreover some plates shall show no
    more than their letters, some vehicles square codes, and light shall come from one side.
    """

    def __init__(self, seed: int, folder: Path | None, *, hard: int = 0) -> None:
        self.hard = hard
        rng = np.random.default_rng([seed, 99])
        self.noise = [_octaves(rng, 512) for _ in range(16)]
        self.pictures: list[Picture] = []
        if folder is not None:
            for path in sorted(folder.glob("*.png")):
                picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
                assert picture is not None, path
                self.pictures.append(picture)

    def texture(self, rng: Rng, height: int, width: int, scale: float = 1.0) -> Picture:
        """Return (height, width) float32 with mean about 0 and deviation about 1."""
        noise = self.noise[rng.integers(len(self.noise))]
        side = int(np.clip(512 / scale, 16, 512))
        y, x = (int(rng.integers(0, 513 - side)) for _ in range(2))
        return cv2.resize(noise[y : y + side, x : x + side], (width, height), interpolation=cv2.INTER_LINEAR)


def _octaves(rng: Rng, side: int) -> Picture:
    field = np.zeros((side, side), np.float32)
    fall = rng.uniform(0.35, 0.9)
    for octave in range(2, 10):
        n = 2**octave
        layer = rng.standard_normal((min(n, side), min(n, side))).astype(np.float32)
        field += fall**octave * 2 * cv2.resize(layer, (side, side), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / field.std()


def polygon(picture: Picture, points: Picture | list[tuple[float, float]], luma: float) -> None:
    cv2.fillPoly(picture, [np.round(np.asarray(points) * 16).astype(np.int32)], float(luma), cv2.LINE_AA, 4)


def words(rng: Rng, *, digits: bool = True) -> str:
    """Return a text that is no plate number: words, times, telephone numbers, prices, Chinese phrases."""
    kind = rng.integers(0, 9 if digits else 4)
    d = [int(v) for v in rng.integers(0, 10, 16)]
    if kind <= 1:
        return " ".join(_WORDS[i] for i in rng.integers(0, len(_WORDS), int(rng.integers(1, 4))))
    if kind <= 3:
        n = int(rng.integers(2, 11))
        return "".join(_HAN[i] for i in rng.integers(0, len(_HAN), n))
    if kind == 4:
        return (
            f"20{d[0] % 3}{d[1]}-{d[2] % 2}{d[3]}-{d[4] % 3}{d[5]} {d[6] % 3}{d[7]}:{d[8] % 6}{d[9]}:{d[10] % 6}{d[11]}"
        )
    if kind == 5:
        return f"{d[6] % 3}{d[7]}:{d[8] % 6}{d[9]}" + (f":{d[10] % 6}{d[11]}" if d[0] > 4 else "")
    if kind == 6:
        return "".join(str(v) for v in d[: int(rng.integers(1, 12))])
    if kind == 7:
        return f"{_WORDS[d[0] * 5 % len(_WORDS)]} {d[1]}{d[2]}" if d[3] > 3 else f"CAM {d[1]}{d[2]}"
    return f"Tel {''.join(str(v) for v in d[:3])}-{''.join(str(v) for v in d[3:7])} {''.join(str(v) for v in d[7:11])}"


def lettering(rng: Rng, picture: Picture, size: float | None = None, *, at: tuple[float, float] | None = None) -> None:
    """Draw text onto the picture, in one to four lines."""
    h, w = picture.shape
    size = size or float(np.exp(rng.uniform(np.log(7), np.log(60))))
    x, y = at or (rng.uniform(-0.1, 0.8) * w, rng.uniform(0, 0.95) * h)
    luma, lines = float(rng.choice([rng.uniform(0, 60), rng.uniform(180, 255), rng.uniform(0, 255)])), 1
    if rng.random() < 0.3:
        lines = int(rng.integers(2, 5))
    for _ in range(lines):
        text = words(rng)
        fonts = letters.TEXT_FONTS if text.isascii() else letters.HAN_FONTS
        mask = letters.line(fonts[rng.integers(len(fonts))], text, round(size))
        letters.ink(picture, mask, x, y, luma)
        y += size * 1.25


def overlay(rng: Rng, picture: Picture) -> None:
    """Draw the clock of the camera, its name or a watermark at the edges, often with an outline."""
    h, w = picture.shape
    for _ in range(int(rng.integers(1, 4))):
        size = round(float(np.exp(rng.uniform(np.log(9), np.log(40)))))
        text = words(rng)
        if rng.random() < 0.4:
            month, day, hour, minute, second = (rng.integers(1, most) for most in (13, 29, 24, 60, 60))
            text = f"2026-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        fonts = letters.TEXT_FONTS if text.isascii() else letters.HAN_FONTS
        name = fonts[rng.integers(len(fonts))]
        mask = letters.line(name, text, size)
        x = float(rng.choice([4, 12, w - mask.shape[1] - 6, rng.uniform(0, w * 0.7)]))
        y = float(rng.choice([4, 12, h - size - 6, h - size * 2 - 6, rng.uniform(0, h)]))
        light = rng.random() < 0.75
        if rng.random() < 0.5:
            letters.ink(picture, letters.line(name, text, size, 1 + size // 20), x - 1, y - 1, 0.0 if light else 255.0)
        elif rng.random() < 0.2:
            x0, y0 = round(x) - 3, round(y) - 3
            ends = (x0 + mask.shape[1] + 6, y0 + mask.shape[0] + 6)
            cv2.rectangle(picture, (x0, y0), ends, 15.0 if light else 235.0, -1)
        letters.ink(picture, mask, x, y, 250.0 if light else 5.0)


def dates(rng: Rng, picture: Picture) -> None:
    """Draw a date, a time or both, in the formats of many recorders, anywhere in the picture."""
    h, w = picture.shape
    for _ in range(int(rng.integers(1, 4))):
        year, month, day, hour, minute, second = (
            rng.integers(*r) for r in ((1999, 2030), (1, 13), (1, 29), (0, 24), (0, 60), (0, 60))
        )
        mark = str(rng.choice(["/", "-", ".", ""]))
        date = mark.join(
            rng.permutation([f"{year}" if rng.random() < 0.7 else f"{year % 100:02}", f"{month:02}", f"{day:02}"])
        )
        time = f"{hour:02}:{minute:02}" + (f":{second:02}" if rng.random() < 0.6 else "")
        text = str(rng.choice([date, time, f"{date} {time}", f"{time} {date}", f"{rng.integers(0, 10**8):08}"]))
        size = round(float(np.exp(rng.uniform(np.log(9), np.log(36)))))
        name = letters.TEXT_FONTS[rng.integers(len(letters.TEXT_FONTS))]
        mask = letters.line(name, text, size)
        x, y = rng.uniform(-0.1, 0.9) * w, rng.uniform(0, 0.95) * h
        if rng.random() < 0.4:
            letters.ink(
                picture, letters.line(name, text, size, 1 + size // 20), x - 1, y - 1, float(rng.uniform(0, 60))
            )
        letters.ink(picture, mask, x, y, float(rng.uniform(150, 255) if rng.random() < 0.8 else rng.uniform(0, 90)))


def sign(rng: Rng, width: float) -> Picture:
    """Return a board with text, pictograms or stripes, about `width` pixels wide. It looks most like a plate."""
    wide = max(16, round(width))
    high = max(8, round(wide / rng.uniform(0.6, 6)))
    ground = float(rng.choice([rng.uniform(5, 70), rng.uniform(150, 250), rng.uniform(0, 255)]))
    luma = ground + float(rng.uniform(60, 200)) * (1 if ground < 110 else -1)
    picture = np.full((high, wide), ground, np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(picture, (1, 1), (wide - 2, high - 2), luma, max(1, high // 30), cv2.LINE_AA)
    kind = rng.integers(0, 8)
    if kind <= 4:  # lines of text; a few characters seldom fill the board as those of a plate do
        lines = int(rng.integers(1, 5)) if high > wide / 4 else int(rng.integers(1, 3))
        pitch = high * 0.86 / lines
        for n in range(lines):
            text = words(rng)
            if lines == 1 and high < wide / 2 and text.isdigit() and 4 < len(text) < 9:
                text = words(rng, digits=False)  # such a board could be a plate
            size = pitch * rng.uniform(0.5, 0.8)
            fonts = letters.TEXT_FONTS if text.isascii() else letters.HAN_FONTS
            mask = letters.line(fonts[rng.integers(len(fonts))], text, max(5, round(size)))
            if mask.shape[1] > wide * 0.92:
                mask = cv2.resize(mask, (round(wide * 0.92), mask.shape[0]), interpolation=cv2.INTER_AREA)
            letters.ink(picture, mask, (wide - mask.shape[1]) * rng.uniform(0.3, 0.7), high * 0.08 + n * pitch, luma)
    elif kind == 5:  # a number grid: a calendar, a table, a keypad
        rows, columns = int(rng.integers(2, 7)), int(rng.integers(2, 8))
        font = letters.TEXT_FONTS[rng.integers(len(letters.TEXT_FONTS))]
        for r in range(rows):
            for c in range(columns):
                mask = letters.line(font, str(rng.integers(0, 100)), max(5, round(high / rows * 0.6)))
                letters.ink(picture, mask, (c + 0.2) * wide / columns, (r + 0.15) * high / rows, luma)
                if rng.random() < 0.02:
                    luma = float(rng.uniform(0, 255))
    elif kind == 6:  # arrows, discs and blocks
        for _ in range(int(rng.integers(1, 6))):
            points = rng.uniform(0.05, 0.95, (int(rng.integers(3, 7)), 2)) * (wide, high)
            polygon(picture, points, float(rng.uniform(0, 255)))
        cv2.circle(picture, (wide // 2, high // 2), max(2, high // 3), float(rng.uniform(0, 255)), max(1, high // 12))
    else:  # chevrons and stripes
        pitch = rng.uniform(0.1, 0.4) * wide
        for x in np.arange(-wide, wide * 2, pitch):
            lean = high * rng.choice([-1, 0, 1]) if x == -wide else 0
            polygon(picture, [(x, 0), (x + pitch / 2, 0), (x + pitch / 2 + lean, high), (x + lean, high)], luma)
    return picture


def bars(rng: Rng, picture: Picture, box: tuple[int, int, int, int]) -> None:
    """Draw a fence, blinds, a grille, a grid of windows or bricks within (x, y, w, h)."""
    x0, y0, w, h = box
    part = picture[max(0, y0) : y0 + h, max(0, x0) : x0 + w]
    if part.shape[0] < 4 or part.shape[1] < 4:
        return
    h, w = part.shape
    luma = float(rng.uniform(0, 255))
    pitch_x, pitch_y = (float(np.exp(rng.uniform(np.log(4), np.log(70)))) for _ in range(2))
    thick_x, thick_y = pitch_x * rng.uniform(0.1, 0.7), pitch_y * rng.uniform(0.1, 0.7)
    kind = rng.integers(0, 5)
    if kind in (0, 2, 3):
        for x in np.arange(rng.uniform(0, pitch_x), w, pitch_x):
            cv2.rectangle(part, (round(x), 0), (round(x + thick_x) - 1, h), luma, -1)
    if kind in (1, 2):
        for y in np.arange(rng.uniform(0, pitch_y), h, pitch_y):
            cv2.rectangle(part, (0, round(y)), (w, round(y + thick_y) - 1), luma, -1)
    if kind == 4:  # windows or bricks
        for n, y in enumerate(np.arange(0, h, pitch_y)):
            for x in np.arange(-(n % 2) * pitch_x / 2, w, pitch_x):
                value = luma + float(rng.normal(0, 12))
                ends = (round(x + pitch_x - thick_x / 2) - 1, round(y + pitch_y - thick_y / 2) - 1)
                cv2.rectangle(part, (round(x), round(y)), ends, float(np.clip(value, 0, 255)), -1)


def ground(rng: Rng, bank: Bank, height: int, width: int) -> Picture:
    """Return an empty scene: a road, a wall, a yard or a part of a real picture."""
    if bank.pictures and rng.random() < 0.35:
        return real(rng, bank, height, width)
    picture = np.empty((height, width), np.uint8)
    kind = rng.random()
    base = float(rng.uniform(30, 220))
    if kind < 0.6:
        horizon = int(rng.uniform(-0.2, 0.45) * height)
        picture[:] = base
        if horizon > 0:
            picture[:horizon] = rng.uniform(60, 250)
            x = 0.0
            while x < width:  # buildings and trees in front of the sky
                wide = rng.uniform(0.05, 0.4) * width
                top = int(horizon * rng.uniform(0, 0.9))
                if rng.random() < 0.8:
                    cv2.rectangle(picture, (int(x), top), (int(x + wide), horizon), float(rng.uniform(20, 230)), -1)
                    if rng.random() < 0.6:
                        bars(rng, picture, (int(x), top, int(wide), horizon - top))
                x += wide
        _road(rng, picture, max(horizon, -height // 3), width)
    else:
        picture[:] = base
        for _ in range(int(rng.integers(0, 4))):
            x, y = rng.uniform(-0.2, 0.8, 2) * (width, height)
            w, h = rng.uniform(0.1, 1, 2) * (width, height)
            cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), float(rng.uniform(10, 240)), -1)
            if rng.random() < 0.6:
                bars(rng, picture, (int(x), int(y), int(w), int(h)))
    for _ in range(int(rng.integers(0, 6)) if bank.pictures else 0):
        patch(rng, bank, picture)
    grain = bank.texture(rng, height, width, float(rng.uniform(1, 8))) * rng.uniform(2, 22)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def real(rng: Rng, bank: Bank, height: int, width: int) -> Picture:
    picture = bank.pictures[rng.integers(len(bank.pictures))]
    h, w = picture.shape
    side = min(h * width / height, w) * rng.uniform(0.3, 1)
    cw, ch = max(16, int(side)), max(12, int(side * height / width))
    x, y = int(rng.integers(0, max(1, w - cw + 1))), int(rng.integers(0, max(1, h - ch + 1)))
    part = cv2.resize(picture[y : y + ch, x : x + cw], (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        part = np.ascontiguousarray(part[:, ::-1])
    gain, offset = rng.uniform(0.5, 1.2), rng.uniform(-30, 40)
    return np.clip(part * gain + offset, 0, 255).astype(np.uint8)


def patch(rng: Rng, bank: Bank, picture: Picture) -> None:
    """Paste a rectangle of a real picture into the scene: a wall, a tree, a board, people."""
    height, width = picture.shape
    w, h = (int(v) for v in np.exp(rng.uniform(np.log(30), np.log(320), 2)))
    x, y = int(rng.uniform(-0.2, 1) * width), int(rng.uniform(-0.2, 0.9) * height)
    room = picture[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
    if min(room.shape) > 4:
        room[:] = real(rng, bank, h, w)[: room.shape[0], : room.shape[1]]


def _road(rng: Rng, picture: Picture, horizon: int, width: int) -> None:
    height = picture.shape[0]
    vanish = (rng.uniform(-0.3, 1.3) * width, horizon)
    for _ in range(int(rng.integers(0, 6))):  # lane markings towards the vanishing point
        foot, thick = rng.uniform(-0.5, 1.5) * width, rng.uniform(4, 30)
        a, b = sorted(rng.uniform(0, 1, 2)) if rng.random() < 0.5 else (0.0, 1.0)

        def at(x: float, share: float) -> tuple[float, float]:
            return vanish[0] + (x - vanish[0]) * share, vanish[1] + (height - vanish[1]) * share

        points = [at(foot, a), at(foot + thick, a), at(foot + thick, b), at(foot, b)]
        polygon(picture, points, float(rng.uniform(140, 250)))
    if rng.random() < 0.15:  # a zebra crossing
        top = rng.uniform(0.4, 0.8) * height
        pitch, lean = rng.uniform(12, 80), rng.uniform(-0.5, 0.5)
        deep = pitch * rng.uniform(0.8, 3)
        luma = float(rng.uniform(170, 245))
        for x in np.arange(-width, 2 * width, pitch):
            polygon(
                picture,
                [
                    (x, top),
                    (x + pitch / 2, top),
                    (x + pitch / 2 + lean * deep, top + deep),
                    (x + lean * deep, top + deep),
                ],
                luma,
            )
