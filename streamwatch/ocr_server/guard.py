"""Checks credentials: an AppCode, or a signature by AppKey and AppSecret with its timestamp and nonce."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from streamwatch.core.redact import SecretText
from streamwatch.ocr_server.request import Pairs, RequestHead, RequestRefused
from streamwatch.ocr_server.responses import Refusal
from streamwatch.recognition.ocrcars.signature import sign, string_to_sign

WINDOW = 900.0
"""Seconds by which a timestamp may differ, and for which a nonce may not come again: the gateway's 15 minutes."""
_LONGEST_NONCE = 128
_MOST_NONCES = 100_000
_METHODS = ("", "HmacSHA256", "HmacSHA1")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """AppKey and AppSecret."""

    key: SecretText
    secret: SecretText


class Guard:
    """Checks who may ask. Not thread safe. appcode, pair: either is enough; without both everybody may ask.

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

    def check_head(self, head: RequestHead) -> None:
        """Check what can be checked before the body has come. Raise RequestRefused."""
        if self._appcode is None and self._pair is None:
            return
        authorization, key = head.headers.get("authorization", ""), head.headers.get("x-ca-key", "")
        if authorization:
            scheme, _, code = authorization.partition(" ")
            if scheme != "APPCODE" or not _same(self._appcode, code.strip()):
                raise RequestRefused(Refusal.APPCODE)
        elif not key:
            raise RequestRefused(Refusal.NO_CREDENTIALS)
        elif self._pair is None or not _same(self._pair.key, key):
            raise RequestRefused(Refusal.APPKEY)
        else:
            self._check_time(head)
            self._check_nonce(head)
            if head.headers.get("x-ca-signature-method", "") not in _METHODS:
                raise RequestRefused(Refusal.HEADER)

    def check_signature(self, head: RequestHead, form: Pairs) -> None:
        """Check the signature once the form is known, and use up the nonce. Raise RequestRefused."""
        if self._pair is None or "authorization" in head.headers:
            return
        method = head.headers.get("x-ca-signature-method", "")
        signed = [name.strip() for name in head.headers.get("x-ca-signature-headers", "").split(",") if name.strip()]
        text = string_to_sign(head.method, head.path, head.headers, signed, head.query, form)
        right = sign(self._pair.secret.get_secret_value(), text, method)
        if not hmac.compare_digest(right.encode(), head.headers.get("x-ca-signature", "").encode()):
            raise RequestRefused(Refusal.SIGNATURE, "Server StringToSign:" + text.replace("\n", ""))
        self._use_up(head)

    def _check_time(self, head: RequestHead) -> None:
        stamp = head.headers.get("x-ca-timestamp", "")
        if not stamp:
            return
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
            raise RequestRefused(Refusal.TIMESTAMP)
        if abs(int(stamp) / 1000 - self._wall_clock()) > WINDOW:
            raise RequestRefused(Refusal.TIMESTAMP)

    def _check_nonce(self, head: RequestHead) -> None:
        nonce = head.headers.get("x-ca-nonce", "")
        if len(nonce) > _LONGEST_NONCE:
            raise RequestRefused(Refusal.HEADER)
        now = self._monotonic()
        while self._nonces and next(iter(self._nonces.values())) <= now - 2 * WINDOW:
            del self._nonces[next(iter(self._nonces))]
        if nonce in self._nonces:
            raise RequestRefused(Refusal.NONCE)

    def _use_up(self, head: RequestHead) -> None:
        """Remember the nonce of a right signature. Raise RequestRefused if it was used before.

        Nonces of wrong signatures are not remembered, so that strangers cannot fill the memory. A nonce is remembered
        for two windows: a timestamp may be one window ahead of this clock, and is good until it is one behind.
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
