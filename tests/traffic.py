"""Draws the traffic of a site for a year, hour by hour, with holidays, weather and outages, and with faults if asked.

Local time is UTC, so that a drawn day is a day of 24 hours. The same seed draws the same year.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from streamwatch.core.codes import FindingCode
from streamwatch.health.baselines import (
    CameraHistory,
    CameraWatch,
    DaySizes,
    HourCount,
    Profile,
    camera_findings,
    profile_of,
    silence,
)
from streamwatch.health.snapshot import CameraFinding

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
HOLIDAYS = {
    *(date(2026, 1, day) for day in (1, 2, 3)),
    *(date(2026, 2, day) for day in range(15, 24)),
    *(date(2026, 4, day) for day in (4, 5, 6)),
    *(date(2026, 5, day) for day in range(1, 6)),
    *(date(2026, 6, day) for day in (19, 20, 21)),
    *(date(2026, 9, day) for day in (25, 26, 27)),
    *(date(2026, 10, day) for day in range(1, 8)),
}
WORKED = {
    date(2026, 1, 4),
    date(2026, 2, 14),
    date(2026, 2, 28),
    date(2026, 5, 9),
    date(2026, 9, 20),
    date(2026, 10, 10),
}
"""Weekends on which China works for its holidays: they have the traffic of a working day."""
Kind = Literal["office", "homes", "mall"]
BUSY: dict[Kind, tuple[str, str]] = {
    "office": ("000001359997787788963211", "000000112222222222211000"),
    "homes": ("211001369963333444567653", "211000123455555555555543"),
    "mall": ("100000123457889888999731", "100000123469999999999831"),
}
"""Traffic by hour of working days and of weekends, 9 for the busiest hour."""
QUIET: dict[Kind, tuple[float, float]] = {"office": (0.04, 0.15), "homes": (0.5, 0.9), "mall": (1.1, 1.6)}
"""Traffic on holidays as part of that of a weekend or (office) of a working day."""


@dataclass(frozen=True)
class Fault:
    """kind: silence, rate, rate at night, smaller, larger, smaller at night, or moved; from `begin` to `end`."""

    kind: str
    camera: str
    begin: datetime
    end: datetime
    by: float = 0.0


@dataclass
class DrawnCamera:
    """hours: all of the year. out: the hours in which it could not be watched, as the program knows."""

    name: str
    hours: list[HourCount] = field(default_factory=list)
    sizes: list[DaySizes] = field(default_factory=list)
    out: set[datetime] = field(default_factory=set)


def drawn_site(seed: int, faults: tuple[Fault, ...] = (), cameras: int = 2, days: int = 365) -> list[DrawnCamera]:
    """Return the cameras `camera 1`, `camera 2` … of one site."""
    draw = random.Random(seed)
    kind: Kind = draw.choice(("office", "homes", "mall"))
    site = [_day_factor(draw, kind, START.date() + n * DAY) for n in range(days)]
    weather = _weather(draw, days)
    stopped = _outages(draw, days, 5, 48)
    found = [DrawnCamera(f"camera {n + 1}") for n in range(cameras)]
    for camera in found:
        mine = tuple(fault for fault in faults if fault.camera == camera.name)
        camera.out = stopped | _outages(draw, days, 6, 72)
        _draw(draw, camera, kind, site, weather, mine)
    return found


FAULTS = {
    "silence": {FindingCode.NO_VEHICLE},
    "rate": {FindingCode.READ_RATE_FELL, FindingCode.READ_RATE_FELL_AT_NIGHT},
    "rate at night": {FindingCode.READ_RATE_FELL, FindingCode.READ_RATE_FELL_AT_NIGHT},
    "smaller": {FindingCode.PLATES_SHRUNK, FindingCode.PLATES_SHRUNK_AT_NIGHT},
    "larger": {FindingCode.PLATES_GROWN, FindingCode.PLATES_GROWN_AT_NIGHT},
    "moved": {FindingCode.PLATES_MOVED},
    "smaller at night": {FindingCode.PLATES_SHRUNK, FindingCode.PLATES_SHRUNK_AT_NIGHT},
}
"""The kinds of faults, and the codes by which each is found."""
_BY = {
    "silence": (0.0, 0.0),
    "rate": (0.12, 0.35),
    "rate at night": (0.2, 0.4),
    "smaller": (0.2, 0.45),
    "larger": (0.25, 0.6),
    "moved": (1.5, 4.0),
    "smaller at night": (0.25, 0.5),
}


def drawn_faults(seed: int, cameras: int = 2) -> tuple[Fault, ...]:
    """Return one fault of each kind, spread over the year."""
    draw = random.Random(f"faults {seed}")
    kinds = list(FAULTS)
    draw.shuffle(kinds)
    faults = []
    for n, kind in enumerate(kinds):
        begin = START + (45 + 44 * n + draw.randint(0, 6)) * DAY + draw.randrange(24) * HOUR
        days = {"silence": draw.randint(3, 6), "rate": 14, "rate at night": 14}.get(kind, 400)
        camera = f"camera {draw.randint(1, cameras)}"
        faults.append(Fault(kind, camera, begin, begin + days * DAY, draw.uniform(*_BY[kind])))
    return tuple(faults)


def judged(
    found: Iterator[tuple[datetime, CameraFinding]], faults: tuple[Fault, ...]
) -> tuple[dict[Fault, timedelta], list[CameraFinding]]:
    """Return the time until each fault was found, and the findings that none explains.

    A fault explains what is found until three days after its end. Sizes that have changed once explain further changes
    of the size of that camera for a while, because they are compared with both.
    """
    hits: dict[Fault, timedelta] = {}
    false = []
    for first, _, finding in episodes(found):
        mine = [fault for fault in faults if fault.camera == finding.camera and fault.begin <= first]
        explained = [
            fault
            for fault in mine
            if finding.code in FAULTS[fault.kind] and first <= min(fault.end, fault.begin + 40 * DAY) + 3 * DAY
        ]
        sizes = finding.code.startswith("plates") and any(fault.end > fault.begin + 100 * DAY for fault in mine)
        for fault in explained[:1]:
            hits.setdefault(fault, first - fault.begin)
        if not explained and not sizes:
            false.append(finding)
    return hits, false


def _draw(
    draw: random.Random,
    camera: DrawnCamera,
    kind: Kind,
    site: list[tuple[float, bool]],
    weather: list[float],
    faults: tuple[Fault, ...],
) -> None:
    peak = math.exp(draw.uniform(math.log(4), math.log(60)))
    rate, darker = draw.uniform(0.93, 0.985), draw.uniform(0.0, 0.08)
    width, spread = draw.uniform(70, 180), draw.uniform(0.1, 0.2)
    x, y, drift = draw.uniform(300, 1600), draw.uniform(300, 900), draw.uniform(-0.05, 0.05)
    for n, (factor, working) in enumerate(site):
        day = START + n * DAY
        counts = []
        for hour in range(24):
            at = day + hour * HOUR
            mean = peak * factor * (int(BUSY[kind][0 if working else 1][hour]) + 0.1) / 9
            silent = any(fault.kind == "silence" and fault.begin <= at < fault.end for fault in faults)
            opened = 0 if silent or at in camera.out else _poisson(draw, mean * draw.gammavariate(10, 0.1))
            dark = not 6 <= hour < 20
            chance = (
                rate - weather[n] - darker * dark - _by(faults, "rate", at) - _by(faults, "rate at night", at) * dark
            )
            answered = opened if draw.random() > 0.002 else 0  # the engine was out of reach
            counts.append(HourCount(at, opened, answered, _binomial(draw, answered, max(0.0, chance))))
        camera.hours += [count for count in counts if count.opened]
        lit, unlit = ([c.read for c in counts if (6 <= c.hour.hour < 20) is light] for light in (True, False))
        size = width * (1 + drift * n / 365) * (1 - _by(faults, "smaller", day)) * (1 + _by(faults, "larger", day))
        at_night = size * (1 - _by(faults, "smaller at night", day))
        if read := sum(lit) + sum(unlit):
            middle = (size * sum(lit) + at_night * sum(unlit)) / read
            noise = [
                draw.gauss(0, 1.25 * spread / math.sqrt(min(200, count) or 1)) for count in (read, sum(unlit), read)
            ]
            camera.sizes.append(
                DaySizes(
                    day.date(),
                    min(200, read),
                    middle * (1 + noise[0]),
                    x + _by(faults, "moved", day) * width + noise[2] * width * 4,
                    y + noise[0] * width,
                    min(200, sum(unlit)),
                    at_night * (1 + noise[1]) if sum(unlit) else None,
                )
            )


def _by(faults: tuple[Fault, ...], kind: str, at: datetime) -> float:
    return sum(fault.by for fault in faults if fault.kind == kind and fault.begin <= at < fault.end)


def _day_factor(draw: random.Random, kind: Kind, day: date) -> tuple[float, bool]:
    """Return the traffic of a day as part of the usual one, and True for a working day."""
    season = 1 + 0.25 * math.sin(2 * math.pi * (day.timetuple().tm_yday + 40) / 365)
    week = random.Random(f"{draw.getstate()[1][0]} {day.isocalendar().week}")
    odd = week.uniform(0.6, 1.4) if week.random() < 0.06 else 1.0
    factor = season * odd * math.exp(draw.gauss(0, 0.12))
    if day in HOLIDAYS:
        return factor * draw.uniform(*QUIET[kind]), kind == "office"
    return factor, day.weekday() < 5 or day in WORKED


def _weather(draw: random.Random, days: int) -> list[float]:
    """Return what rain, snow and dirt take off the read rate of each day."""
    lost, bad = [], 0
    for _ in range(days):
        bad = draw.choice((1, 2)) if not bad and draw.random() < 0.04 else max(0, bad - 1)
        lost.append(draw.gauss(0, 0.012) + (draw.uniform(0.03, 0.07) if bad else 0.0))
    return lost


def _outages(draw: random.Random, days: int, number: int, longest: int) -> set[datetime]:
    hours: set[datetime] = set()
    for _ in range(number):
        begin = START + draw.randrange(days * 24) * HOUR
        hours |= {begin + n * HOUR for n in range(draw.randint(1, longest))}
    return hours


def _poisson(draw: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    number, product, least = 0, draw.random(), math.exp(-mean)
    while product > least:
        number += 1
        product *= draw.random()
    return number


def _binomial(draw: random.Random, number: int, chance: float) -> int:
    return sum(draw.random() < chance for _ in range(number))


def found_over_time(
    cameras: list[DrawnCamera], days: int = 365, every: timedelta = HOUR
) -> Iterator[tuple[datetime, CameraFinding]]:
    """Yield what the daemon would find: silence at every step, the rest once a day at 9:00."""
    begins = {camera.name: 0 for camera in cameras}
    ends = dict(begins)
    since: dict[str, datetime | None] = dict.fromkeys(begins)
    profiles: dict[str, Profile] = {}
    now = START
    while (now := now + every) <= START + days * DAY:
        histories, watches = {}, {}
        for camera in cameras:
            hours = camera.hours
            while ends[camera.name] < len(hours) and hours[ends[camera.name]].hour < now:
                ends[camera.name] += 1
            while hours and hours[begins[camera.name]].hour < now - 60 * DAY:
                begins[camera.name] += 1
            past = hours[begins[camera.name] : ends[camera.name]]
            day = (now - START).days
            out = now - HOUR in camera.out
            since[camera.name] = None if out else since[camera.name] or now - HOUR
            sizes = [size for size in camera.sizes[max(0, day - 60) : day + 1] if size.day < now.date()]
            histories[camera.name] = CameraHistory(past, sizes, UTC)
            last = past[-1].hour + HOUR * past[-1].opened / (past[-1].opened + 1) if past else None
            watches[camera.name] = CameraWatch(last, since[camera.name])
        if now.hour == 0 or not profiles:
            profiles = {name: profile_of(past, now) for name, past in histories.items() if past.learned(now)}
        for name in profiles:
            found = silence(name, histories, profiles, watches, now)
            if found is not None:
                yield now, found
        if now.hour == 9:
            for name, history in histories.items():
                yield from ((now, finding) for finding in camera_findings(name, history, now))


def episodes(found: Iterator[tuple[datetime, CameraFinding]]) -> list[tuple[datetime, datetime, CameraFinding]]:
    """Return findings that were made again and again as one, with the first and the last time and the first finding."""
    open_: dict[tuple[str, str], list[tuple[datetime, datetime, CameraFinding]]] = {}
    for at, finding in found:
        mine = open_.setdefault((finding.code, finding.camera), [])
        if mine and at - mine[-1][1] <= 4 * DAY:
            mine[-1] = (mine[-1][0], at, mine[-1][2])
        else:
            mine.append((at, at, finding))
    return sorted((episode for mine in open_.values() for episode in mine), key=lambda episode: episode[0])
