"""config.yaml with generated contents gives settings or a sentence for each mistake, no traceback, no secret."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.config import loading
from streamwatch.config.fields import seconds, size
from streamwatch.config.settings import Settings
from streamwatch.core.errors import ConfigError

SECRET = "invented0appcode0of0generated0settings"
KEYS = sorted(loading.keys())
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.sampled_from(["1s", "5m", "2h", "30d", "1GB", "-3s", "local", "rtsp://u:p@h/x", "sample", "0"]),
)  # fmt: skip
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=5), scalars, max_size=2))


def loaded(text: str) -> Settings | list[str]:
    """Return the settings, or the lines of the error."""
    with TemporaryDirectory() as name:
        path = Path(name) / "config.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return loading.load(path, secrets=False)
        except ConfigError as error:
            return str(error).splitlines()


@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=4))
@settings(max_examples=80)
def test_any_value_of_any_key_is_taken_or_said(chosen: dict[str, Any]) -> None:
    config: dict[str, Any] = {"recognizer": {"ocrcars": {"appcode": SECRET}}}
    for key, value in chosen.items():
        *parents, leaf = key.split(".")
        place = config
        for parent in parents:
            inner = place.get(parent)
            place[parent] = place = inner if isinstance(inner, dict) else {}
        place[leaf] = value
    told = loaded(json.dumps(config))
    if not isinstance(told, Settings):
        assert all(line.strip() for line in told)
        assert SECRET not in "".join(told)
        assert not any("pydantic" in line or "Traceback" in line for line in told)


@given(st.text(max_size=40))
@settings(max_examples=80)
def test_any_text_is_settings_or_an_error(text: str) -> None:
    told = loaded(text)
    assert isinstance(told, Settings) or all(line.strip() for line in told)


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: str) -> None:
    worth = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    for text in (f"{number}{unit}", f"{number} {unit}"):
        found = seconds(text)
        assert isinstance(found, float | int)
        assert abs(found - number * worth) <= 1e-9 * number * worth


@given(st.integers(0, 10**6), st.sampled_from(["kB", "MB", "GB"]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    assert size(f"{number}{unit}") == number * 1000 ** (["kB", "MB", "GB"].index(unit) + 1)
