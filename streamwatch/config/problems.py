"""Problems of config.yaml as sentences: file, line, key, the value as it was written, and what to write instead."""

import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from streamwatch.core.errors import ConfigError
from streamwatch.core.redact import hide_credentials

FILLED_IN = {
    *("source", "watch", "password", "secret", "old_secret", "token"),
    *("url", "hold_url", "release_url", "headers", "body"),
    *("addresses", "ping"),
}
"""Keys in whose values, and below which, ${NAME} is taken from the environment."""
HIDDEN = {"appcode", "app_key", "app_secret", "endpoint", "database", *FILLED_IN}
"""Keys whose values are not shown: they are secrets, or addresses that may hold one."""
_KIND = {
    "model_type": "must hold keys below it",
    "model_attributes_type": "must hold keys below it",
    "dict_type": "must hold keys below it",
    "list_type": "must be a list: [one, another]",
    "string_pattern_mismatch": "is not a {} name; use letters, digits, `_`, `-` and `.`, but not `-` or `.` first",
    "too_short": "must hold at least one",
    "string_type": "must be a text; put it in quotes",
    "path_type": "must be a path",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}
"""By the types of https://docs.pydantic.dev/latest/errors/validation_errors/; other errors keep pydantic's words."""
_BOUND = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


UNMET = 1e6
"""A limit beyond this, such as a hundred years, only keeps arithmetic safe. Only an error about that limit names it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a key. line: of the file. key: the last part of its dotted name. sentence: begins with the place."""

    line: int
    key: str
    sentence: str


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The numbers that a key accepts: `lowest` to `highest`. open: True if `lowest` itself is too low."""

    lowest: float = -math.inf
    highest: float = math.inf
    open: bool = False

    @classmethod
    def of(cls, metadata: Sequence[object]) -> "NumberRange":
        """Return the range of a field's constraints, named as in https://github.com/annotated-types/annotated-types."""

        def named(name: str) -> list[float]:
            return [getattr(one, name) for one in metadata if getattr(one, name, None) is not None]

        open_, closed = max(named("gt"), default=-math.inf), max(named("ge"), default=-math.inf)
        return cls(max(open_, closed), min([*named("le"), *named("lt")], default=math.inf), open_ >= closed)

    def allow(self, value: float) -> bool:
        """Return True if the key accepts the number."""
        return self.lowest <= value <= self.highest and not (self.open and value == self.lowest)


def told(odd: Sequence[Problem], others: Sequence[Problem] = ()) -> str:
    """Return all problems, a line each, in the order of the file. Other problems of an odd key are left out."""
    places = {(problem.line, problem.key) for problem in odd}
    found = [*odd, *(problem for problem in others if (problem.line, problem.key) not in places)]
    return "\n".join(problem.sentence for problem in sorted(found, key=lambda problem: problem.line))


def odd_keys(
    path: Path, node: yaml.Node | None, around: tuple[yaml.Node, ...] = (), filled: bool = False
) -> list[Problem]:
    """Return a problem for each key that occurs twice or is not a text, and for each ${…} that is not filled in.

    YAML lets the last of two equal keys win silently: a second camera of the same name would vanish. YAML also lets a
    value contain itself, and a text contain characters that no file name can contain. around: the values that contain
    this one. filled: True if ${NAME} is taken from the environment here. Raise
    ConfigError for a value that contains itself, because it has no end.
    """
    if not isinstance(node, yaml.CollectionNode):
        return []
    if any(node is one for one in around):
        place = f"{path}, line {node.start_mark.line + 1}"
        raise ConfigError(f"{place}: this value contains itself by an alias; write it out.")
    around = (*around, node)
    if not isinstance(node, yaml.MappingNode):
        return [found for item in node.value for found in odd_keys(path, item, around, filled)]
    found, seen = [], set()
    for key, value in node.value:
        written = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        line = key.start_mark.line + 1
        inside = filled or written in FILLED_IN
        if wrong := _odd(key, value, written in seen, inside):
            found.append(Problem(line, written, f"{path}, line {line}: `{written}`{wrong}"))
        seen.add(written)
        found += odd_keys(path, value, around, inside)
    return found


def _odd(key: yaml.Node, value: yaml.Node, again: bool, filled: bool) -> str:
    """Return what is wrong, as the end of the sentence; empty if nothing is wrong."""
    if again:
        return " occurs here a second time; keep one."
    if not key.tag.endswith((":str", ":merge")):
        return " is not a text in YAML; put it in quotes."
    if isinstance(value, yaml.ScalarNode) and "${" in value.value and not filled:
        return ": ${…} is filled in only in a camera's `source` and `watch`, and in secrets."
    if isinstance(value, yaml.ScalarNode) and _NO_TEXT.search(value.value):
        return " holds a character that no text can hold (\\0, or half a character); take it out."
    return ""


def problems(
    path: Path, node: yaml.Node | None, error: ValidationError, known: Mapping[str, NumberRange]
) -> list[Problem]:
    """Return all problems, except missing keys beside an unknown key. known: the ranges of all keys, dotted."""
    details = error.errors()
    unknown = {detail["loc"][:-1] for detail in details if detail["type"] == "extra_forbidden"}
    wrong = [detail for detail in details if not (detail["type"] == "missing" and detail["loc"][:-1] in unknown)]
    return [_problem(path, node, detail, known) for detail in wrong]


