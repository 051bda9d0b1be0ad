"""The pinned requirements of a release are what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / ".ci" / "requirements.lock").read_text(encoding="utf-8")
PINS = [Requirement(line.removesuffix(" \\")) for line in LOCK.splitlines() if re.match(r"\w", line)]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = [Requirement(text) for text in [*PROJECT["dependencies"], *EXTRAS["local"], *EXTRAS["postgres"]]]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_each_requirement_is_pinned_within_its_bounds(wanted: Requirement) -> None:
    pins = [pin for pin in PINS if canonical(pin.name) == canonical(wanted.name)]
    assert pins
    for pin in pins:
        (version,) = pin.specifier
        assert version.operator == "=="
        assert wanted.specifier.contains(version.version)


def test_every_pin_has_hashes_and_no_address_is_named() -> None:
    entries = re.split(r"\n(?=\w)", "\n".join(line for line in LOCK.splitlines() if not line.startswith("#")))
    assert len(entries) == len(PINS) > 30
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK
