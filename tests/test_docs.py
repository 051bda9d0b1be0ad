"""The documents tell everything that can be said to the program, and nothing that it does not know."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from draw_configuration import TARGET as CONFIGURATION
from draw_configuration import page
from test_architecture import FLOORS

from streamwatch import __version__
from streamwatch.access.decisions import RULES as DECISION_RULES
from streamwatch.app.meanings import MEANINGS
from streamwatch.cli.main import app
from streamwatch.config import loading
from streamwatch.config.fields import seconds, size
from streamwatch.config.settings import CameraSettings, PlateSettings, Settings
from streamwatch.gate import Why
from streamwatch.gate.policy import RULES, Action
from streamwatch.gate.tracking.track import State
from streamwatch.store.tables import Base

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
README, GATE, OPERATIONS = TEXTS["README.md"], TEXTS["docs/gate.md"], TEXTS["docs/operations.md"]
EXAMPLE = (ROOT / "config.yaml").read_text(encoding="utf-8")
KEYS = list(loading.keys())
VERBS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
COLUMNS = {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns}
PACKAGE = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "streamwatch").rglob("*.py")))
THEN = {
    Action.PAY: {"pay for the best view"},
    Action.WAIT: {"wait", "never"},
    Action.SETTLE: {"settle"},
    Action.LOOK_LATER: {"look again later"},
}
"""What the table of rules says of an action."""
PARTS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""The kinds of changes that https://keepachangelog.com/en/1.1.0/ names."""


