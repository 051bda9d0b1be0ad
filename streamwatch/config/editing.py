"""Changes single keys of config.yaml in its own text, so that comments, order, quotes and indentation stay.

The parser says where a value is written; only that place changes, and what the new text means is compared with what it
should mean before anything is written. docs/decisions/0015-editing-config.md says why no library writes the file.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from streamwatch.config.fields import VARIABLE
from streamwatch.config.loading import SECRETS, load_text, read_config
from streamwatch.core.errors import ConfigError
from streamwatch.system.files import write_whole

BY_HAND = "Change it by hand, and run `streamwatch reload`."
_ALIAS = "alias"
_LOGIN = re.compile(r"://[^/\s@]*:[^/\s]+@|(?:password|passwd|pwd|token|secret)=[^&/_\s]", re.IGNORECASE)
_one_at_a_time = Lock()


class Remove:
    """Stands for the value of a key that is to be removed."""


REMOVE = Remove()

Keys = tuple[str, ...]
_Pair = tuple[yaml.Node, yaml.Node]


def edit_config(path: Path, changes: Mapping[Keys, object | Remove], *, secrets: bool = True) -> None:
    """Set or remove keys, each named by its parts, such as ("cameras", "gate", "zone"). Write nothing if that fails.

    The values are what YAML makes of a text: strings, numbers, booleans, lists, mappings. The old file stays beside the
    new one, as `config.yaml.bak`. secrets: see `load`; False where the environment of the daemon is not known.

    Raise ConfigError if the result would not load, if it would hold a secret, or if the file cannot be written.
    """
    for keys, value in changes.items():
        _refuse_secret(keys, value)
    with _one_at_a_time:
        text = before = read_config(path)
        for keys, value in changes.items():
            text = edited(path, text, keys, value)
        if text != before:
            load_text(text, path, secrets)
            _replace(path, before, text)


def edited(path: Path, text: str, keys: Keys, value: object | Remove) -> str:
    """Return the text of a config file with one key changed, and nothing else. Raise ConfigError if that cannot be."""
    try:
        meant = _with(_values(text), keys, value)
        new = _Editor(text).edited(keys, value)
        if new is not None and (_values(new) or {}) == (meant or {}):
            return new
    except yaml.YAMLError:
        pass
    raise ConfigError(f"{path}: `{'.'.join(keys)}` cannot be changed without changing anything else.", BY_HAND)


def _refuse_secret(keys: Keys, value: object | Remove) -> None:
    """Raise ConfigError if a change would write a credential into the file."""
    if isinstance(value, Remove):
        return
    texts = list(_texts(value))
    if SECRETS.keys() & {*keys, *texts} or any(_LOGIN.search(VARIABLE.sub("", text)) for text in texts):
        raise ConfigError(
            f"`{'.'.join(keys)}` would hold a secret, and streamwatch writes none.",
            "Write ${NAME} in its place, and the secret into that environment variable.",
        )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for pair in value.items() for part in pair for text in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _texts(part))


def _values(text: str) -> Any:
    return yaml.safe_load(text)


def _with(data: Any, keys: Keys, value: object | Remove) -> Any:
    """Return what the file should mean after the change. Raise YAMLError if a part of the name holds no keys."""
    if not keys:
        return _plain(value)
    if data is not None and not isinstance(data, dict):
        raise yaml.YAMLError
    key, *rest = keys
    if isinstance(value, Remove):
        if data is None or key not in data:
            return data
        if not rest:
            return {name: inner for name, inner in data.items() if name != key}
    return {**(data or {}), key: _with((data or {}).get(key), tuple(rest), value)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


class _Places(yaml.SafeLoader):
    """Composes nodes of which each one lies where it is written: an alias is a scalar and not the value it names."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            return yaml.ScalarNode(_ALIAS, event.anchor, event.start_mark, event.end_mark)
        return super().compose_node(parent, index)


