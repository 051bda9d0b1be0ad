"""Verbs that only read the database import no library that they do not need: each import costs CPU time."""

import json
from pathlib import Path

import pytest
from records import output, python

from streamwatch.store import open_store

MODULES = """
import json, sys
from streamwatch.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
finally:
    print("\\n" + json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text("cameras:\n  gate:\n    source: sample\n")
    open_store(f"sqlite:///{tmp_path}/data/streamwatch.db", tmp_path / "data").close()
    return file


def modules(*arguments: object) -> set[str]:
    """Return the names of all modules that a run of the program has imported."""
    return set(json.loads(output(python(MODULES, *arguments)).splitlines()[-1]))


def imported_by(*arguments: object) -> set[str]:
    """Return the top-level names of all modules that a run of the program has imported."""
    return {name.split(".")[0] for name in modules(*arguments)}


@pytest.mark.parametrize("verb", ["sightings", "calls"])
def test_a_verb_that_asks_the_database_imports_no_decoder_no_arrays_and_no_migrations(config: Path, verb: str) -> None:
    imported = imported_by(verb, "--config", config)
    assert {"sqlalchemy", "streamwatch"} <= imported
    assert not imported & {"alembic", "mako", "cv2", "numpy", "av", "httpx", "onnxruntime"}


def test_output_for_programs_does_not_load_tables_for_people(config: Path) -> None:
    loaded = modules("sightings", "--format", "json", "--config", config)
    assert not {name for name in loaded if name.startswith("rich.")}


def test_the_version_is_said_without_the_command_line() -> None:
    assert not imported_by("--version") & {"typer", "rich", "pydantic", "sqlalchemy", "numpy"}


def test_the_daemon_imports_no_pages_before_somebody_asks_for_one() -> None:
    modules = "import sys, streamwatch.app.check, streamwatch.app.daemon, streamwatch.cli.open_pages"
    look = f"{modules}\nprint(*{{'babel', 'fastapi', 'jinja2', 'streamwatch.web'}} & set(sys.modules))"
    assert output(python(look)) == "\n"


def test_check_tries_ports_without_the_server() -> None:
    look = "import sys, streamwatch.app.check\nprint(*{'starlette', 'uvicorn'} & set(sys.modules))"
    assert output(python(look)) == "\n"
