"""Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

https://github.com/standard-webhooks/standard-webhooks
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"
SHORTEST_SECRET = 16
"""Bytes below which a secret is refused; Standard Webhooks asks for 24 to 64."""


def secret_bytes(secret: str) -> bytes:
    """Return the bytes of a secret `whsec_…`. Raise ValueError with what is wrong; it repeats nothing of it."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"must begin with {SECRET_PREFIX}; make one with `openssl rand -base64 32`")
    try:
        found = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"holds no base64 after {SECRET_PREFIX}; copy it again") from None
    if len(found) < SHORTEST_SECRET:
        raise ValueError(f"is too short; make one with `openssl rand -base64 32` and write {SECRET_PREFIX} before it")
    return found


def signature(secrets: Sequence[bytes], name: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one for each secret, so that a receiver may change to the new one."""
    signed = b"%s.%d.%s" % (name.encode(), timestamp, body)
    made = (base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in secrets)
    return " ".join(f"v1,{one}" for one in made)