class _Line(yaml.SafeDumper):
    """Writes values that stay on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Line.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"'
    ),
)


def _flow(value: object, quote: str | None = None) -> str:
    """Return a value on one line, so that it is right in a list, too. quote: the kind of quotes, if it is a text."""
    style = quote if isinstance(value, str) and value.isprintable() else None
    if style is not None:
        return yaml.dump(value, Dumper=_Line, default_style=style, width=10**9, allow_unicode=True).strip()
    whole = yaml.dump(
        [_plain(value)], Dumper=_Line, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return whole.strip()[1:-1]


def _pairs(key: str, value: object, column: int, step: int) -> Iterator[str]:
    """Yield the lines of a key and its value, without line breaks. A value with keys goes into lines of its own."""
    head = " " * column + _flow(key) + ":"
    if isinstance(value, Mapping) and value:
        yield head
        for inner, part in value.items():
            yield from _pairs(inner, part, column + step, step)
    else:
        yield f"{head} {_flow(value)}"


class _Editor:
    """One change of a text. Each method returns the new text; None if this text has no simple place for the change."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._break = "\r\n" if "\r\n" in text else "\n"
        self._root = yaml.compose(text, Loader=_Places)
        self._step = _step(self._root)

    def edited(self, keys: Keys, value: object | Remove) -> str | None:
        """Return the text with one key set or removed."""
        node, above = self._root, None
        for depth, key in enumerate(keys):
            if not isinstance(node, yaml.MappingNode):
                return self._text if isinstance(value, Remove) else self._fill(node, above, keys[depth:], value)
            found = next((n for n, (name, _) in enumerate(node.value) if name.value == key), None)
            if found is None:
                rest = _nested(keys[depth + 1 :], value)
                return self._text if isinstance(value, Remove) else self._add(node, key, rest)
            if depth == len(keys) - 1:
                remove = isinstance(value, Remove)
                return self._take_out(node, found, above) if remove else self._put(node.value[found], value)
            above, node = node.value[found], node.value[found][1]
        return None

    def _fill(self, node: yaml.Node | None, above: _Pair | None, keys: Keys, value: object) -> str | None:
        """Return the text with keys in a section that has none yet."""
        inner = _nested(keys, value)
        assert isinstance(inner, dict)
        if node is None:
            (key,) = inner
            whole = self._text + self._break * bool(self._text and not self._text.endswith("\n"))
            return whole + "".join(line + self._break for line in _pairs(key, inner[key], 0, self._step))
        assert above is not None
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(":null"):
            return None
        return self._put(above, inner)

    def _put(self, pair: _Pair, value: object) -> str:
        """Return the text with another value of a key."""
        key, node = pair
        start, end = node.start_mark.index, self._end(node)
        if start == end:
            if isinstance(value, Mapping) and value and self._is_own_line(key):
                _, *lines = _pairs("", value, key.start_mark.column, self._step)
                return self._insert(self._close(start), lines)
            return self._splice(start, end, f" {_flow(value)}")
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            return self._put_for_block(key, node, value)
        new = _flow(value, getattr(node, "style", None))
        blanks = re.compile(" *(?=#)").match(self._text, end)
        if blanks is not None:  # the comment behind stays in its column
            new += " " * max(1, len(blanks[0]) + end - start - len(new))
            end = blanks.end()
        return self._splice(start, end, new)

    def _put_for_block(self, key: yaml.Node, node: yaml.CollectionNode, value: object) -> str:
        """Return the text with a value in place of one that stands in lines of its own."""
        start, end, column = node.start_mark.index, self._end(node), node.start_mark.column
        if isinstance(node, yaml.SequenceNode) and isinstance(value, list | tuple) and value:
            rows = (self._break + " " * column).join(f"- {_flow(row)}" for row in value)
            return self._splice(start, end, rows)
        if "#" in self._text[key.end_mark.index : start]:
            return self._splice(start, end, " " * max(0, key.start_mark.column + self._step - column) + _flow(value))
        return self._splice(self._text.index(":", key.end_mark.index) + 1, end, f" {_flow(value)}")

    def _add(self, node: yaml.MappingNode, key: str, value: object) -> str:
        """Return the text with one more key in a section: after the last one and the comments that follow it.

        If one of them shows the key, such as `# zone: …`, the key comes right after that.
        """
        if node.flow_style:
            pair = f"{_flow(key)}: {_flow(value)}"
            if not node.value:
                return self._splice(node.end_mark.index - 1, node.end_mark.index - 1, pair)
            at = self._end(node.value[-1][1])
            return self._splice(at, at, f", {pair}")
        column = node.value[0][0].start_mark.column
        at, shown = self._close(self._end(node)), False
        while (comment := self._comment_after(at)) is not None and comment[0] >= column + shown:
            shown = shown or self._text[at : comment[1]].lstrip().startswith(f"# {key}:")
            at = comment[1]
        return self._insert(at, list(_pairs(key, value, column, self._step)))

    def _take_out(self, node: yaml.MappingNode, number: int, above: _Pair | None) -> str | None:
        """Return the text without a key of a section, and without the comment that stands behind it."""
        key, value = node.value[number]
        start, end = key.start_mark.index, max(self._end(value), key.end_mark.index)
        if node.flow_style:
            if number:
                return self._splice(self._end(node.value[number - 1][1]), end, "")
            return self._splice(start, node.value[1][0].start_mark.index if len(node.value) > 1 else end, "")
        if len(node.value) == 1 and above is not None:
            return self._put(above, {})
        if not self._is_own_line(key):
            return None
        start, at = self._begin(start), self._close(end)
        behind = self._text[end:at]
        column = at - self._begin(at) - len(behind.lstrip())
        while behind.strip() and (comment := self._comment_after(at)) is not None and comment[0] == column:
            at = comment[1]
        return self._text[:start] + self._text[at:].removeprefix("\r").removeprefix("\n")

    def _splice(self, start: int, end: int, new: str) -> str:
        return self._text[:start] + new + self._text[end:]

    def _insert(self, at: int, lines: list[str]) -> str:
        """Return the text with lines after the one that ends there."""
        return self._splice(at, at, "".join(self._break + line for line in lines))

    def _begin(self, at: int) -> int:
        """Return where the line begins."""
        return self._text.rfind("\n", 0, at) + 1

    def _close(self, at: int) -> int:
        """Return where the line ends, before its line break."""
        found = re.compile(r"\r?\n|\Z").search(self._text, at)
        assert found is not None
        return found.start()

    def _comment_after(self, at: int) -> tuple[int, int] | None:
        """Return the column and the end of the next line, if it holds nothing but a comment."""
        found = re.compile(r"\r?\n( *)#[^\n]*?(?=\r?\n|\Z)").match(self._text, at)
        return None if found is None else (len(found[1]), found.end())

    def _is_own_line(self, key: yaml.Node) -> bool:
        return not self._text[self._begin(key.start_mark.index) : key.start_mark.index].strip()

    def _end(self, node: yaml.Node) -> int:
        """Return where the value ends. The parser takes comments and blank lines after it for a part of it."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        start, end = node.start_mark.index, node.end_mark.index
        return start + len(self._text[start:end].rstrip())


def _nested(keys: Keys, value: object) -> object:
    for key in reversed(keys):
        value = {key: value}
    return value


def _step(root: yaml.Node | None) -> int:
    """Return the number of blanks by which this file indents."""
    values = (value for _, value in root.value) if isinstance(root, yaml.MappingNode) else ()
    columns = (value.value[0][0].start_mark.column for value in values if _is_block(value))
    return next((column for column in columns if column > 0), 2)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _replace(path: Path, before: str, text: str) -> None:
    """Replace the file in one step, and keep the old one beside it. Links are followed. Raise ConfigError."""
    target = path.resolve()
    try:
        write_whole(target.with_name(f"{target.name}.bak"), before.encode(), durable=True, like=target)
        write_whole(target, text.encode(), durable=True, like=target, if_still=_unchanged(path, before))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", BY_HAND) from None


def _unchanged(path: Path, before: str) -> Callable[[], None]:
    def require() -> None:
        if read_config(path) != before:
            raise ConfigError(f"{path} was changed by somebody else at the same moment.", "Try again.")

    return require