def blocks(text: str, language: str) -> list[str]:
    """Return what stands in the fenced blocks of a language, without comments."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r"[ ]+# .*$", "", block, flags=re.MULTILINE) for block in found]


def cells(text: str, column: int = 0) -> list[str]:
    """Return one column of all tables of a text, without their heads."""
    rows = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in text.splitlines() if line.startswith("| ")]
    return [row[column] for row in rows if row[column].startswith("`")]


def options(verb: str) -> set[str]:
    """Return the options of a verb, and of its own verbs, long and short."""
    return set(_options(VERBS[verb]))


def _options(command: Any) -> Iterator[str]:
    yield from (name for option in command.params for name in option.opts if name.startswith("-"))
    for inner in getattr(command, "commands", {}).values():
        yield from _options(inner)


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_the_readme_is_short() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        assert len(TEXTS[name].splitlines()) <= 120, name


def test_the_two_commands_that_ci_runs_are_in_the_readme() -> None:
    """`.ci/readme_trial.py` runs the first line that makes an environment, `.ci/run` the one that names the tests."""
    install = "python3 -m venv .venv && .venv/bin/pip install"
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert commands == [
        f"{install} '.[local]' && .venv/bin/streamwatch run",
        f"{install} -e '.[test]' && .venv/bin/python -m pytest",
    ]
    assert [line for line in README.splitlines() if "'.[test]'" in line] == commands[1:]


@pytest.mark.parametrize("name", ["README", "docs/operations"])
@pytest.mark.parametrize("language", ["sh", "yaml"])
def test_the_chinese_page_has_the_same_commands(name: str, language: str) -> None:
    english = blocks(TEXTS[f"{name}.md"], language)
    assert english
    assert blocks(TEXTS[f"{name}.zh-CN.md"], language) == english


def test_config_yaml_names_every_key_in_its_place() -> None:
    """This includes keys in comments, which are read once the sign of the comment is removed."""
    names = "|".join({part for key in KEYS for part in key.split(".")} | {r"by_\w+"})
    shown = yaml.safe_load(re.sub(rf"^( *)# ((?:{names}): .*)$", r"\1\2", EXAMPLE, flags=re.MULTILINE))
    assert {
        re.sub(r"^(cameras|lanes|barriers|outward\.webhooks|outward\.notify)\.\w+", r"\1.NAME", key)
        for key in _flat("", shown)
    } == set(KEYS)


def _flat(prefix: str, section: dict[str, object]) -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0]
        if isinstance(value, dict) and value:
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield prefix + name


def test_the_page_of_the_configuration_is_up_to_date() -> None:
    """`python tests/draw_configuration.py` writes it."""
    assert CONFIGURATION.read_text(encoding="utf-8") == page()


def test_the_page_of_the_configuration_explains_every_key_once() -> None:
    text = TEXTS["docs/configuration.md"]
    assert sorted(cells(text)) == sorted(f"`{key}`" for key in KEYS)
    meanings = re.findall(r"^\| `.* \| ([^|]+) \|$", text, re.MULTILINE)
    assert len(meanings) == len(KEYS)
    assert all(len(meaning) > 10 and meaning.endswith(".") for meaning in meanings)


def test_every_grammar_that_the_settings_name_exists() -> None:
    text = PlateSettings.model_fields["grammar"].description or ""
    names = re.findall(r"\b[a-z]{2}\b(?=[,)])", text.split(" or several")[0])
    assert len(names) == len(set(names)) == 17
    assert [PlateSettings(grammar=name).grammar for name in [*names, "china", "any"]]


@pytest.mark.parametrize("name", TEXTS)
def test_no_page_names_a_key_that_does_not_exist(name: str) -> None:
    rooms = "|".join(Settings.model_fields)
    named = set(re.findall(rf"`((?:{rooms})\.[A-Za-z_][\w.]*)[:`]", TEXTS[name]))
    sections = {key.rpartition(".")[0] for key in KEYS}
    assert named <= {*KEYS, *sections, *COLUMNS}


@pytest.mark.parametrize("name", TEXTS)
def test_every_example_of_a_config_is_understood(name: str, tmp_path: Path) -> None:
    for number, example in enumerate(blocks(TEXTS[name], "yaml")):
        config = tmp_path / f"{number}.yaml"
        config.write_text(example, encoding="utf-8")
        loading.load(config, secrets=False)


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_of_a_page_exists_with_its_options(name: str) -> None:
    for line in "\n".join(blocks(TEXTS[name], "sh")).splitlines():
        for command in re.findall(r"(?<![\w-])(?:\S+/bin/)?streamwatch (?!&&)([^|&;]+)", line):
            verb, *words = shlex.split(command)
            if verb in VERBS:
                assert {word.split("=")[0] for word in words if word.startswith("-")} <= options(verb), command
            else:
                assert re.match(r".*(systemctl|docker) [^|&;]*streamwatch", line), line


def test_the_readme_lists_every_verb() -> None:
    assert cells(README.split("## Verbs")[1].split("\n## ")[0]) == [f"`streamwatch {verb}`" for verb in _verbs(README)]
    assert set(_verbs(README)) == set(VERBS)


def _verbs(text: str) -> list[str]:
    return re.findall(r"^\| `streamwatch ([\w-]+)` \|", text, re.MULTILINE)


def test_the_page_of_the_command_line_has_every_verb_with_all_its_options() -> None:
    sections = re.split(r"^## ", TEXTS["docs/commands.md"], flags=re.MULTILINE)[1:]
    told = {match[1]: section for section in sections if (match := re.match(r"`streamwatch ([\w-]+)`", section))}
    assert set(told) == set(VERBS)
    for verb, section in told.items():
        named = [option for cell in cells(section) for option in re.findall(r"--[a-z-]+", cell)]
        assert sorted(named) == sorted(options(verb) - {"--config", "-c"}), verb


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[name]):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        page = (folder / path).resolve() if path else ROOT / name
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "CHANGELOG.md"])
def test_every_file_that_a_page_names_is_there(name: str) -> None:
    for path in re.findall(r"[` (]((?:tests|streamwatch|training|docs|\.ci)/[\w./-]+)", TEXTS[name]):
        assert (ROOT / path.rstrip(".")).exists(), path


def test_contributing_shows_the_house_as_the_imports_are_held() -> None:
    text = TEXTS["docs/contributing.md"]
    (drawn,) = re.findall(r"^```\n(cli >.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [set(floor.split(", ")) for floor in " ".join(drawn.split()).split(" > ")] == [set(f) for f in FLOORS[1:]]
    assert {room.strip("`/") for room in cells(text.split("## The rooms")[1].split("\n## ")[0])} == set().union(
        *FLOORS[1:]
    )


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, new = set[Path](), [ROOT / "README.md"]
    while new:
        page = new.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)[#)]", page.read_text(encoding="utf-8"))
        found = {(page.parent / link).resolve() for link in links if "://" not in link}
        new += [page for page in found - reached if page.exists()]
    assert set(PAGES) <= reached


def test_the_index_of_the_decisions_is_whole_and_each_has_its_parts() -> None:
    pages = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))
    listed = re.findall(r"\((0\d+-[\w-]+\.md)\)", TEXTS["docs/decisions/README.md"])
    assert listed == pages
    for number, name in enumerate(pages, 1):
        text = TEXTS[f"docs/decisions/{name}"]
        title = re.findall(r"^# (\d+)\. (.+)$", text, re.MULTILINE)
        assert [int(found) for found, _ in title] == [number]
        assert f"[{title[0][1]}]({name})" in TEXTS["docs/decisions/README.md"]
        assert [text.count(part) for part in ("**Question.**", "**Decision.**", "**What follows**")] == [1, 1, 1], name


def test_the_page_of_the_codes_has_every_code_of_the_tables() -> None:
    sections = re.split(r"^## ", TEXTS["docs/codes.md"], flags=re.MULTILINE)[1:]
    told = {section.split("`")[1]: [cell.strip("`") for cell in cells(section)] for section in sections}
    assert set(told) <= COLUMNS
    stored = {
        f"{table.name}.{column.name}": codes
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if (codes := _codes(column.type))
    }
    assert {name: told.get(name) for name in stored} == stored


def _codes(kind: Any) -> list[str]:
    """Return the words that a column may hold; none if it is not a column of codes."""
    words = getattr(kind, "enums", None) or getattr(kind, "kind", None) or []
    return [str(word) for word in words if str(word)]


def test_the_glossary_explains_each_word_once() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \| .+\. \|$", TEXTS["docs/glossary.md"], re.MULTILINE)
    rows = [line for line in TEXTS["docs/glossary.md"].splitlines() if re.match(r"\| (?!word|-)", line)]
    assert len(words) == len(rows) > 40
    assert len({word.lower() for word in words}) == len(words)


def test_what_people_see_when_something_is_wrong_is_what_the_program_says() -> None:
    table = OPERATIONS.split("## When something is wrong")[1]
    said = [text for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for text in re.findall("`(.+?)`", cell)]
    assert len(said) > 5
    assert [text for text in said if text.strip("… ") not in PACKAGE] == []


def test_the_changelog_has_the_form_that_it_names() -> None:
    text = TEXTS["CHANGELOG.md"]
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    assert heads[1].startswith(f"[{__version__}]")
    for version in text.split("\n## ")[1:]:
        parts = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert set(parts) <= PARTS
        assert len(parts) == len(set(parts)) > 0


def test_the_gates_table_has_the_rules_in_their_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| ([^|]+) \|$", GATE, re.MULTILINE)
    assert [code for code, _, _ in rows] == [rule.why.name for rule in RULES]
    assert [then in THEN[rule.action] for (_, _, then), rule in zip(rows, RULES, strict=True)] == [True] * len(RULES)


def test_the_gates_page_names_the_states_of_a_track() -> None:
    assert re.findall(r"^\| ([A-Z]+) \|", GATE, re.MULTILINE) == [state.name for state in State]


VERDICTS = {
    "_deny": "deny",
    "_ask": "ask",
    "_allow": "allow",
    "_unknown": "`unknown` of the lane",
    "_invalid": "`invalid` of the lane",
    "_inexact": "`inexact` of the lane",
    "_when_full": "`when_full` of the permit",
}


def test_the_page_of_access_has_every_rule_in_its_order() -> None:
    section = TEXTS["docs/access.md"].split("## The rules, in their order")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE)
    assert rows == [(rule.reason.value, VERDICTS[rule.verdict.__name__]) for rule in DECISION_RULES]


def test_every_reason_of_the_gate_has_a_meaning_and_a_colour() -> None:
    css = (ROOT / "streamwatch" / "replay" / "explain" / "page.css").read_text(encoding="utf-8")
    coloured = re.findall(r"\.w-(\w+) \{", css)
    assert set(MEANINGS) == set(Why)
    assert sorted(coloured) == sorted(why.name for why in Why)
    assert all(meaning.short and meaning.long.endswith(".") for meaning in MEANINGS.values())


def test_config_yaml_is_loaded_as_it_is() -> None:
    """The first command of the README runs with it."""
    assert loading.load(ROOT / "config.yaml").outward.mqtt.host == ""


def test_config_yaml_shows_the_defaults() -> None:
    """All that the example sets is the default, except for what it says is not."""
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
    for text in (*TEXTS.values(), EXAMPLE, PACKAGE):
        assert not re.search(r"pip install +(-\S+ +)*['\"]?streamwatch(\[|['\"\s`]|$)", text)


def test_the_page_of_the_api_names_every_address_and_no_other() -> None:
    from streamwatch.web.api.application import document

    text = TEXTS["docs/api.md"]
    there = {re.sub(r"\{(\w+)\}", lambda part: part[1].upper(), path) for path in document()["paths"]}
    told = {f"/v1{path}" for cell in cells(text) for path in re.findall(r"`(/[\w./-]+)`", cell)}
    asked = re.findall(r"https?://[^/\s]+/api(/v1/[\w./-]+)", text)
    assert told == there - {"/v1/passages/ID/readings"}
    numbered = {re.sub(r"/\d+(?=/|$)", "/ID", path) for path in asked}
    assert {re.sub(r"/[0-9a-f]{32}(?=/|$)", "/NAME", path) for path in numbered} <= there
    parameters = {
        one["name"] for path in document()["paths"].values() for op in path.values() for one in op.get("parameters", [])
    }
    assert set(re.findall(r"[?&](\w+)=", text)) <= parameters
