"""Charts: well-formed, without inline style, with the same figures for those who do not see them, and small."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from streamwatch.web.charts import Chart, Mark, Series, ticks

CHART = Chart(
    name="calls",
    title="Calls <by> day",
    about="Calls of each day",
    labels=["1", "2", "3"],
    series=[Series("gate & yard", [4, 0, 6]), Series("后门", [1, None, 2])],
    heading="Day",
    as_table="As a table",
    number=lambda value: f"{value:g}",
    long_labels=["1 May", "2 May", "3 May"],
    total="All",
)


def parsed(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(str(chart))


def texts(root: ElementTree.Element, path: str) -> list[str]:
    return ["".join(found.itertext()) for found in root.findall(path)]


@pytest.mark.parametrize("lines", [False, True])
def test_a_chart_is_well_formed_and_tells_its_figures_twice(lines: bool) -> None:
    root = parsed(replace(CHART, lines=lines, marks=[Mark(9, "budget <9>")]))
    assert texts(root, "figcaption") == ["Calls <by> day"]
    plot = root.find("svg[@role='img']")
    assert plot is not None
    ids = {found.get("id"): "".join(found.itertext()) for found in plot if found.get("id")}
    assert [ids[name] for name in plot.attrib["aria-labelledby"].split()] == ["Calls <by> day", "Calls of each day"]
    assert texts(root, "details/div/table/tbody/tr/td") == ["4", "1", "5", "0", "–", "0", "6", "2", "8"]
    assert texts(root, "details/div/table/thead/tr/th") == ["Day", "gate & yard", "后门", "All"]
    assert texts(plot, "rect[@class='chart-hit']/title")[2] == "3 May\ngate & yard: 6\n后门: 2"
    assert "budget <9>" in texts(plot, "text")
    assert " style=" not in str(CHART)


def test_bars_are_stacked_and_stay_inside() -> None:
    bars = [path.attrib["d"] for path in parsed(CHART).findall("svg/path") if "fill-" in path.attrib["class"]]
    heights = [[float(height) for height in re.findall(r"v(-[\d.]+)", path)] for path in bars]
    assert heights[0][1] == pytest.approx(1.5 * heights[0][0], rel=0.01)
    top = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)v", bars[1])]
    feet = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)v", bars[0])]
    foot = [y + height for y, height in zip(feet, heights[0], strict=True)]
    assert top == pytest.approx(foot, abs=0.11)


def test_a_line_is_broken_where_there_is_no_figure() -> None:
    chart = replace(
        CHART, lines=True, series=[Series("rate", [0.5, None, 1.0, 1.0])], labels="abcd", long_labels=(), top=1.0
    )
    (line,) = [path.attrib["d"] for path in parsed(chart).findall("svg/path") if "line-" in path.attrib["class"]]
    assert re.sub(r"[\d. ]", "", line) == "MML"


def test_nothing_to_draw_is_still_a_chart() -> None:
    assert not CHART.empty
    assert replace(CHART, series=[Series("a", [0, None, 0])]).empty
    parsed(replace(CHART, labels=[], series=[Series("a", [])], long_labels=[]))


def test_a_quarter_of_three_cameras_is_a_few_kilobytes() -> None:
    days = [str(day) for day in range(62)]
    chart = replace(CHART, labels=days, long_labels=days, series=[Series(name, range(62)) for name in "abc"])
    assert len(str(chart).encode()) < 30_000


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(0, [0, 1]), (1, [0, 0.25, 0.5, 0.75, 1]), (7, [0, 2, 4, 6, 8]), (100, [0, 25, 50, 75, 100]), (3, [0, 1, 2, 3])],
)
def test_ticks_are_round(highest: float, expected: list[float]) -> None:
    assert ticks(highest) == pytest.approx(expected)


@pytest.mark.parametrize("highest", [0.003, 12.4, 999, 1001, 123456])
def test_the_last_tick_is_above_everything(highest: float) -> None:
    found = ticks(highest)
    assert highest <= found[-1] < 2.1 * highest
    assert 3 <= len(found) <= 6


@pytest.mark.parametrize(
    ("highest", "expected"), [(1, [0, 1]), (3, [0, 1, 2, 3]), (9, [0, 3, 6, 9]), (40, [0, 10, 20, 30, 40])]
)
def test_numbers_of_things_have_whole_ticks(highest: float, expected: list[float]) -> None:
    assert ticks(highest, whole=True) == expected
