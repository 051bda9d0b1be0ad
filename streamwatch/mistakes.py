"""Mistakes in config.yaml as sentences: file, line, key, the value as it was written, and what to write instead."""

import difflib
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

MOST = 3
"""Mistakes that are told at once."""
HIDDEN = {"appcode", "app_key", "app_secret", "source", "watch", "endpoint", "database"}
"""Keys whose values are not shown: they are secrets, or addresses that may hold one."""
_KIND = {
    "model_type": "must hold keys below it",
    "model_attributes_type": "must hold keys below it",
    "dict_type": "must hold keys below it",
    "string_pattern_mismatch": "is no name for a camera; write letters, digits, `_`, `-` and `.`, not `-` or `.` first",
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
"""By the types of https://docs.pydantic.dev/latest/errors/validation_errors/; others keep their own words."""
_BOUND = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def refuse_odd_keys(path: Path, node: yaml.Node | None, around: tuple[yaml.Node, ...] = ()) -> list[str]:
    """One sentence for each key that stands there twice or is no text, and each ${…} that nobody fills in.

    YAML lets the last of two equal keys win silently: a second camera of the same name would vanish. It also lets a
    value hold itself, and a text hold what no file's name can. around: the values that this one is in.
    """
    if not isinstance(node, yaml.CollectionNode):
        return []
    if any(node is one for one in around):
        return [f"{path}, line {node.start_mark.line + 1}: this value holds itself by an alias; write it out."]
    around = (*around, node)
    if not isinstance(node, yaml.MappingNode):
        return [found for item in node.value for found in refuse_odd_keys(path, item, around)]
    found, seen = [], set()
    for key, value in node.value:
        written = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        place = f"{path}, line {key.start_mark.line + 1}: `{written}`"
        if written in seen:
            found.append(f"{place} stands here a second time; keep one.")
        elif not key.tag.endswith((":str", ":merge")):
            found.append(f"{place} is not a text in YAML; put it in quotes.")
        elif isinstance(value, yaml.ScalarNode) and "${" in value.value and key.value not in ("source", "watch"):
            found.append(f"{place}: ${{…}} is filled in only in a camera's `source` and `watch`.")
        elif isinstance(value, yaml.ScalarNode) and _NO_TEXT.search(value.value):
            found.append(f"{place} holds a character that no text can hold (\\0, or half a character); take it out.")
        seen.add(written)
        found += refuse_odd_keys(path, value, around)
    return found


def sentences(path: Path, node: yaml.Node | None, error: ValidationError, keys: Collection[str]) -> str:
    """The first mistakes, unknown keys before what is missing for want of them. keys: all that are known, dotted."""
    details = error.errors()
    unknown = {detail["loc"][:-1] for detail in details if detail["type"] == "extra_forbidden"}
    told = [detail for detail in details if not (detail["type"] == "missing" and detail["loc"][:-1] in unknown)]
    return " ".join(_sentence(path, node, detail, keys) for detail in told[:MOST])


def _sentence(path: Path, node: yaml.Node | None, detail: ErrorDetails, keys: Collection[str]) -> str:
    location = [part for part in detail["loc"] if part != "[key]"]
    line, scalar = _look_up(node, location)
    written = "" if scalar is None else scalar.value
    place = f"{path}, line {line}: `{'.'.join(map(str, location))}`"
    if detail["type"] == "extra_forbidden":
        known = _known(location[:-1], keys)
        hint = _near(str(location[-1]), known) or f"; known keys here: {', '.join(known)}."
        return f"{place} is not a key that streamwatch knows{hint}"
    if detail["type"] == "missing":
        return f"{place} is missing."
    if detail["type"].startswith("model") and location[:1] == ["cameras"] and len(location) == 2:
        return f"{place} must hold keys: write `source: …` in a line below it."
    hidden = any(part in HIDDEN for part in location) or detail["type"] == "string_pattern_mismatch"
    value = "" if hidden or scalar is None else _shown(scalar)
    return f"{place}{value}: {_wrong(detail, written)}"


def _shown(scalar: yaml.ScalarNode) -> str:
    return f" = '{scalar.value}'" if scalar.tag.endswith(":str") else f" = {scalar.value}"


def _wrong(detail: ErrorDetails, written: str) -> str:
    """What is wrong, to the end of the sentence."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("enum", "literal_error"):
        expected = str(context["expected"])
        return f"must be {expected}" + (_near(written, re.findall(r"'([^']+)'", expected)) or ".")
    if kind in _BOUND:
        return f"must be {_BOUND[kind]} {_bound(context, written)}."
    message = detail["msg"].removeprefix("Value error, ")
    return f"{_KIND.get(kind) or (message if kind == 'value_error' else message[0].lower() + message[1:])}."


def _bound(context: dict[str, Any], written: str) -> str:
    """The limit, with the unit that stands for 1 where the value was written with one."""
    limit = next(context[name] for name in ("gt", "ge", "lt", "le") if name in context)
    unit = re.search(r"\d\s*[a-zA-Z]*([a-zA-Z])$", written.strip())
    return f"{limit:.10g}{'' if unit is None else ' bytes' if unit[1] == 'B' else ' s'}"


def _near(written: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(written, known, 1, 0.5)
    return f"; did you mean `{near[0]}`?" if near else ""


def _known(location: list[int | str], keys: Collection[str]) -> list[str]:
    prefix = "".join(f"{part}." for part in location)
    prefix = re.sub(r"^cameras\.[^.]+\.", "cameras.NAME.", prefix)
    return sorted({key.removeprefix(prefix).split(".")[0] for key in keys if key.startswith(prefix)})


def _look_up(node: yaml.Node | None, location: list[int | str]) -> tuple[int, yaml.ScalarNode | None]:
    """The line of the last part of the location that is there, and the value as it was written, where it is one."""
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
