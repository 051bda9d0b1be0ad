"""The certificate of a server."""

import ssl
from pathlib import Path

from streamwatch.core.errors import ConfigError


def tls_context(certificate: Path | None, key: Path | None, names: tuple[str, str]) -> ssl.SSLContext | None:
    """Return the TLS of a server; None without a certificate. Raise ConfigError if the files cannot be used.

    certificate, key: PEM files; the certificate's may hold the key, too. names: of the two settings, for the error.
    """
    if certificate is None and key is None:
        return None
    if certificate is None:
        raise ConfigError(f"{names[1]} is set and {names[0]} is not.", "Set both, or neither.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"{names[0]} and {names[1]} cannot be used: {reason}.",
            "Both are PEM files; the key must belong to the certificate and have no password.",
        ) from None
    return context


def _no_password() -> str:
    raise ValueError("the key has a password")
