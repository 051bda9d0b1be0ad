"""The house: imports point downwards, each foreign library lives in one room, threads start in one module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "streamwatch"
BOTTOM = {"model", "errors", "clock", "redact", "plates", "words", "imaging", "files"}
STAGES = {"capture", "gate", "recognition", "sightings", "store", "health"}
MAY_IMPORT = {
    **dict.fromkeys(BOTTOM, BOTTOM),
    "detection": BOTTOM | {"detection"},
    **{stage: BOTTOM | {stage} for stage in STAGES},
    **{stage: BOTTOM | {stage, "detection"} for stage in ("gate", "recognition")},
    "health": BOTTOM | {"health", "visitors"},
    "visitors": BOTTOM,
    "serving": BOTTOM | {"serving", "visitors", "recognition"},
    "pipeline": BOTTOM | {"pipeline", "gate", "sightings", "store"},
    "explain": BOTTOM | {"explain", "gate", "pipeline", "store"},
    "times": set(),
    "allocator": set(),
    "stderr": set(),
    "service": {"errors"},
    "notify": BOTTOM,
    "pulse": BOTTOM,
    "lock": BOTTOM | {"store"},
    "settings": BOTTOM | {"service"},
    "config": BOTTOM | {"settings", "service", "mistakes"},
    "mistakes": BOTTOM,
}
"""What a room may import of streamwatch. Rooms that are not named here stand at the top and may import all."""
INSIDE_THE_GATE = {
    "motion": {"motion"},
    "plates": {"plates"},
    "tracking": {"tracking", "plates"},
    "policy": {"tracking", "decisions", "glance"},
    "search": {"motion", "plates", "tracking"},
    "attention": {"motion", "plates", "tracking"},
    **{part: set[str]() for part in ("decisions", "glance", "jpeg", "remembered")},
    "unplated": {"motion", "tracking", "decisions"},
    "gate": {
        "motion",
        "plates",
        "tracking",
        "policy",
        "search",
        "attention",
        "unplated",
        "decisions",
        "glance",
        "remembered",
    },
}
"""What a part of the gate may import of the others: motion and plates know nothing of each other nor of what is built
on them, and what decides draws no pictures."""
LIVES_IN = {
    "av": {"capture"},
    "httpx": {"recognition", "capture"},
    "httpcore": {"recognition", "capture"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "rapidocr": {"recognition"},
    "onnxruntime": {"recognition"},
    "pydantic": {"settings", "config", "mistakes"},
    "yaml": {"config", "mistakes"},
    "typer": {"cli"},
    "rich": {"cli", "console", "ledger_report", "compare_report"},
    "cv2": {"capture", "detection", "gate", "recognition", "imaging"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))
GATE = [path for path in MODULES if path.is_relative_to(PACKAGE / "gate") and path.name != "__init__.py"]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" if module == "streamwatch" else module for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    allowed = MAY_IMPORT.get(room_of(path))
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("streamwatch.")}
    assert allowed is None or rooms <= allowed, f"{path.name} imports {sorted(rooms - (allowed or set()))}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_foreign_library_lives_in_its_room(path: Path) -> None:
    for name in imported(path):
        rooms = LIVES_IN.get(name.split(".")[0])
        assert rooms is None or room_of(path) in rooms, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", GATE, ids=lambda path: str(path.relative_to(PACKAGE / "gate")))
def test_inside_the_gate_imports_point_downwards(path: Path) -> None:
    part = path.relative_to(PACKAGE / "gate").parts[0].removesuffix(".py")
    parts = {name.split(".")[2] for name in imported(path) if name.startswith("streamwatch.gate.")}
    assert parts <= INSIDE_THE_GATE[part], f"{path.name} imports {sorted(parts - INSIDE_THE_GATE[part])}"


def test_the_gate_is_a_stage_that_decides_without_a_clock_a_file_or_a_thread() -> None:
    """So that a recording gives the same decisions every time."""
    foreign = {name.split(".")[0] for path in GATE for name in imported(path)}
    assert not foreign & {"time", "threading", "os", "pathlib", "random", "tempfile", "asyncio", "logging"}
    assert not any(".now(" in path.read_text(encoding="utf-8") for path in GATE)


def test_no_modules_of_the_package_import_each_other_in_a_circle() -> None:
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in MODULES}
    needs = {name: {other for other in imported(path) if other in names} for name, path in names.items()}
    assert list(TopologicalSorter(needs).static_order())


def test_only_the_daemon_starts_threads() -> None:
    """But for a name look-up: it can hang and can not be broken off, so nobody else may wait in it."""
    starters = {str(path.relative_to(PACKAGE)) for path in MODULES if "Thread(" in path.read_text(encoding="utf-8")}
    assert starters == {"daemon.py", "recognition/sockets.py"}


def test_rooms_are_all_known() -> None:
    top = {"__init__", "__main__", "cli", "console", "ledger_report", "check", "daemon", "parts", "replay", "resume"}
    verbs = {"bench", "by_hand", "compare", "compare_report", "serve_ocr", "rehearsal", "recordings", "paid_before"}
    known = set(MAY_IMPORT) | top | verbs | {"vitals", "housekeeping", "watched", "cameras"}
    assert {room_of(path) for path in MODULES} == known


def test_the_command_line_is_there_at_once() -> None:
    """A verb imports what it needs: `status` and `--help` need neither decoder nor network nor database."""
    heavy = "{'numpy', 'cv2', 'av', 'httpx', 'sqlalchemy', 'pydantic'}"
    look = f"import sys, streamwatch.cli; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "\n"
