"""The house: imports point downwards, each foreign library has its rooms, threads start in one module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "streamwatch"
STAGES = {"capture", "gate", "recognition", "sightings", "access", "store", "health"}
FLOORS = (
    {"__main__"},
    {"cli"},
    {"web", "ocr_server", "replay"},
    {"app"},
    {"http", "outward"},
    {"pipeline"},
    STAGES,
    {"config"},
    {"system", "imaging", "detection"},
    {"core"},
)
"""The rooms from top to bottom. One imports itself and what lies below, and no other of its own floor."""
PLAIN = {*STAGES, "pipeline", "http", "outward"}
"""Rooms that get plain arguments: they know nothing of the config, though it lies below them."""
EXCEPTIONS: dict[str, set[str]] = {}
"""What single modules may import in spite of it, each with its reason in a comment. There is none; keep it so."""
INSIDE_THE_GATE = {
    "motion": {"motion"},
    "plates": {"plates"},
    "tracking": {"tracking", "plates"},
    **{part: set[str]() for part in ("decisions", "frame_report", "parked")},
    "policy": {"tracking", "decisions", "frame_report"},
    "part_detector": {"motion", "plates", "tracking"},
    "search": {"part_detector", "motion", "plates", "tracking"},
    "attention": {"motion", "plates", "tracking"},
    "without_plate": {"motion", "tracking", "decisions"},
    "plate_tracking": {"search", "part_detector", "motion", "plates", "tracking", "parked"},
    "open_passages": {"policy", "part_detector", "motion", "plates", "tracking", "decisions", "frame_report"},
    "gate": {
        "motion",
        "plates",
        "tracking",
        "part_detector",
        "search",
        "attention",
        "plate_tracking",
        "policy",
        "open_passages",
        "without_plate",
        "decisions",
        "frame_report",
        "parked",
    },
}
"""What a part of the gate may import of the others: motion and plates know nothing of each other nor of what is built
on them, and what decides draws no pictures."""
LIVES_IN = {
    "alembic": {"store"},
    "apprise": {"outward"},
    "argon2": {"web"},
    "av": {"capture"},
    "babel": {"web"},
    "cv2": {"capture", "detection", "gate", "recognition", "imaging"},
    "fastapi": {"web"},
    "gpiod": {"outward"},
    "h11": {"http"},
    "httpcore": {"system"},
    "httpx": {"recognition", "capture", "system", "outward"},
    "jinja2": {"web"},
    "numpy": {"core", "imaging", "detection", "capture", "gate", "recognition"},
    "onnxruntime": {"recognition"},
    "paho": {"outward"},
    "pydantic": {"app", "config", "web"},
    "pydantic_core": {"config"},
    "rapidocr": {"recognition"},
    "rich": {"cli"},
    "segno": {"app"},
    "sqlalchemy": {"store"},
    "starlette": {"http", "health", "ocr_server", "web"},
    "typer": {"cli"},
    "uvicorn": {"http"},
    "xlsxwriter": {"app"},
    "yaml": {"config"},
}
"""Every foreign library, and the rooms that may import it."""
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in MODULES}
GATE = [path for path in MODULES if path.is_relative_to(PACKAGE / "gate") and path.name != "__init__.py"]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def below(room: str) -> set[str]:
    """Return the rooms that a room may import, with itself."""
    floor = next(n for n, rooms in enumerate(FLOORS) if room in rooms)
    rooms = {room}.union(*FLOORS[floor + 1 :])
    return rooms - {"config"} if room in PLAIN else rooms


def imported(path: Path) -> Iterator[str]:
    """Return all that a module imports, at any place; our own modules by their whole names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names]
            ours = [name for name in names if name in NAMES]
            yield from (module, *ours) if len(ours) < len(names) and module != "streamwatch" else ours


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("streamwatch.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        assert not rooms_imported(path)
        return
    wrong = rooms_imported(path) - below(room_of(path)) - EXCEPTIONS.get(str(path.relative_to(PACKAGE)), set())
    assert not wrong, f"{path.relative_to(PACKAGE)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_foreign_library_lives_in_its_rooms(path: Path) -> None:
    foreign = {name.split(".")[0] for name in imported(path)} - sys.stdlib_module_names - {"streamwatch"}
    wrong = {name for name in foreign if room_of(path) not in LIVES_IN.get(name, set())}
    assert not wrong, f"{path.relative_to(PACKAGE)} imports {sorted(wrong)}"


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
    """A package is what its __init__ imports."""
    paths = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in MODULES}
    needs = {name.removesuffix(".__init__"): set(imported(path)) & NAMES for name, path in paths.items()}
    assert needs.keys() == NAMES
    assert list(TopologicalSorter(needs).static_order())


def test_threads_are_started_in_one_module_and_for_few() -> None:
    """`app/` runs the daemon and the console and checks cameras, `ocr_server/` its reader.

    `system/connections.py` looks up a name in a thread, because a look-up can hang and cannot be broken off.
    """
    texts = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in MODULES}
    assert {path for path, text in texts.items() if "Thread(" in text} == {"system/threads.py"}
    users = {path for path, text in texts.items() if "streamwatch.system.threads import" in text}
    assert users == {
        "app/camera_threads.py",
        "app/cameras.py",
        "app/check.py",
        "app/console_server.py",
        "app/daemon.py",
        "ocr_server/serve_ocr.py",
        "system/connections.py",
    }


def test_asyncio_stays_where_http_is_spoken() -> None:
    """The pipeline has threads; a coroutine among them would block an event loop, or be blocked by one."""
    assert {room_of(path) for path in MODULES if "asyncio" in imported(path)} == {"http"}


def test_every_module_lies_in_a_room() -> None:
    """So that the tests above cover each one."""
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}
    assert {room_of(path) for path in MODULES} == {"__init__"}.union(*FLOORS)
    assert all((PACKAGE / room / "__init__.py").exists() for room in set().union(*FLOORS) - {"__main__"})


def test_nothing_is_excepted_in_vain() -> None:
    for name, rooms in EXCEPTIONS.items():
        path = PACKAGE / name
        assert rooms <= rooms_imported(path) - below(room_of(path)), name


def test_each_verb_has_a_file_of_its_name() -> None:
    from streamwatch.cli.main import app

    groups = [group.typer_instance.registered_callback for group in app.registered_groups if group.typer_instance]
    verbs = [command.callback for command in (*app.registered_commands, *groups) if command and command.callback]
    assert len(verbs) > len(groups) > 0
    assert all(verb.__module__ == f"streamwatch.cli.{verb.__name__}" for verb in verbs)


def test_the_command_line_is_there_at_once() -> None:
    """A verb imports what it needs: `status` and `--help` need neither decoder nor network nor database."""
    heavy = "{'numpy', 'cv2', 'av', 'httpx', 'sqlalchemy', 'pydantic'}"
    look = f"import sys, streamwatch.cli.main; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "\n"
