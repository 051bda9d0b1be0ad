"""Processes of the program that start at once, because they are forked from one that has imported it.

The start of Python and the imports cost more than a second of CPU, and the tests start the program some hundred times.
Tests of the start itself, of the interpreter's options and of a closed or broken output start `python -m streamwatch`.
"""

import io
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVER = multiprocessing.get_context("forkserver")
"""Starts processes that have imported the program already."""
SERVER.set_forkserver_preload(
    [
        "alembic.command",
        "sqlalchemy.dialects.sqlite",
        "streamwatch.app.picture_reader",
        "streamwatch.app.check",
        "streamwatch.app.daemon",
        "streamwatch.app.wiring",
        "streamwatch.cli.main",
        "streamwatch.config.loading",
        "streamwatch.recognition.local.reader",
        "streamwatch.replay.replay",
        "streamwatch.store.schema",
    ]
)


class Forked:
    """A running `streamwatch WORDS…`, with what tests use of `subprocess.Popen`.

    environment: every variable. out, err: files to which its output is appended. patch: Python that it runs first.
    """

    def __init__(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], out: Path, err: Path, patch: str = ""
    ) -> None:
        self._words = list(words)
        files = str(out), str(err)
        self._process = SERVER.Process(target=_live, args=(self._words, str(folder), dict(environment), files, patch))
        self._process.daemon = True
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, or the negative number of the signal that ended it; None while it runs."""
        return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended. Raise TimeoutExpired if it has not ended after `timeout` seconds."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._words, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        if self.poll() is None:
            self._process.kill()


def run(
    words: Sequence[object], folder: Path, environment: Mapping[str, str], scratch: Path, patch: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `streamwatch WORDS…` to its end, for two minutes at most. scratch: an existing folder for its output."""
    out, err = scratch / "stdout", scratch / "stderr"
    arguments = [str(word) for word in words]
    process = Forked(arguments, folder, environment, out, err, patch)
    try:
        code = process.wait(120)
    finally:
        process.kill()
    return subprocess.CompletedProcess(arguments, code, out.read_text("utf-8"), err.read_text("utf-8"))


def _live(words: list[str], folder: str, environment: dict[str, str], files: tuple[str, str], patch: str) -> None:
    """Become the program, in the new process."""
    for number, path in enumerate(files, 1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, number)
        os.close(file)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace", line_buffering=True)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["streamwatch", *words]
    exec(patch, {})
    from streamwatch.__main__ import main

    main()
