"""What two versions of config.yaml differ in, and which of that counts only from the next start of the daemon."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from streamwatch.config.settings import Settings

FIXED = (
    "data_dir",
    "database",
    "outbox",
    "barriers",
    "calls.runaway_after",
    "recognizer.ocrcars.parallel",
    "health",
    "push",
    "web.enabled",
    "web.host",
    "web.port",
    "web.tls_certificate",
    "web.tls_key",
    "web.behind_proxy",
)
"""Keys, or whole sections, that count only from the next start of the daemon."""
UNUSED = ("serve_ocr",)
"""Sections that the daemon does not look at."""


def changed(old: Settings, new: Settings) -> list[str]:
    """Return the dotted keys whose values differ, without those of cameras that came, went or are watched anew."""
    before, after = dict(_flat(old, "")), dict(_flat(new, ""))
    for name in old.cameras.keys() & new.cameras.keys():
        for one, flat in ((old, before), (new, after)):
            flat.update(_flat(one.cameras[name].budget, f"cameras.{name}.budget."))
            flat.update((f"cameras.{name}.{key}", value) for key, value in one.cameras[name].own.items())
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return sorted(key for key in keys if not _is_in(key, UNUSED))


def is_fixed(key: str) -> bool:
    """Return True if a key counts only from the next start."""
    return _is_in(key, FIXED)


def with_fixed(old: Settings, new: Settings) -> Settings:
    """Return the new settings, with the old values of keys that count only from the next start."""
    for place in FIXED:
        new = _with(new, old, place.split("."))
    return new


def _with(new: Any, old: Any, place: list[str]) -> Any:
    name, *rest = place
    value = _with(getattr(new, name), getattr(old, name), rest) if rest else getattr(old, name)
    return new.model_copy(update={name: value})


def _flat(model: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{name}.")
        elif name != "cameras":
            yield prefix + name, value


def _is_in(key: str, places: tuple[str, ...]) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in places)