def _problem(path: Path, node: yaml.Node | None, detail: ErrorDetails, known: Mapping[str, NumberRange]) -> Problem:
    location = [part for part in detail["loc"] if not str(part).startswith("[")]  # [key], or a driver
    line, scalar = _look_up(node, location)
    place = f"{path}, line {line}: `{'.'.join(map(str, location))}`"
    sentence = place + _sentence(detail, location, scalar, known)
    return Problem(line, str(location[-1]) if location else "", sentence)


def _sentence(
    detail: ErrorDetails, location: list[int | str], scalar: yaml.ScalarNode | None, limits: Mapping[str, NumberRange]
) -> str:
    """Return the sentence from the place on."""
    written = "" if scalar is None else scalar.value
    if detail["type"] == "extra_forbidden":
        known = _known(location[:-1], limits)
        hint = _near(str(location[-1]), known) or f"; known keys here: {', '.join(known)}."
        return f" is not a key that streamwatch knows{hint}"
    if detail["type"] == "missing":
        return " is missing."
    if detail["type"].startswith("model") and location[:1] == ["cameras"] and len(location) == 2:
        return " must hold keys: write `source: …` in a line below it."
    if detail["type"] == "string_pattern_mismatch":
        kind = str(location[-2] if len(location) > 1 else location[-1]).removesuffix("s")
        return f": {_KIND[detail['type']].format(kind)}."
    hidden = any(part in HIDDEN for part in location)
    value = "" if hidden or scalar is None or (scalar.tag.endswith(":null") and not written) else _shown(scalar)
    limit = limits.get(_named(location, limits), NumberRange())
    return f"{value}: {_wrong(detail, written)}{_meant(detail, written, limit)}"


def _shown(scalar: yaml.ScalarNode) -> str:
    return f" = '{hide_credentials(scalar.value)}'" if scalar.tag.endswith(":str") else f" = {scalar.value}"


def _wrong(detail: ErrorDetails, written: str) -> str:
    """Return what is wrong, as the end of the sentence."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("enum", "literal_error"):
        expected = str(context["expected"])
        return f"must be {expected}" + (_near(written, re.findall(r"'([^']+)'", expected)) or ".")
    if kind in _BOUND:
        return f"must be {_BOUND[kind]} {_bound(context, written)}."
    message = detail["msg"].removeprefix("Value error, ")
    return f"{_KIND.get(kind) or (message if kind == 'value_error' else message[0].lower() + message[1:])}."


def _meant(detail: ErrorDetails, written: str, limits: NumberRange) -> str:
    """Return one more sentence: a fraction was meant instead of a percentage, or the reverse; else the key's range."""
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if detail["type"] in _BOUND and limits.highest == 1 and limits.allow(value / 100):
        return f" Did you mean {value / 100:g}?"
    if detail["type"] == "int_from_float" and 0 < value < 1 and limits.allow(value * 100):
        return f" Did you mean {value * 100:g}?"
    if detail["type"] not in _BOUND or limits.lowest == -math.inf or limits.highest > UNMET:
        return ""
    lowest = f"more than {limits.lowest:g} and at most" if limits.open else f"{limits.lowest:g} to"
    return f" It may be {lowest} {limits.highest:g}{_unit(written)}."


def _bound(context: dict[str, Any], written: str) -> str:
    """Return the limit, with the unit that means 1 if the value was written with a unit."""
    limit = next(context[name] for name in ("gt", "ge", "lt", "le") if name in context)
    return f"{limit:.10g}{_unit(written)}"


def _unit(written: str) -> str:
    unit = re.search(r"\d\s*[a-zA-Z]*([a-zA-Z])$", written.strip())
    return "" if unit is None else " bytes" if unit[1] == "B" else " s"


def _near(written: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(written, known, 1, 0.5)
    return f"; did you mean `{near[0]}`?" if near else ""


def _named(location: list[int | str], keys: Collection[str]) -> str:
    """Return a location in the form of the known keys, in which a camera or lane is called NAME, without indexes."""
    found = ""
    for part in (part for part in location if isinstance(part, str)):
        named = any(key.startswith(f"{found}.NAME.") for key in keys)
        found = f"{found}.NAME" if named else f"{found}.{part}".lstrip(".")
    return found


def _known(location: list[int | str], keys: Collection[str]) -> list[str]:
    prefix = f"{_named(location, keys)}." if location else ""
    return sorted({key.removeprefix(prefix).split(".")[0] for key in keys if key.startswith(prefix)})


def _look_up(node: yaml.Node | None, location: list[int | str]) -> tuple[int, yaml.ScalarNode | None]:
    """Return the line of the last existing part of a location, and its value as written if that is a scalar."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            match = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if match is None:
                return line, None
            line, node = match[0].start_mark.line + 1, match[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line, node if isinstance(node, yaml.ScalarNode) else None
