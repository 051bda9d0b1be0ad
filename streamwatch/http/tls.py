"""The certificate of a server."""

import errno
import logging
import os
import ssl
from pathlib import Path
from typing import Any

from streamwatch.core.errors import ConfigError

log = logging.getLogger(__name__)

Marks = tuple[tuple[int, int, int] | None, ...]
"""What changes with a file: time, size and number; None for a file that is not there."""


class RenewedContext(ssl.SSLContext):
    """The TLS of a server, which takes up a renewed certificate with the next connection.

    Used on the server's event loop only. Files that cannot be used, such as a certificate whose key has not been
    written yet, leave the last ones in force.
    """

    _files: tuple[Path, Path | None]
    _marks: Marks

    def begin(self, certificate: Path, key: Path | None) -> None:
        """Load the files for the first time. Raise OSError or ValueError."""
        self._files = certificate, key
        self._marks = self._look()
        self.load_cert_chain(certificate, key, password=_no_password)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Begin a connection, with the certificate that the files hold now."""
        try:
            self._renew()
        except (OSError, ValueError) as error:
            log.warning("the certificate %s has changed and cannot be used: %s", self._files[0], _reason_of(error))
        return super().wrap_bio(*args, **options)

    def _renew(self) -> None:
        marks = self._look()
        if marks == self._marks:
            return
        self._marks = marks
        if None in marks:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        # A certificate that does not fit its key would leave the context without either: it is tried elsewhere first.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files, password=_no_password)
        self.load_cert_chain(*self._files, password=_no_password)
        log.info("the certificate %s has been renewed", self._files[0])

    def _look(self) -> Marks:
        return tuple(_mark(file) for file in self._files if file is not None)


def tls_context(certificate: Path | None, key: Path | None, names: tuple[str, str]) -> ssl.SSLContext | None:
    """Return the TLS of a server; None without a certificate. Raise ConfigError if the files cannot be used.

    certificate, key: PEM files; the certificate's may hold the key, too. names: of the two settings, for the error.
    """
    if certificate is None and key is None:
        return None
    if certificate is None:
        raise ConfigError(f"{names[1]} is set and {names[0]} is not.", "Set both, or neither.")
    context = RenewedContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.begin(certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(
            f"{names[0]} and {names[1]} cannot be used: {_reason_of(error)}.",
            "Both are PEM files; the key must belong to the certificate and have no password.",
        ) from None
    return context


def _reason_of(error: OSError | ValueError) -> str:
    """Return why a file of a certificate cannot be used."""
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _mark(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _no_password() -> str:
    raise ValueError("the key has a password")
