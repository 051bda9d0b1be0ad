"""Reads config.yaml into settings.

Every problem is one sentence that names the file, the line, the key, the wrong value and, if there is one, the nearest
right key. Relative paths are taken from the folder of the config file.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import quote

import yaml
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from streamwatch.config.fields import VARIABLE, one_word
from streamwatch.config.problems import NumberRange, Problem, odd_keys, problems, told
from streamwatch.config.settings import OVERRIDES, PUSH, OcrCarsSettings, Settings
from streamwatch.core.errors import ConfigError
from streamwatch.system.systemd_unit import credential

SECRETS = {"appcode": "STREAMWATCH_APPCODE", "app_key": "STREAMWATCH_APP_KEY", "app_secret": "STREAMWATCH_APP_SECRET"}

_SECTIONS = {"budget", *OVERRIDES}
"""Sections of a camera. One without keys has its defaults."""


def load(path: Path, secrets: bool = True) -> Settings:
    """Read, check and complete the settings. Raise ConfigError with a line for each problem.

    secrets: True if credentials and the ${…} of cameras are looked up. A verb that only reads the database may run
    without them.
    """
    return load_text(read_config(path), path, secrets)


def load_text(text: str, path: Path, secrets: bool = True) -> Settings:
    """Return the settings of a text that stands, or is to stand, in a config file; see `load`."""
    node, raw, odd = _parse(path, text)
    raw = {} if raw is None else raw
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected keys with values, such as `cameras:`, but found {type(raw).__name__}.")
    try:
        settings = Settings.model_validate(
            _rooted(raw, path.parent), context={"secrets": secrets, "folder": path.parent}
        )
    except ValidationError as error:
        raise ConfigError(told(odd, problems(path, node, error, _limits()))) from None
    if odd:
        raise ConfigError(told(odd))
    if not secrets:
        return settings
    recognizer = settings.recognizer
    found, wrong = _secrets(recognizer.ocrcars)
    if wrong:
        raise ConfigError("\n".join(wrong))
    ocrcars = recognizer.ocrcars.model_copy(update=found)
    return settings.model_copy(update={"recognizer": recognizer.model_copy(update={"ocrcars": ocrcars})})


def keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Return every key that config.yaml may hold, dotted, for the test that README and config.yaml name them all."""
    return (key for key, _ in _fields(model, prefix))


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = models_of(field.annotation)
        if not inner:
            yield prefix + name, field
            continue
        named = ".NAME" * (get_origin(field.annotation) is dict)
        below = {key: found for one in inner for key, found in _fields(one, f"{prefix}{name}{named}.")}
        yield from below.items()


def models_of(annotation: object) -> list[type[BaseModel]]:
    """Return the classes of the sections that a key may hold: several if they are told apart by a `driver`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models_of(inner)]


def _limits() -> dict[str, NumberRange]:
    """Return the range of each key; a range without bounds if the key is not a number."""
    return {key: NumberRange.of(field.metadata) for key, field in _fields(Settings, "")}


def _parse(path: Path, text: str) -> tuple[yaml.Node | None, object, list[Problem]]:
    """Return the nodes of a text, its values without keys that are not texts, and the problems of its keys."""
    odd: list[Problem] = []
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        odd = odd_keys(path, node)
        return node, _with_texts_as_keys(yaml.safe_load(text)), odd
    except yaml.MarkedYAMLError as error:
        if odd:
            raise ConfigError(told(odd)) from None
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: this is not YAML: {error.problem}.", "Check blanks and colons.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: this is not YAML: {str(error).splitlines()[0]}.") from None


def read_config(path: Path) -> str:
    """Return the text of a config file with the line breaks that it has. Raise ConfigError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist.", "Name your config file with --config.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: this is not UTF-8 text (but perhaps GBK).",
            "Save the file as UTF-8; editors ask for it under `Save as`, `Encoding`.",
        ) from None


def _with_texts_as_keys(value: object) -> object:
    """Return the value without the keys that are not texts, because they are reported already."""
    if isinstance(value, list):
        return [_with_texts_as_keys(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_texts_as_keys(item) for key, item in value.items() if isinstance(key, str)}
    return value


def _rooted(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the values with relative paths below the config file's folder, before defaults are filled in."""
    raw = {key: value for key, value in raw.items() if value is not None}  # a section without keys has its defaults
    data_dir = raw.get("data_dir", "data")
    if isinstance(data_dir, str):
        raw["data_dir"] = folder / Path(data_dir).expanduser()
    database = raw.get("database")
    if isinstance(database, str) and (match := re.fullmatch(r"(sqlite(?:\+\w+)?:///)([^/:?][^?]*)(\?.*)?", database)):
        raw["database"] = f"{match[1]}{quote(str(folder))}/{match[2]}{match[3] or ''}"
    recognizer = raw.get("recognizer")
    if isinstance(recognizer, dict):
        files = (f"{name}_file" for name in SECRETS)
        raw["recognizer"] = {**recognizer, "ocrcars": _rooted_files(recognizer.get("ocrcars", {}), files, folder)}
    raw["web"] = _rooted_files(raw.get("web", {}), ("tls_certificate", "tls_key"), folder)
    raw["serve_ocr"] = _rooted_files(raw.get("serve_ocr", {}), ("certificate", "key"), folder)
    cameras = raw.get("cameras")
    if isinstance(cameras, dict):
        raw["cameras"] = {name: _rooted_camera(camera, folder) for name, camera in cameras.items()}
    return raw


def _rooted_files(section: object, names: Iterable[str], folder: Path) -> object:
    if not isinstance(section, dict):
        return section
    files = {name: section[name] for name in names if isinstance(section.get(name), str)}
    return section | {name: folder / Path(file).expanduser() for name, file in files.items()}


def _rooted_camera(camera: object, folder: Path) -> object:
    if not isinstance(camera, dict):
        return camera
    camera = {key: value for key, value in camera.items() if value is not None or key not in _SECTIONS}
    files = (key for key in ("source", "watch") if isinstance(camera.get(key), str) and _is_path(camera[key]))
    return camera | {key: str(folder / Path(camera[key]).expanduser()) for key in files}


def _is_path(source: str) -> bool:
    is_word = source in ("", "sample", PUSH) or source.isdigit()
    return not is_word and "://" not in source and "$" not in source


def variables(path: Path) -> list[str]:
    """Return the names of all ${…} in the values of a config file, for the systemd unit that hands them over."""
    node, _, _ = _parse(path, read_config(path))
    return sorted({name for text in _scalars(node) for name in VARIABLE.findall(text)})


def _scalars(node: yaml.Node | None) -> Iterator[str]:
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value)


def _secrets(ocrcars: OcrCarsSettings) -> tuple[dict[str, SecretStr], list[str]]:
    """Return the secrets from the environment, else from systemd, else from the named files, and what is wrong."""
    found, wrong = {}, []
    for name, variable in SECRETS.items():
        file: Path | None = getattr(ocrcars, f"{name}_file")
        try:
            if os.environ.get(variable, "").strip():
                found[name] = SecretStr(one_word(os.environ[variable]))
            elif handed_over := credential(name):
                found[name] = SecretStr(one_word(handed_over))
            elif file is not None:
                found[name] = SecretStr(one_word(file.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            wrong.append(f"recognizer.ocrcars.{name}_file: {file} cannot be read: {reason}.")
        except ValueError as error:
            place = variable if variable in os.environ else f"recognizer.ocrcars.{name}_file"
            wrong.append(f"{place} {error}.")
    return found, wrong
