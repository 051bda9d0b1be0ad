"""README and config.yaml tell everything that can be said to the program."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from streamwatch.cli.main import app
from streamwatch.config import loading
from streamwatch.config.settings import CameraSettings, Settings, seconds, size
from streamwatch.gate import Why
from streamwatch.gate.policy import RULES, Action
from streamwatch.gate.tracking.track import State
from streamwatch.replay.explain.meanings import MEANINGS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "config.yaml").read_text(encoding="utf-8")
KEYS = list(loading.keys())
GATE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
THEN = {
    Action.PAY: {"pay for the best view"},
    Action.WAIT: {"wait", "never"},
    Action.SETTLE: {"settle"},
    Action.LOOK_LATER: {"look again later"},
}
"""What the table of rules says of an action."""


@pytest.mark.parametrize("key", KEYS)
def test_config_yaml_names_every_key(key: str) -> None:
    assert re.search(rf"\b{key.rsplit('.', 1)[-1]}\b", EXAMPLE)


@pytest.mark.parametrize("key", KEYS)
def test_the_readme_names_every_key(key: str) -> None:
    assert f"`{key}`" in README


def test_the_readme_names_no_key_that_is_not_there() -> None:
    rooms = "|".join(Settings.model_fields)
    named = set(re.findall(rf"`((?:{rooms})\.[\w.]+)`", README))
    assert named <= set(KEYS)


@pytest.mark.parametrize(
    "verb", [command.callback.__name__.replace("_", "-") for command in app.registered_commands if command.callback]
)
def test_the_readme_names_every_verb(verb: str) -> None:
    assert f"streamwatch {verb}" in README


@pytest.mark.parametrize("option", ["--start", "--explain", "--dry-run"])
def test_the_readme_names_the_options_of_replay(option: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith("| `streamwatch replay"))
    assert option in row


def test_the_gates_table_has_the_rules_in_their_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| ([^|]+) \|$", GATE, re.MULTILINE)
    assert [code for code, _, _ in rows] == [rule.why.name for rule in RULES]
    assert [then in THEN[rule.action] for (_, _, then), rule in zip(rows, RULES, strict=True)] == [True] * len(RULES)


def test_the_gates_page_names_the_states_of_a_track() -> None:
    assert re.findall(r"^\| ([A-Z]+) \|", GATE, re.MULTILINE) == [state.name for state in State]


def test_every_reason_of_the_gate_has_a_meaning_and_a_colour() -> None:
    css = (ROOT / "streamwatch" / "replay" / "explain" / "page.css").read_text(encoding="utf-8")
    coloured = re.findall(r"\.w-(\w+) \{", css)
    assert set(MEANINGS) == set(Why)
    assert sorted(coloured) == sorted(why.name for why in Why)
    assert all(meaning.short and meaning.long.endswith(".") for meaning in MEANINGS.values())


def test_config_yaml_shows_the_defaults() -> None:
    """Whatever the example sets is the default, but for what it says is not."""
    example = yaml.safe_load(EXAMPLE)
    assert example.pop("cameras") == {
        "gate": {"source": "sample", "transport": "tcp", "loop": False, "every": "500ms", "rotate": 0}
    }
    assert example["recognizer"].pop("engine") == "local"
    default = Settings()
    assert CameraSettings(source="sample").transport == "tcp"
    assert (CameraSettings(source="sample").rotate, CameraSettings(source="sample").every) == (0, 0.5)
    for section, values in example.items():
        for key, value in (values or {}).items() if values is None or isinstance(values, dict) else [(None, values)]:
            shown = getattr(default, section) if key is None else getattr(getattr(default, section), key)
            if isinstance(value, dict):
                assert all(_equal(getattr(shown, inner), v) for inner, v in value.items()), key
            else:
                assert _equal(shown, value), f"{section}.{key}"


def _equal(shown: object, written: object) -> bool:
    if isinstance(shown, float):
        return shown == float(str(seconds(written)))
    if isinstance(shown, int) and isinstance(written, str):
        return shown == size(written)
    return str(shown) == str(written)


def test_nobody_is_sent_to_the_index_for_a_program_of_another() -> None:
    """`streamwatch` on the Python index is a player of live streams with the same command."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "streamwatch-gate"
    assert list(project["scripts"]) == ["streamwatch"]
    told = [path.read_text(encoding="utf-8") for path in (ROOT / "streamwatch").rglob("*.py")]
    for text in (README, EXAMPLE, *told):
        assert not re.search(r"pip install +(-\S+ +)*['\"]?streamwatch(\[|['\"\s`]|$)", text)
