"""Who may post as a camera, and how often."""

import base64
import binascii
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from streamwatch.config.push_settings import PushCameraSettings
from streamwatch.core.text import some
from streamwatch.http.limits import HttpResponse
from streamwatch.http.post_head import PostHead, plain

log = logging.getLogger(__name__)

RATE, BURST = 20.0, 60.0
"""Posts a second that a camera may send for long, and at once. A camera sends one for each vehicle and a heartbeat now
and then; after an outage it sends thousands, each once the one before is answered."""
TELL_EVERY = 60.0
"""Seconds between two log lines about posts of one camera that were refused."""

REFUSED = plain(403, "This machine may not post here.")
TOO_MANY = HttpResponse(429, (("Retry-After", "1"), ("Cache-Control", "no-store")), b"")


@dataclass
class _Refusals:
    """The refused posts that were not told yet. told_at: monotonic seconds of the last line."""

    number: int = 0
    told_at: float = float("-inf")


class Admission:
    """Decides about posts to one camera. For one thread at a time."""

    def __init__(self, camera: str, settings: PushCameraSettings, monotonic: Callable[[], float]) -> None:
        self._camera, self._settings, self._monotonic = camera, settings, monotonic
        self._networks = [ip_network(network) for network in settings.addresses]
        self._left, self._since = BURST, monotonic()
        self._refusals = _Refusals()

    def refusal(self, secret: str, head: PostHead) -> HttpResponse | None:
        """Return the answer to a machine that may not post now, None to one that may.

        secret: the end of the path that it posts to; "" if the path has none.
        """
        if not self._is_from_here(head.address):
            return self._refuse(f"{head.address} is none of its addresses", REFUSED)
        if not self._knows_secret(secret, head.headers.get("authorization", "")):
            return self._refuse(f"{head.address} does not know its secret", REFUSED)
        now = self._monotonic()
        self._left, self._since = min(BURST, self._left + RATE * (now - self._since)), now
        if self._left < 1:
            return self._refuse(f"{head.address} sends more than {RATE:g} a second", TOO_MANY)
        self._left -= 1
        return None

    def _is_from_here(self, address: str) -> bool:
        if not self._networks:
            return True
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return any(ip in network for network in self._networks)

    def _knows_secret(self, given: str, authorization: str) -> bool:
        if self._settings.secret is None:
            return True
        wanted = self._settings.secret.get_secret_value().encode()
        return any(hmac.compare_digest(wanted, one) for one in (given.encode(), _password(authorization)))

    def _refuse(self, why: str, answer: HttpResponse) -> HttpResponse:
        told, now = self._refusals, self._monotonic()
        told.number += 1
        if now - told.told_at >= TELL_EVERY:
            log.warning("camera %s: %s refused: %s", self._camera, some(told.number, "post"), why)
            self._refusals = _Refusals(told_at=now)
        return answer


def _password(authorization: str) -> bytes:
    """Return the token of `Bearer`, or the password of `Basic`; empty for anything else."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode()
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
