"""The gate decides on drawn scenes as `goldens.json` says. `python tests/draw_goldens.py` makes that file again.

After a change of the rules or of the weights of the detector run that command, read the difference in the file, and
commit it with the change. Times may differ by TOLERANCE, as processors round differently; the rest must be the same.
"""

from difflib import ndiff
from typing import Any

import pytest
from golden_scenes import SCENES, Played, Scene, kept, play, told

from streamwatch.detection import PlateDetector
from streamwatch.gate.policy import RULES

TOLERANCE = 0.3  # s

OpenPassages = list[dict[str, Any]]


@pytest.fixture(scope="module")
def played() -> dict[str, Played]:
    """Return each scene, played once for all tests."""
    detector = PlateDetector()
    return {scene.name: play(scene, detector) for scene in SCENES}


def alike(one: Any, other: Any) -> bool:
    """True if two goldens, or parts of them, are equal except for small differences of times."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE + 1e-6
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return bool(one == other)


def difference(wanted: str, golden: OpenPassages, now: OpenPassages) -> str:
    """Return the difference for people: - is the golden, + is now."""
    lines = [line for line in ndiff(told(golden), told(now)) if not line.startswith("?")]
    return "\n".join([f"wanted: {wanted}", *lines])


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_gate_decides_as_it_did(scene: Scene, played: dict[str, Played]) -> None:
    golden, now = kept()[scene.name], played[scene.name].golden
    assert alike(golden, now), f"{scene.name}\n{difference(scene.wanted, golden, now)}"


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene.shows], ids=lambda scene: scene.name)
def test_the_rules_that_a_scene_is_about_decide_in_it(scene: Scene, played: dict[str, Played]) -> None:
    assert [why for why in scene.shows if not played[scene.name].whys[why]] == []


def test_every_rule_decides_in_some_scene(played: dict[str, Played]) -> None:
    decided = {why for one in played.values() for why in one.whys}
    assert {rule.why for rule in RULES} - decided == set()


def test_every_golden_is_of_a_scene() -> None:
    assert list(kept()) == [scene.name for scene in SCENES]


def test_a_difference_can_be_read_and_small_ones_of_time_are_none() -> None:
    call = {"at": 3.0, "reason": "its view stopped getting better", "read": "京A3K926"}
    golden: OpenPassages = [{"opened": 1.0, "last_seen": 5.0, "direction": "coming", "calls": [call]}]
    assert alike(golden, [golden[0] | {"opened": 1.3}])
    assert not alike(golden, [golden[0] | {"opened": 1.4}])
    assert not alike(golden, [golden[0] | {"direction": "going"}])
    assert not alike(golden, [])
    assert difference("one call", golden, [golden[0] | {"calls": []}]).splitlines() == [
        "wanted: one call",
        "  1.0 to 5.0 s, coming",
        "-     3.0 s: 京A3K926 (its view stopped getting better)",
        "+     no call",
    ]
