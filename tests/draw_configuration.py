"""Write docs/configuration.md: every key of config.yaml, from the texts, types, defaults and limits of the settings.

`python tests/draw_configuration.py`
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from streamwatch.config.barrier_settings import Words
from streamwatch.config.fields import LONGEST, MOST_BYTES, seconds, size
from streamwatch.config.loading import models_of
from streamwatch.config.settings import OVERRIDES, CameraSettings, Settings

TARGET = Path(__file__).parent.parent / "docs" / "configuration.md"
UNMET = 1e9
"""A limit from here on keeps arithmetic sane and is of no use to a reader."""
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
SIZES = {"GB": 10**9, "MB": 10**6, "kB": 10**3}
HEAD = """\
# Configuration

<!-- `python tests/draw_configuration.py` writes this page from the texts in streamwatch/config/settings.py. -->

This page lists every key of `config.yaml`. The file [config.yaml](../config.yaml) shows all of them in their places.
`streamwatch check` says what is wrong in yours, with file and line. A key that does not exist is an error. After a
change, `streamwatch reload` lets the running daemon take it in.

- **Durations** are written `10` (seconds), `500ms`, `10s`, `5m`, `2h` or `1d`.
- **Sizes** are written `1500000` (bytes), `500MB` or `20GB`.
- **Relative paths** start at the folder of the config file.
- **Secrets** do not belong in the file. In `source` and `watch`, `${NAME}` is replaced by the environment variable
  `NAME`, and its special characters are percent-encoded. The credentials of the paid service are looked up in this
  order: the environment (`STREAMWATCH_APPCODE`, `STREAMWATCH_APP_KEY`, `STREAMWATCH_APP_SECRET`), the files that the
  service manager hands over (`appcode`, `app_key`, `app_secret`; see [operations](operations.md)), the `…_file` keys,
  the keys themselves.

The smallest useful file:

```yaml
cameras:
  gate:
    source: rtsp://viewer:${GATE_PASSWORD}@192.0.2.7/stream1
```
"""
OWN = """

