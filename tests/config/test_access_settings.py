"""Lanes in config.yaml: what they may say, and one sentence for each mistake."""

from datetime import time
from pathlib import Path

import pytest

from streamwatch.config import loading
from streamwatch.config.settings import Settings
from streamwatch.core.codes import LaneMode, Passback, Way
from streamwatch.core.errors import ConfigError

BASE = """\
cameras: {a: {source: x}, b: {source: y}}
barriers: {front: {driver: command, command: ["true"]}}
"""


def load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return loading.load(file)


def test_a_lane_is_manual_and_asks_unless_it_says_otherwise(tmp_path: Path) -> None:
    lane = load(tmp_path, BASE + "lanes: {entry: {cameras: a}}\n").lanes["entry"]
    assert (lane.cameras, lane.way, lane.mode, lane.barrier) == (["a"], Way.IN, LaneMode.MANUAL, None)
    assert (lane.unknown, lane.invalid, lane.inexact, lane.passback) == ("ask", "ask", "ask", Passback.OFF)
    assert lane.bar > Settings().sightings.min_confidence


def test_words_and_times_that_yaml_takes_for_others_are_understood(tmp_path: Path) -> None:
    held = "{days: [mon], begin: 7:30, end: 17:00}, {begin: '22:00', end: 24:00}"
    held_open = BASE.replace('{driver: command, command: ["true"]}', "{driver: gpio, chip: /dev/gpiochip0, line: 1}")
    text = held_open + f"lanes: {{entry: {{cameras: [a], barrier: front, passback: off, hold_open: [{held}]}}}}\n"
    lane = load(tmp_path, text).lanes["entry"]
    assert lane.passback is Passback.OFF
    assert [(held.begin, held.end) for held in lane.hold_open] == [(time(7, 30), time(17)), (time(22), time(0))]
    assert len(lane.hold_open[1].days) == 7


def test_a_camera_of_a_lane_has_a_short_window_of_deduplication(tmp_path: Path) -> None:
    settings = load(tmp_path, BASE + "lanes: {entry: {cameras: [a]}}\n")
    assert (settings.of("a").dedup.window, settings.of("b").dedup.window) == (30, 300)
    own = BASE.replace("{source: x}", "{source: x, dedup: {window: 2m}}")
    assert load(tmp_path, own + "lanes: {entry: {cameras: [a]}}\n").of("a").dedup.window == 120
    common = load(tmp_path, BASE + "dedup: {window: 10s}\nlanes: {entry: {cameras: [a]}}\n")
    assert common.of("a").dedup.window == 10


def test_the_lane_of_a_camera(tmp_path: Path) -> None:
    settings = load(tmp_path, BASE + "lanes: {entry: {cameras: [a]}, exit: {cameras: [b], way: out}}\n")
    assert (settings.lane_of("a"), settings.lane_of("b"), settings.lane_of("c")) == ("entry", "exit", None)


@pytest.mark.parametrize(
    ("lanes", "told"),
    [
        ("{entry: {cameras: [a, q]}}", "`lanes.entry.cameras.1` = 'q': is not the name of a camera"),
        ("{entry: {cameras: [a]}, exit: {cameras: [a]}}", "already belongs to the lane entry; a camera sees one lane"),
        ("{entry: {cameras: [a, a]}}", "already belongs to the lane entry"),
        ("{entry: {cameras: []}}", "`lanes.entry.cameras`: must hold at least one"),
        ("{entry: {}}", "`lanes.entry.cameras` is missing"),
        ("{entry: a}", "`lanes.entry` = 'a': must hold keys below it"),
        ("{way in: {cameras: [a]}}", "`lanes.way in`: is not a lane name"),
        ("{entry: {cameras: [a], barrier: back}}", "`lanes.entry.barrier` = 'back': is not the name of a barrier"),
        ("{entry: {cameras: [a], mode: automatic}}", "is automatic, but the lane has no barrier"),
        (
            "{entry: {cameras: [a], hold_open: [{begin: '07:00', end: '09:00'}]}}",
            "`lanes.entry.hold_open`: names times, but the lane has no barrier",
        ),
        ("{entry: {cameras: [a], unknown: allow}}", "is let in by a person only"),
        ("{entry: {cameras: [a], invalid: allow}}", "is let in by a person only"),
        ("{entry: {cameras: [a], inexact: deny}}", "`lanes.entry.inexact` = 'deny': must be 'ask' or 'allow'"),
        ("{entry: {cameras: [a], bar: 95}}", "`lanes.entry.bar` = 95: must be at most 1. Did you mean 0.95?"),
        ("{entry: {cameras: [a], modus: x}}", "`lanes.entry.modus` is not a key that streamwatch knows; did you mean"),
        (
            "{entry: {cameras: [a], barrier: front, hold_open: [{begin: 25:00, end: soon}]}}",
            "`lanes.entry.hold_open.0.begin` = 25:00: is not a time of day",
        ),
        (
            "{entry: {cameras: [a], barrier: front, hold_open: [{days: [montag], begin: '07:00', end: '08:00'}]}}",
            "`lanes.entry.hold_open.0.days.0` = 'montag': must be 'mon', 'tue'",
        ),
    ],
)
def test_a_mistake_in_a_lane_is_one_sentence_with_its_line(tmp_path: Path, lanes: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, f"{BASE}lanes: {lanes}\n")
    assert told in str(error.value)
    assert "line 3" in str(error.value)


@pytest.mark.parametrize(
    ("access", "told"),
    [
        ("{max_opens: 5000}", "`access.max_opens` = 5000: is more than 1000; write 0 for no limit"),
        ("{max_age: 0}", "`access.max_age` = 0: must be more than 0"),
        ("{max_age: 5m}", "`access.max_age` = '5m': must be at most 30 s"),
    ],
)
def test_a_mistake_in_what_counts_for_all_lanes(tmp_path: Path, access: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, f"access: {access}\n")
    assert told in str(error.value)
