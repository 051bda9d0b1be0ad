"""Parts of all trials: checks, processes in the background, and the rows of a database."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

POLL = 2.0  # s

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Check:
    """A condition that must hold, and the figures that show it."""

    name: str
    passed: bool
    figures: str = ""

    def __str__(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'} {self.name}: {self.figures}"


class Background:
    """A process beside this one, killed at the end of the block. Its output goes to a file.

    own_group: for a shell with children; signals then go to all of them.
    """

    def __init__(self, command: Command, output: Path, *, own_group: bool = False, cwd: Path, **env: str) -> None:
        self.output, self._own_group = output, own_group
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=os.environ | env,
                process_group=0 if own_group else None,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def said(self) -> str:
        """Return all output so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def ended(self) -> bool:
        """Return True if it has ended."""
        return self._process.poll() is not None

    def stop(self, patience: float = 30.0) -> int | None:
        """Send SIGTERM; return the exit code, or None if it runs for more than `patience` seconds more."""
        self._signal(signal.SIGTERM)
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Send SIGKILL and wait for its end."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if not self._own_group:
            self._process.send_signal(number)
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def wait_until(condition: Callable[[], bool], timeout: float, every: float = 0.2) -> bool:
    """Return True if the condition became true within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


def sightings(program: Path, config: Path) -> list[dict[str, Any]]:
    """Return the rows of the verb `sightings`, newest first; none while there is no database."""
    command: Command = [program, "sightings", "--config", config, "--format", "json", "--limit", "1000"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(answer.stdout) if answer.returncode == 0 else []


def plates(program: Path, config: Path) -> set[str]:
    """Return the different plates sighted so far."""
    return {row["plate"] for row in sightings(program, config)}
