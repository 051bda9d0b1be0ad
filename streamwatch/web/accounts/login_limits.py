"""How often a log-in may be tried: after a few failures a pause that grows with each further one.

Failures are counted by the name that was typed and by the address. The name is counted whether there is such a user or
not, so that the pause tells nobody which names exist. Whoever was logged in from an address before is not held up by
what others try in the same name. What is counted is bounded in number, and is forgotten with the process.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

FREE_BY_NAME, FREE_BY_ADDRESS = 5, 10
"""Failures without a pause."""
LONGEST = 900.0
"""Seconds of the longest pause."""
FORGOTTEN = 3600.0
"""Seconds after the last failure at which it is forgotten."""
MOST = 10_000
"""Names, and addresses, that are remembered; the oldest give way."""
AT_ONCE = 2
"""Log-ins of one address that may be checked at the same time."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class LoginLimits:
    """Counts log-ins that failed. Threads may share it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._names: OrderedDict[str, _Failures] = OrderedDict()
        self._addresses: OrderedDict[str, _Failures] = OrderedDict()
        self._at_work: dict[str, int] = {}

    def begin(self, name: str, address: str, known: bool) -> float:
        """Return the seconds to wait before another try; 0: the try may begin, and must be ended by `end`.

        name: as it is compared. known: the user was logged in from this address before.
        """
        place = network_of(address)
        with self._lock:
            pause = self._pause(self._addresses, place, FREE_BY_ADDRESS)
            if not known:
                pause = max(pause, self._pause(self._names, name, FREE_BY_NAME))
            if pause <= 0 and self._at_work.get(place, 0) >= AT_ONCE:
                pause = 1.0
            if pause <= 0:
                self._at_work[place] = self._at_work.get(place, 0) + 1
            return max(0.0, pause)

    def end(self, name: str, address: str, succeeded: bool | None) -> None:
        """Count a try that has begun. succeeded: None: it was not checked."""
        place = network_of(address)
        with self._lock:
            self._at_work[place] -= 1
            if not self._at_work[place]:
                del self._at_work[place]
            if succeeded:
                # The address is not forgiven: a thief with an account of his own could go on for ever.
                self._names.pop(name, None)
            elif succeeded is not None:
                self._count(self._names, name)
                self._count(self._addresses, place)

    def _pause(self, counted: OrderedDict[str, _Failures], key: str, free: int) -> float:
        found = counted.get(key)
        if found is None:
            return 0.0
        since = self._monotonic() - found.last
        if since >= FORGOTTEN:
            del counted[key]
            return 0.0
        if found.count < free:
            return 0.0
        return float(min(LONGEST, 2.0 ** min(found.count - free, 20))) - since

    def _count(self, counted: OrderedDict[str, _Failures], key: str) -> None:
        found = counted.setdefault(key, _Failures())
        found.count, found.last = found.count + 1, self._monotonic()
        counted.move_to_end(key)
        if len(counted) > MOST:
            counted.popitem(last=False)


def network_of(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or the 64 bits in front of an IPv6 one."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or IPv6Address(int(ip) >> 64 << 64))
    return str(ip)
