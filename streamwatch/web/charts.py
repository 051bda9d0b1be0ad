"""Charts as SVG drawn here: stacked bars and lines, each with a description and the same figures as a table.

Their sizes are attributes and their colours are classes (`static/css/charts.css`), because the pages' policy allows no
inline style. A chart is put into a template as it is: `{{ chart }}`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 12, 26
COLOURS = 6
"""Number of colours; a chart with more series uses them again."""
_LABELS = 8
"""Labels below a chart at most; at the width of a phone every second one is hidden."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of figures, one for each label; None: there is none. colour: 0 to 5; None: by the order of the series."""

    name: str
    values: Sequence[float | None]
    colour: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A value that a dashed line marks, such as a budget."""

    value: float
    name: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its words; `str` and Jinja2 make HTML of it.

    name: unique in its page; a part of ids. about: the description for people who do not see it. labels: one for each
    place from left to right; long_labels: the same for table and tool tips. heading: of the labels' column. as_table:
    the words that open the table. total: the name of a column of sums; empty for none. number: writes a figure. top:
    the largest value of the axis at least, and exactly for shares.
    """

    name: str
    title: str
    about: str
    labels: Sequence[str]
    series: Sequence[Series]
    heading: str
    as_table: str
    number: Callable[[float], str]
    long_labels: Sequence[str] = ()
    lines: bool = False
    total: str = ""
    marks: Sequence[Mark] = ()
    top: float = 0.0
    whole: bool = False

    def __html__(self) -> str:
        """Return the chart as HTML: a figure with title, legend, SVG and table."""
        return "".join(self._parts())

    __str__ = __html__

    @property
    def empty(self) -> bool:
        """Return True if there is nothing to draw."""
        return not any(value for series in self.series for value in series.values)

    def _parts(self) -> Iterator[str]:
        name, title = escape(self.name), escape(self.title)
        yield f'<figure class="chart"><figcaption class="chart-title">{title}</figcaption>'
        if any(series.name for series in self.series):
            yield '<ul class="chart-legend">'
            yield from (
                f'<li><svg class="chart-key" width="10" height="10" aria-hidden="true">'
                f'<rect class="fill-{self._colour(n)}" width="10" height="10" rx="2"/></svg>{escape(series.name)}</li>'
                for n, series in enumerate(self.series)
            )
            yield "</ul>"
        yield (
            f'<svg class="chart-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-labelledby="{name}-title {name}-about"><title id="{name}-title">{title}</title>'
            f'<desc id="{name}-about">{escape(self.about)}</desc>'
        )
        yield from self._axes()
        yield from self._line_paths() if self.lines else self._bar_paths()
        yield from self._marks()
        yield from self._hits()
        yield "</svg>"
        yield from self._table()
        yield "</figure>"

    @property
    def _highest(self) -> float:
        if self.lines:
            values = [value or 0.0 for series in self.series for value in series.values]
        else:
            values = [sum(value or 0.0 for value in column) for column in self._columns]
        return max([*values, *(mark.value for mark in self.marks), self.top])

    @property
    def _columns(self) -> list[tuple[float | None, ...]]:
        return list(zip(*(series.values for series in self.series), strict=True))

    @property
    def _ticks(self) -> list[float]:
        return ticks(self._highest, self.whole)

    def _colour(self, number: int) -> int:
        colour = self.series[number].colour
        return (number if colour is None else colour) % COLOURS

    def _x(self, place: float) -> float:
        """Return the x of a place from 0 to the number of labels."""
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * place / max(1, len(self.labels))

    def _y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / self._ticks[-1]

    def _axes(self) -> Iterator[str]:
        for value in self._ticks:
            y = self._y(value)
            yield f'<path class="chart-grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
            yield f'<text class="chart-y" x="{_LEFT - 6}" y="{y + 4:.1f}">{escape(self.number(value))}</text>'
        step = max(1, math.ceil(len(self.labels) / _LABELS))
        for place in range(0, len(self.labels), step):
            minor = " chart-minor" if place // step % 2 else ""
            x = self._x(place + 0.5)
            yield f'<text class="chart-x{minor}" x="{x:.1f}" y="{HEIGHT - 7}">{escape(self.labels[place])}</text>'

    def _bar_paths(self) -> Iterator[str]:
        width = max(1.0, (self._x(1) - self._x(0)) * 0.72)
        bases = [0.0] * len(self.labels)
        for number, series in enumerate(self.series):
            path = []
            for place, value in enumerate(series.values):
                if value:
                    low, high = self._y(bases[place]), self._y(bases[place] + value)
                    path.append(
                        f"M{self._x(place + 0.5) - width / 2:.1f} {low:.1f}v{high - low:.1f}h{width:.1f}V{low:.1f}z"
                    )
                    bases[place] += value
            yield f'<path class="fill-{self._colour(number)}" d="{"".join(path)}"/>'

    def _line_paths(self) -> Iterator[str]:
        for number, series in enumerate(self.series):
            path, dots, pen = [], [], "M"
            for place, value in enumerate(series.values):
                if value is None:
                    pen = "M"
                    continue
                x, y = self._x(place + 0.5), self._y(value)
                path.append(f"{pen}{x:.1f} {y:.1f}")
                dots.append(f"M{x:.1f} {y:.1f}h0")
                pen = "L"
            yield f'<path class="line-{self._colour(number)}" d="{"".join(path)}"/>'
            yield f'<path class="dot-{self._colour(number)}" d="{"".join(dots)}"/>'

    def _marks(self) -> Iterator[str]:
        for mark in self.marks:
            y = self._y(mark.value)
            yield f'<path class="chart-mark" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
            yield f'<text class="chart-mark-name" x="{WIDTH - _RIGHT}" y="{y - 4:.1f}">{escape(mark.name)}</text>'

    def _hits(self) -> Iterator[str]:
        """Yield a tool tip for each label, as wide as its place."""
        for place, (label, column) in enumerate(zip(self._long, self._columns, strict=True)):
            told = [f"{series.name}: {self._told(value)}" for series, value in zip(self.series, column, strict=True)]
            text = escape("\n".join([label, *told]))
            x, width, height = self._x(place), self._x(1) - self._x(0), HEIGHT - _TOP - _BOTTOM
            yield f'<rect class="chart-hit" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" height="{height}">'
            yield f"<title>{text}</title></rect>"

    @property
    def _long(self) -> Sequence[str]:
        return self.long_labels or self.labels

    def _told(self, value: float | None) -> str:
        return "–" if value is None else self.number(value)

    def _table(self) -> Iterator[str]:
        names = [*(series.name for series in self.series), *([self.total] if self.total else [])]
        yield f'<details class="chart-table"><summary>{escape(self.as_table)}</summary><div class="table-frame"><table>'
        yield f'<thead><tr><th scope="col">{escape(self.heading)}</th>'
        yield from (f'<th scope="col" class="number">{escape(name)}</th>' for name in names)
        yield "</tr></thead><tbody>"
        for label, column in zip(self._long, self._columns, strict=True):
            cells = [*column, *([sum(value or 0.0 for value in column)] if self.total else [])]
            yield f'<tr><th scope="row">{escape(label)}</th>'
            yield from (f'<td class="number">{escape(self._told(value))}</td>' for value in cells)
            yield "</tr>"
        yield "</tbody></table></div></details>"


def ticks(highest: float, whole: bool = False) -> list[float]:
    """Return 0 and one to five more round values, the last of which is at least `highest`.

    whole: only whole numbers.
    """
    if not highest > 0 or not math.isfinite(highest):
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(highest / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * 4 >= highest * (1 - 1e-9))
    if whole:
        step = max(1.0, math.ceil(step))
    return [step * n for n in range(math.ceil(highest / step - 1e-9) + 1)]
