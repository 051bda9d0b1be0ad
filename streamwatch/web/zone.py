"""A zone as people write it: one point a line, in per cent of the picture, such as `12.5, 40`."""

import re
from collections.abc import Callable, Sequence

from streamwatch.web.catalogue import N_

Points = Sequence[tuple[float, float]]
"""Corners of a polygon in order, in fractions of the picture from its left top corner."""

MOST_POINTS = 64
SMALLEST = 1e-4
"""Least area, as a part of the picture."""
_DIGITS = 4
_LINE = re.compile(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*%?\s*[,;\s]\s*(\d{1,3}(?:\.\d{1,9})?)\s*%?\s*")

UNREADABLE = N_("Line %(line)s is no point; write two numbers from 0 to 100, such as 12.5, 40.")
TOO_FEW = N_("A zone needs at least three points.")
TOO_MANY = N_("A zone has at most %(most)s points.")
CROSSING = N_("The line of the zone crosses itself. Move a point so that the line goes around the place once.")
NO_AREA = N_("The zone has no area: its points lie on one line.")


def zone_text(points: Points | None) -> str:
    """Return a zone as lines of per cents; "" for none."""
    return "\n".join(f"{100 * x:.4g}, {100 * y:.4g}" for x, y in points or ())


def zone_of(text: str, _: Callable[[str], str]) -> list[tuple[float, float]]:
    """Return the points of a zone; none if the text is empty. Raise ValueError with a translated sentence."""
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    if len(lines) > MOST_POINTS:
        raise ValueError(_(TOO_MANY) % {"most": MOST_POINTS})
    points = []
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        point = (float(found[1]) / 100, float(found[2]) / 100) if found else (2.0, 2.0)
        if max(point) > 1:
            raise ValueError(_(UNREADABLE) % {"line": number})
        points.append((round(point[0], _DIGITS), round(point[1], _DIGITS)))
    if not points:
        return []
    if len(points) < 3:
        raise ValueError(_(TOO_FEW))
    if crosses_itself(points):
        raise ValueError(_(CROSSING))
    if _area(points) < SMALLEST:
        raise ValueError(_(NO_AREA))
    return points


def crosses_itself(points: Points) -> bool:
    """True if two edges of a polygon meet that do not follow each other."""
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    return any(
        _meet(*edges[first], *edges[second])
        for first in range(len(edges))
        for second in range(first + 2, len(edges) - (first == 0))
    )


def _meet(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]) -> bool:
    """True if the lines from a to b and from c to d have a point in common."""
    sides = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if sides[0] != sides[1] and sides[2] != sides[3]:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0 and _between(*end) for side, end in zip(sides, ends, strict=True))


def _side(a: tuple[float, float], b: tuple[float, float], point: tuple[float, float]) -> int:
    """Return on which side of a line a point lies: -1, 0 or 1."""
    turn = (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
    return (turn > 1e-12) - (turn < -1e-12)


def _between(a: tuple[float, float], b: tuple[float, float], point: tuple[float, float]) -> bool:
    """True if a point on the line through a and b lies between them."""
    return all(min(a[i], b[i]) <= point[i] <= max(a[i], b[i]) for i in (0, 1))


def _area(points: Points) -> float:
    following = [*points[1:], points[0]]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True))) / 2
