"""The charts of a camera's page."""

from collections.abc import Callable

from streamwatch.gate.tracking.views import SMALL_WIDTH
from streamwatch.web.camera_figures import CameraFigures
from streamwatch.web.charts import Chart, Mark, Series
from streamwatch.web.templating import Wording

_GOOD, _DOUBT, _BAD, _FAILED = 2, 1, 3, 4
"""Colours of the outcomes."""


def charts_of(figures: CameraFigures, words: Wording, _: Callable[[str], str]) -> list[Chart]:
    """Return vehicles by day, the read rate by hour of the day, and the widths of plates; none that is empty."""
    made = (_by_day(figures, words, _), _by_hour(figures, words, _), _widths(figures, words, _))
    return [chart for chart in made if not chart.empty]


def _by_day(figures: CameraFigures, words: Wording, _: Callable[[str], str]) -> Chart:
    counts = figures.by_day.values()
    return Chart(
        "by-day",
        _("Vehicles by day"),
        _("Vehicles of the last two weeks by day, and what became of their plates."),
        [words.short_day(day) for day in figures.by_day],
        [
            Series(_("read"), [one.read for one in counts], _GOOD),
            Series(_("unsure"), [one.unsure for one in counts], _DOUBT),
            Series(_("not read"), [one.unread for one in counts], _BAD),
            Series(_("no answer"), [one.failed for one in counts], _FAILED),
        ],
        _("day"),
        _("As a table"),
        words.number,
        long_labels=[words.day(day) for day in figures.by_day],
        total=_("all"),
    )


def _by_hour(figures: CameraFigures, words: Wording, _: Callable[[str], str]) -> Chart:
    return Chart(
        "by-hour",
        _("Read rate by hour of the day"),
        _("The part of the vehicles of the last two weeks whose plates were read, by hour of the day."),
        [str(hour) for hour in figures.by_hour],
        [Series(_("read rate"), [one.read_rate for one in figures.by_hour.values()], 0)],
        _("hour"),
        _("As a table"),
        words.percent,
        long_labels=[f"{hour}:00–{hour + 1}:00" for hour in figures.by_hour],
        lines=True,
        top=1.0,
    )


def _widths(figures: CameraFigures, words: Wording, _: Callable[[str], str]) -> Chart:
    width = {size.day: size.width for size in figures.sizes}
    night = {size.day: size.night_width for size in figures.sizes}
    days = list(figures.by_day)
    return Chart(
        "widths",
        _("Width of plates by day"),
        _("The median width in pixels of the plates that were read, by day. At least 100 px are wanted."),
        [words.short_day(day) for day in days],
        [
            Series(_("all day"), [width.get(day) for day in days], 0),
            Series(_("at night (20:00 to 6:00)"), [night.get(day) for day in days], 1),
        ],
        _("day"),
        _("As a table"),
        words.number,
        long_labels=[words.day(day) for day in days],
        lines=True,
        marks=[Mark(SMALL_WIDTH, _("wanted"))],
    )
