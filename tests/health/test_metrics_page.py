"""docs/metrics.md names every metric that Prometheus gets, with the same words."""

import re
from dataclasses import replace
from pathlib import Path

from snapshots import ILL, NOW, WELL

from streamwatch.core.barrier_state import BarrierState
from streamwatch.core.codes import CallOutcome, CameraState, ReceiverState
from streamwatch.gate import Why
from streamwatch.health import ReceiverHealth, render_metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
EVERYTHING = replace(
    ILL,
    cameras=(replace(WELL.cameras[0], gate=dict.fromkeys(Why, 1)), *ILL.cameras),
    barriers=(BarrierState("front", sensed=True, openings={"done": 1}),),
    receivers=(ReceiverHealth("office", "paused", NOW, "office.example:443 answers 401.", 12, 3, 5),),
)
ROW = "| `{name}` | {kind} | {labels} | {text} |"


def rows(text: str) -> list[str]:
    """Return the rows that the page's table must have for this text of metrics."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    labels = {
        name: ", ".join(f"`{label}`" for label in re.findall(r'(\w+)="', found))
        for name, found in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE)
    }
    helps = re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE)
    return [ROW.format(name=name, kind=kinds[name], labels=labels[name], text=said) for name, said in helps]


def test_the_page_names_each_metric_with_its_type_labels_and_meaning() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows(render_metrics(EVERYTHING))


def test_the_page_names_the_values_of_the_labels() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for label, codes in (
        ("`state` of a camera", CameraState),
        ("`state` of a receiver", ReceiverState),
        ("`outcome` of a call", CallOutcome),
        ("`reason` of a frame", Why),
    ):
        (line,) = re.findall(rf"^- {label}: (.*)\.$", page, re.MULTILINE)
        assert line.split(", ") == [f"`{code.value}`" for code in codes]


def test_names_and_labels_are_as_prometheus_advises() -> None:
    text = render_metrics(EVERYTHING)
    kinds = re.findall(r"^# TYPE streamwatch_(\w+) (\w+)$", text, re.MULTILINE)
    assert len(kinds) > 30
    assert all(name.endswith("_total") is (kind == "counter") for name, kind in kinds)
    assert not [name for name, _ in kinds if re.search(r"(_ms|_fps|_kb|_mb|_percent|_minutes|_hours)$", name)]
    for label in ("state", "outcome", "reason", "breaker", "window"):
        values = re.findall(rf'{label}="([^"]*)"', text)
        assert values
        assert all(re.fullmatch("[a-z_]+", value) for value in values)
