"""README's first command in a fresh clone, and the wheel in an empty folder."""

import html
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

from common import POLL, Background, Check, Command, plates, wait_until

SAMPLE_PLATES = {"京AF0236", "浙AD60718", "苏EK3P82", "川A0638警"}
CONSOLE = "http://127.0.0.1:8470/"
INSTALLATION = 1200.0  # s; not part of what is measured
SAMPLE_ONLY = "cameras: {gate: {source: sample}}\nrecognizer: {engine: local}\n"


def readme_trial(repository: Path, work: Path) -> Iterator[Check]:
    """Yield the checks of both trials; make their folders in `work`."""
    clone = work / "clone"
    subprocess.run(["git", "clone", "--quiet", repository, clone], check=True)
    yield from _first_command(clone, work / "first_command.log")
    yield from _wheel(clone, work)


def _first_command(clone: Path, output: Path) -> Iterator[Check]:
    readme = (clone / "README.md").read_text(encoding="utf-8")
    command = next(line for line in readme.splitlines() if line.startswith("python3 -m venv"))
    print(f"\n== README's first command: {command}", flush=True)
    program, config = clone / ".venv/bin/streamwatch", clone / "config.yaml"
    # A shell that traps the signal waits for streamwatch and takes over its exit code.
    shell: Command = ["bash", "-c", f"trap : TERM\n{command}"]
    with Background(shell, output, own_group=True, cwd=clone) as daemon:
        wait_until(lambda: program.exists() or daemon.ended(), INSTALLATION)
        began = time.monotonic()
        enough = wait_until(lambda: len(plates(program, config)) >= 3 or daemon.ended(), 60, POLL)
        took = time.monotonic() - began
        page, pictures = _page()
        code = daemon.stop()
        found = plates(program, config)
        yield Check(
            "three plates of the sample within 60 s", enough and len(found) >= 3, f"{len(found)} in {took:.0f} s"
        )
        yield _all_right(found)
        shown = {plate for plate in found if plate in page}
        yield Check("the page shows them", len(shown) >= 3, f"{len(shown)} plates")
        yield Check("with a picture of each", pictures >= len(shown), f"{pictures} pictures")
        yield Check("a line for each", all(plate in daemon.said() for plate in found), f"{len(found)} plates")
        yield _exit_code(code)
        _show_if(code != 0 or len(found) < 3, daemon)


def _wheel(clone: Path, work: Path) -> Iterator[Check]:
    print("\n== The wheel in an empty folder", flush=True)
    wheels, venv, folder = work / "wheels", work / "venv", work / "empty"
    python = venv / "bin/python"
    pip: Command = [python, "-m", "pip", "-qq"]
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, clone], check=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", f"{wheel}[local]"], check=True)
    folder.mkdir()
    program, config = venv / "bin/streamwatch", folder / "x.yaml"
    config.write_text(SAMPLE_ONLY, encoding="utf-8")
    with Background([program, "run", "--config", config], work / "wheel.log", cwd=folder) as daemon:
        began = time.monotonic()
        wait_until(lambda: bool(plates(program, config)) or daemon.ended(), 25, POLL)
        took = time.monotonic() - began
        code = daemon.stop()
        found = plates(program, config)
        yield Check("a plate from the wheel within 25 s", bool(found), f"{len(found)} in {took:.0f} s")
        yield _all_right(found)
        yield _exit_code(code)
        _show_if(code != 0 or not found, daemon)


def _page() -> tuple[str, int]:
    """Return the page that README names, and the number of its pictures of vehicles that come as JPEG."""
    try:
        page = _fetch(CONSOLE).decode()
        sources = {html.unescape(source) for source in re.findall(r'src="(/pictures/keyframes/[^"]+)"', page)}
        whole = [source for source in sources if "crop=" not in source]
        return page, sum(_fetch(urljoin(CONSOLE, source)).startswith(b"\xff\xd8") for source in whole)
    except OSError as error:
        print(error, flush=True)
        return "", 0


def _fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:
        read: bytes = answer.read()
        return read


def _all_right(found: set[str]) -> Check:
    return Check("all of them right", bool(found) and found <= SAMPLE_PLATES, " ".join(sorted(found)))


def _exit_code(code: int | None) -> Check:
    return Check("exit code after SIGTERM", code == 0, str(code))


def _show_if(failed: bool, daemon: Background) -> None:
    if failed:
        print(daemon.said()[-4000:], flush=True)
