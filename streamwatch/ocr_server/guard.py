"""Checks a client's credentials: an AppCode, or a signature by AppKey and AppSecret with its timestamp and nonce."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from streamwatch.ocr_server.replies import Refusal
from streamwatch.ocr_server.request import Head, Pairs, Refused
from streamwatch.recognition.signature import sign, string_to_sign

WINDOW = 900.0
"""Seconds by which a timestamp may be off, and for which a nonce is refused a second time: the gateway's 15 minutes."""
_LONGEST_NONCE = 128
_MOST_NONCES = 100_000
_METHODS = ("", "HmacSHA256", "HmacSHA1")


class SecretText(Protocol):
    """A text that `repr` and logs do not show, such as pydantic's SecretStr."""

    def get_secret_value(self) -> str:
        """Return the text."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """AppKey and AppSecret."""

    key: SecretText
    secret: SecretText


class Guard:
    """Not thread safe. appcode, pair: a client needs one of the two; if both are None, every client may ask.

    wall_clock: seconds since 1970. monotonic: seconds.
    """

    def __init__(
        self,
        appcode: SecretText | None,
        pair: KeyPair | None,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._appcode, self._pair = appcode, pair
        self._wall_clock, self._monotonic = wall_clock, monotonic
        self._nonces: dict[str, float] = {}

    def check_head(self, head: Head) -> None:
        """Refuse what can be refused before the body comes. Raises Refused."""
        if self._appcode is None and self._pair is None:
            return
        authorization, key = head.headers.get("authorization", ""), head.headers.get("x-ca-key", "")
        if authorization:
            scheme, _, code = authorization.partition(" ")
            if scheme != "APPCODE" or not _same(self._appcode, code.strip()):
                raise Refused(Refusal.APPCODE)
        elif not key:
            raise Refused(Refusal.NO_CREDENTIALS)
        elif self._pair is None or not _same(self._pair.key, key):
            raise Refused(Refusal.APPKEY)
        else:
            self._check_time(head)
            self._check_nonce(head)
            if head.headers.get("x-ca-signature-method", "") not in _METHODS:
                raise Refused(Refusal.HEADER)

    def check_signature(self, head: Head, form: Pairs) -> None:
        """Check the signature over head and form, and use the nonce up. Raises Refused."""
        if self._pair is None or "authorization" in head.headers:
            return
        method = head.headers.get("x-ca-signature-method", "")
        signed = [name.strip() for name in head.headers.get("x-ca-signature-headers", "").split(",") if name.strip()]
        text = string_to_sign(head.method, head.path, head.headers, signed, head.query, form)
        right = sign(self._pair.secret.get_secret_value(), text, method)
        if not hmac.compare_digest(right.encode(), head.headers.get("x-ca-signature", "").encode()):
            raise Refused(Refusal.SIGNATURE, "Server StringToSign:" + text.replace("\n", ""))
        self._use_up(head)

    def _check_time(self, head: Head) -> None:
        stamp = head.headers.get("x-ca-timestamp", "")
        if not stamp:
            return
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
            raise Refused(Refusal.TIMESTAMP)
        if abs(int(stamp) / 1000 - self._wall_clock()) > WINDOW:
            raise Refused(Refusal.TIMESTAMP)

    def _check_nonce(self, head: Head) -> None:
        nonce = head.headers.get("x-ca-nonce", "")
        if len(nonce) > _LONGEST_NONCE:
            raise Refused(Refusal.HEADER)
        now = self._monotonic()
        while self._nonces and next(iter(self._nonces.values())) <= now - 2 * WINDOW:
            del self._nonces[next(iter(self._nonces))]
        if nonce in self._nonces:
            raise Refused(Refusal.NONCE)

    def _use_up(self, head: Head) -> None:
        """Remember the nonce of a right signature; strangers cannot fill the memory.

        For two windows: a timestamp may lie one window ahead of this clock, and is good until it lies one behind.
        """
        self._check_nonce(head)  # the same request may have come twice at the same time
        nonce = head.headers.get("x-ca-nonce", "")
        if not nonce:
            return
        if len(self._nonces) >= _MOST_NONCES:
            del self._nonces[next(iter(self._nonces))]
        self._nonces[nonce] = self._monotonic()


def _same(secret: SecretText | None, given: str) -> bool:
    return secret is not None and hmac.compare_digest(secret.get_secret_value().encode(), given.encode())