`attention`, `gate`, `recognizer`, `plates` and `dedup` of a camera hold what differs from the common sections of the
same names. Whatever is not written there is as it is in the common section. The `dedup.window` of a camera that belongs
to a lane is at most 30 s, and the `attention.max_blind` of a camera before a barrier that is not `manual` is at most
500 ms, unless the camera has one of its own."""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(f"\n{part}\n" for part in _sections())


def _sections() -> Iterator[str]:
    yield _section("cameras.NAME", [CameraSettings], OWN)
    yield _table("General", "", [(n, f) for n, f in Settings.model_fields.items() if not models_of(f.annotation)])
    for name, field in Settings.model_fields.items():
        models = models_of(field.annotation)
        if models and models != [CameraSettings]:
            yield _section(f"{name}.NAME" if get_origin(field.annotation) is dict else name, models)


def _section(prefix: str, models: list[type[BaseModel]], more: str = "") -> str:
    """Return the table of one section; of several classes, which a driver tells apart, with the keys of all."""
    told = (models[0].__doc__ if len(models) == 1 else "One of several kinds, as its `driver` says.") or ""
    return _table(f"`{prefix}`", f"{told.splitlines()[0]}{more}\n\n", list(_keys(f"{prefix}.", models)))


def _keys(prefix: str, models: list[type[BaseModel]]) -> Iterator[tuple[str, FieldInfo]]:
    names = sorted({name: 0 for model in models for name in model.model_fields}, key=lambda name: name != "driver")
    fields = {name: [m.model_fields[name] for m in models if name in m.model_fields] for name in names}
    for name, found in fields.items():
        if inner := models_of(found[0].annotation):
            named = ".NAME" * (get_origin(found[0].annotation) is dict)
            yield from _keys(f"{prefix}{name}{named}.", inner)
        elif name == "driver":
            words = [word for field in found for word in get_args(field.annotation)]
            yield prefix + name, FieldInfo(annotation=Literal[*words], description=found[0].description)
        else:
            yield prefix + name, found[0]


def _table(title: str, lead: str, keys: list[tuple[str, FieldInfo]]) -> str:
    rows = "\n".join(
        f"| `{key}` | {_default(key, field)} | {_value(field)} | {field.description} |" for key, field in keys
    )
    return f"## {title}\n\n{lead}| key | default | value | meaning |\n|---|---|---|---|\n{rows}"


def _default(key: str, field: FieldInfo) -> str:
    common = key.removeprefix("cameras.NAME.")
    if common != key and common.split(".")[0] in OVERRIDES:
        return f"as `{common}`"
    if field.is_required():
        return "required"
    if field.default in (None, ""):
        return "none"
    return f"`{_written(field, field.default)}`"


def _written(field: FieldInfo, value: Any) -> str:
    """Return a value as config.yaml would hold it."""
    if _read_by(field, seconds):
        unit = next((unit for unit, length in UNITS.items() if value >= length and value % length == 0), "")
        return f"{value / UNITS[unit]:g}{unit}" if unit else f"{value * 1000:g}ms" if value else "0"
    if _read_by(field, size):
        unit = next((unit for unit, length in SIZES.items() if value and value % length == 0), "")
        return f"{value // SIZES.get(unit, 1)}{unit}"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _value(field: FieldInfo) -> str:
    """Return what may be written, as a cell of the table."""
    kind = _kind(field)
    limits = _limits(field)
    return f"{kind}, {limits}" if limits else kind


def _kind(field: FieldInfo) -> str:
    if _read_by(field, seconds):
        return "duration"
    if _read_by(field, size):
        return "size"
    annotation = next(kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not NoneType)
    if get_origin(annotation) is not Literal:
        annotation = getattr(annotation, "__origin__", annotation)  # of Annotated
    if get_origin(field.annotation) is Literal:
        return " ".join(f"`{word}`" for word in get_args(field.annotation))
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return " ".join(f"`{word.value}`" for word in field.annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum) and get_origin(field.annotation) is not list:
        return " ".join(f"`{word.value}`" for word in annotation)
    if field.annotation in (Words, Words.__origin__, Words | None):
        return "list of texts"
    if "list" in str(field.annotation):
        if isinstance(annotation, type) and issubclass(annotation, StrEnum):
            return "list of " + " ".join(f"`{word.value}`" for word in annotation)
        if words := [word for word in get_args(annotation) if isinstance(word, str)]:
            return "list of " + " ".join(f"`{word}`" for word in words)
        return "text or list of texts" if annotation is str else "list of points"
    return {bool: "`true` `false`", int: "number", float: "number", Path: "path", SecretStr: "secret"}.get(
        annotation, "text"
    )


def _limits(field: FieldInfo) -> str:
    """Return the numbers that a key takes, in words; empty if none is refused."""
    lowest, highest = _limit(field, "ge"), _limit(field, "le")
    over = _limit(field, "gt")
    if highest is not None and (highest >= UNMET or highest in (LONGEST, MOST_BYTES)):
        highest = None
    upper = "" if highest is None else f"at most {_written(field, highest)}"
    if over is not None:
        return f"more than {over}" + (f", {upper}" if upper else "")
    if lowest is not None and upper:
        return f"{_written(field, lowest)} to {_written(field, highest)}"
    return upper if lowest is None else f"at least {_written(field, lowest)}"


def _limit(field: FieldInfo, name: str) -> Any:
    return next((getattr(one, name) for one in _metadata(field) if getattr(one, name, None) is not None), None)


def _read_by(field: FieldInfo, reader: object) -> bool:
    return any(isinstance(one, BeforeValidator) and one.func is reader for one in _metadata(field))


def _metadata(field: FieldInfo) -> Iterator[Any]:
    """Yield the constraints of a field, its own and those of the types in its annotation."""
    yield from field.metadata
    for kind in get_args(field.annotation):
        for one in getattr(kind, "__metadata__", ()):
            yield from one.metadata if isinstance(one, FieldInfo) else (one,)


def main() -> None:
    """Write the page."""
    TARGET.write_text(page(), encoding="utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
