"""Curves and marks over time, as SVG and HTML that fit any width: lines are stretched, letters are not."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from streamwatch.app.meanings import MEANINGS, SENTENCES, STATES
from streamwatch.gate import Why

WIDE, HIGH = 1000, 100  # units of every curve's drawing
POINTS = 500  # most points of a curve, so that a long recording makes no long page
STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)
SENT = f"w-{Why.SENT.name}"
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A part of the timeline in seconds. marks: most round times that are named below it."""

    begin: float
    end: float
    marks: int = 12

    @property
    def length(self) -> float:
        return max(1e-3, self.end - self.begin)

    def percent(self, at: float) -> float:
        """Return where a time lies: 0 at the left edge, 100 at the right edge."""
        return min(100.0, max(0.0, 100 * (at - self.begin) / self.length))

    def x(self, at: float) -> float:
        """Return where a time lies, in units of a drawing."""
        return WIDE / 100 * self.percent(at)

    def ticks(self) -> list[float]:
        """Return the round times in this part of the timeline."""
        step = next((s for s in STEPS if self.length / s <= self.marks), STEPS[-1])
        first = -(-self.begin // step)
        return [step * (first + n) for n in range(int(self.length / step) + 2) if step * (first + n) <= self.end]


def clock(seconds: float, tenths: bool = False) -> str:
    """Return a time on the timeline in words: `0:07`, `12:30`, `1:02:03`, with tenths `0:07.4`."""
    whole = round(seconds, 1) if tenths else float(round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(int(minutes), 60)
    small = f"{rest:04.1f}" if tenths else f"{int(rest):02d}"
    return f"{hours}:{minutes:02d}:{small}" if hours else f"{minutes}:{small}"


def curve(
    points: Sequence[Point], window: TimeSpan, height: Callable[[float], float], css: str, *, filled: bool = False
) -> str:
    """Return a path through points of (time, value). height: returns the height of a value, 0 to 1."""
    drawn = [(window.x(at), HIGH * (1 - min(1.0, height(value)))) for at, value in thin(points, window)]
    if not drawn:
        return ""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
    if filled:
        return f'<path class="{css}" d="M{drawn[0][0]:.1f},{HIGH} {steps} {drawn[-1][0]:.1f},{HIGH}Z"/>'
    dot = "h4" if len(drawn) == 1 else ""
    return f'<path class="{css}" d="M{steps}{dot}"/>'


def thin(points: Sequence[Point], window: TimeSpan) -> list[Point]:
    """Return at most POINTS of the points: the highest one of each short part, so that no peak is lost."""
    inside = [point for point in points if window.begin <= point[0] <= window.end]
    if len(inside) <= POINTS:
        return inside
    highest: dict[int, Point] = {}
    for point in inside:
        bucket = int((point[0] - window.begin) / window.length * POINTS)
        if bucket not in highest or point[1] > highest[bucket][1]:
            highest[bucket] = point
    return list(highest.values())


def drawing(window: TimeSpan, inside: str, css: str = "") -> str:
    """Return a stretched drawing with a line at each round time."""
    grid = "".join(f"M{window.x(at):.1f},0V{HIGH}" for at in window.ticks())
    return (
        f'<svg class="plot {css}" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="grid" d="{grid}"/>{inside}</svg>'
    )


def level(height: float, css: str) -> str:
    """Return a horizontal line at a height of 0 to 1."""
    y = HIGH * (1 - min(1.0, max(0.0, height)))
    return f'<path class="{css}" d="M0,{y:.1f}H{WIDE}"/>'


def upright(window: TimeSpan, at: float, css: str) -> str:
    """Return a vertical line at a time."""
    return f'<path class="{css}" d="M{window.x(at):.1f},0V{HIGH}"/>'


def reasons(looks: Iterable[tuple[float, Why]], window: TimeSpan, frame: float) -> str:
    """Return the reason of every frame as a band of colours. frame: seconds that one frame lasts."""
    sentences = {f"w-{why.name}": SENTENCES[why] for why in Why}
    return _strip(((at, f"w-{why.name}") for at, why in looks), window, frame, sentences)


def states(looks: Iterable[tuple[float, str]], window: TimeSpan, frame: float) -> str:
    """Return the state of a track in every frame as a band of colours. frame: seconds that one frame lasts."""
    return _strip(((at, f"s-{name}") for at, name in looks), window, frame, {f"s-{s}": t for s, t in STATES.items()})


def _strip(looks: Iterable[tuple[float, str]], window: TimeSpan, frame: float, told: dict[str, str]) -> str:
    """Return a band of colours. looks: times with the class of the colour; told: what a class means.

    If a part is too short to be seen, the class of most of its frames is drawn; a frame at which a view was sent is
    always drawn.
    """
    buckets: dict[int, Counter[str]] = {}
    fineness = max(frame, window.length / 400)
    for at, css in looks:
        if window.begin <= at <= window.end:
            buckets.setdefault(int((at - window.begin) / fineness), Counter())[css] += 1
    bands: list[tuple[float, float, str]] = []
    for bucket, found in sorted(buckets.items()):
        css = SENT if SENT in found else found.most_common(1)[0][0]
        begin, end = window.begin + bucket * fineness, window.begin + (bucket + 1) * fineness
        if bands and bands[-1][2] == css and begin - bands[-1][1] <= 1.5 * fineness:
            begin = bands.pop()[0]
        bands.append((begin, end, css))
    return drawing(window, "".join(_band(window, *band, told[band[2]]) for band in bands), "strip")


def _band(window: TimeSpan, begin: float, end: float, css: str, what: str) -> str:
    left, width = window.x(begin), max(window.x(end) - window.x(begin), 2.5 if css == SENT else 0.5)
    told = f"{clock(begin, tenths=True)} to {clock(end, tenths=True)}: {what}"
    shape = f'x="{left:.1f}" y="0" width="{width:.1f}" height="{HIGH}"'
    return f'<rect class="{css}" {shape}><title>{escape(told)}</title></rect>'


def axis(window: TimeSpan) -> str:
    """Return the round times below a drawing; every second one is hidden on a narrow screen."""
    labels = []
    for n, at in enumerate(window.ticks()):
        place = window.percent(at)
        edge = " first" if place < 3 else " last" if place > 97 else ""
        tenths = at % 1 > 0.01
        labels.append(
            f'<span class="tick{" odd" if n % 2 else ""}{edge}" style="left:{place:.2f}%">{clock(at, tenths)}</span>'
        )
    return f'<div class="axis" aria-hidden="true">{"".join(labels)}</div>'


def lane(label: str, inside: str, note: str = "") -> str:
    """Return a named row of the timeline."""
    more = f' <span class="note">{note}</span>' if note else ""
    return f'<div class="lane"><div class="label"><span>{label}{more}</span></div>{inside}</div>'


def mark(window: TimeSpan, at: float, css: str, sign: str, text: str, href: str, *, stop: bool = True) -> str:
    """Return a sign at a time, as a link. stop: True if the tab key stops at it."""
    place, named, skip = f"left:{window.percent(at):.3f}%", escape(text), "" if stop else ' tabindex="-1"'
    return f'<a class="mark {css}" style="{place}" href="{href}" title="{named}" aria-label="{named}"{skip}>{sign}</a>'


def legend(whys: Iterable[Why]) -> str:
    """Return the legend of the reasons."""
    items = "".join(f'<li><i class="w-{why.name}"></i>{escape(MEANINGS[why].short)}</li>' for why in whys)
    return f'<ul class="legend" aria-label="Colours of the reasons">{items}</ul>'


def legend_of_states(names: Iterable[str]) -> str:
    """Return the legend of the states of a track."""
    items = "".join(f'<li><i class="s-{name}"></i>{name}: {escape(STATES[name])}</li>' for name in names)
    return f'<ul class="legend" aria-label="Colours of the states">{items}</ul>'
