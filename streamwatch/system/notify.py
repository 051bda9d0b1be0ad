"""Tells systemd the state of the program, over the datagram socket that systemd names in $NOTIFY_SOCKET.

The protocol is that of sd_notify(3) and sd_watchdog_enabled(3). Without a service manager every call does nothing. No
call raises, because the cameras must be watched even if the manager does not listen.
"""

import logging
import os
import socket
from collections.abc import Mapping

from streamwatch.core.redact import hide_credentials

log = logging.getLogger(__name__)

SEND_TIMEOUT = 1.0
"""Seconds to wait for a service manager whose queue is full."""


class Notifier:
    """Sends messages to the service manager that the environment names."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._heard = True
        self.interval = None if self._address is None else _interval(environment)
        """Seconds between two `watchdog()` calls (half of what systemd waits); None if nobody waits for them."""

    def ready(self) -> None:
        """Say that the program has started: cameras are being watched."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Send one line for `systemctl status`."""
        self._send("STATUS=" + " ".join(hide_credentials(text).split()))

    def watchdog(self) -> None:
        """Say that every thread makes progress."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the program has begun to stop."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        """Send a message over a new socket, because a service manager that restarts makes a new one, too."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(SEND_TIMEOUT)
                channel.sendto(message.encode(), self._address)
        except OSError as error:
            if self._heard:
                log.warning("the service manager does not hear us: %s", error.strerror or error)
            self._heard = False
        else:
            self._heard = True


def _address(name: str) -> str | None:
    """Return a path, or an abstract name, in which systemd writes '@' for the zero byte; None for anything else."""
    if name.startswith("@") and len(name) > 1:
        return "\0" + name[1:]
    return name if name.startswith("/") else None


def _interval(environment: Mapping[str, str]) -> float | None:
    """Return half of what systemd waits, in seconds; None if it does not wait for this process.

    $WATCHDOG_PID keeps a child from feeding the watchdog of its parent. Without it the watchdog is ours.
    """
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2e6 if microseconds.isdecimal() and int(microseconds) > 0 else None
