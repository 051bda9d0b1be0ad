"""A sign of life to a service that notices when it stops coming: a dead box cannot tell anybody itself.

Services of this kind: healthchecks.io, Uptime Kuma (push), Cronitor, Better Stack, Dead Man's Snitch.
"""

import logging
import time
from collections.abc import Callable

import httpx

from streamwatch.core.redact import place_of
from streamwatch.system.connections import Connections, Deadline, Transport, receiver_pool, silence_logs

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds for a whole request: it may hang as long as it likes, nobody waits for it."""
MOST = 64 * 1024
"""Bytes of an answer that are read."""


class LifeSign:
    """Asks one address while all is well. Nothing is kept or sent later: a late sign of life would be a lie."""

    def __init__(self, address: str, every: float, healthy: Callable[[], bool]) -> None:
        """address: a secret, because it alone says who sends. every: seconds. healthy: True if all is well."""
        silence_logs()
        self._address, self._every, self._healthy = address, every, healthy
        self._connections = Connections()
        self._fails = ""

    def run(self, wait: Callable[[float], bool]) -> None:
        """Work until `wait`, which sleeps for so many seconds, returns True."""
        while not wait(0.0):
            if self._healthy():
                self.tell()
            if wait(self._every):
                return

    def tell(self) -> bool:
        """Give one sign of life; return True if it was taken."""
        why = self._ask()
        if why != self._fails:
            if why:
                log.warning("health.ping: %s It is tried again every %g s.", why, self._every)
            else:
                log.info("health.ping: %s takes the signs of life again", place_of(self._address))
        self._fails = why
        return not why

    def hang_up(self) -> None:
        """End a request that hangs. Any thread may call it."""
        self._connections.hang_up()

    def _ask(self) -> str:
        """Ask the address; return what went wrong, without secrets."""
        place = place_of(self._address)
        until = Deadline(time.monotonic() + TIMEOUT)
        pool = receiver_pool(self._connections, httpx.create_ssl_context(), 0.0)
        try:
            with httpx.Client(transport=Transport(pool), headers={"user-agent": "streamwatch"}) as client:
                request = client.build_request("GET", self._address, extensions={"timeout": until.timeouts()})
                response = client.send(request, stream=True)
                try:
                    size = 0
                    for part in response.iter_raw():
                        size += len(part)
                        if size > MOST:
                            break
                finally:
                    response.close()
        except httpx.TimeoutException:
            return f"{place} has not answered within {TIMEOUT:g} s."
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return f"{place} cannot be reached."
        return "" if response.is_success else f"{place} answers with the HTTP status {response.status_code}."
