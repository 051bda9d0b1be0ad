"""Barriers that a program of this machine opens. There is no shell, and the program has a time limit."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers.barrier import DEADLINE

ENDING = 1.0
"""Seconds that the system may take to end a killed program; one that hangs in a driver of the kernel is left behind."""


class CommandBarrier:
    """Runs one program for each thing that it is told; exit code 0 means yes.

    Each gets the length of the pulse, in seconds, as the variable PULSE. What it prints is not looked at.
    """

    times_holding = False

    def __init__(
        self,
        open: Sequence[str],
        hold: Sequence[str] | None,
        release: Sequence[str] | None,
        pulse: float,
        times_itself: bool,
    ) -> None:
        """times_itself: True if the program ends the pulse; it then may take the time of the pulse more."""
        self._open, self._hold, self._release = open, hold, release
        self._pulse = pulse
        self.times_itself, self.holds = times_itself, hold is not None

    def open(self) -> None:
        """See Barrier."""
        self._run(self._open, DEADLINE + self._pulse * self.times_itself, True)

    def hold(self) -> None:
        """See Barrier."""
        if self._hold is None:
            raise BarrierError("This barrier cannot be held open.")
        self._run(self._hold, DEADLINE, True)

    def release(self) -> None:
        """See Barrier."""
        if self._release is not None:
            self._run(self._release, DEADLINE, False)

    def reach(self) -> None:
        """Do nothing: there is nothing to ask."""

    def end(self) -> None:
        """See Barrier."""

    def _run(self, words: Sequence[str], seconds: float, doubtful: bool) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**environment, "PULSE": f"{self._pulse:g}"},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its words cannot be used"
            raise BarrierError(f"The program {words[0]} cannot be started: {reason}.", "Check its path.") from None
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            raise BarrierError(
                f"The program {words[0]} had not ended after {seconds:g} s and was killed.", doubtful=doubtful
            ) from None
        if code:
            told = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise BarrierError(f"The program {words[0]} {told}.", doubtful=doubtful and code < 0)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program and whatever it has started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDING)
