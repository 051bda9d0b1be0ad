"""Passwords: what they must be, and their Argon2id hashes.

The parameters are the second recommendation of RFC 9106 (64 MiB, 3 passes, 4 lanes), for machines with little memory.
"""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from streamwatch.core.errors import AccountError
from streamwatch.store import login_name
from streamwatch.web.catalogue import N_

SHORTEST, LONGEST = 10, 256
"""Characters of a password."""
FEWEST_KINDS = 5
"""Different characters in a password."""
BESIDE_NAME = 6
"""Characters that a password has beside the name of its user, if it holds that."""
WAITING = 4
"""Passwords that are checked or wait for it at the same time: each takes a thread, and one at a time 64 MiB."""

TOO_SHORT = N_("A password needs at least 10 characters.")
TOO_LONG = N_("A password has at most 256 characters.")
UNTYPABLE = N_("A password cannot hold line breaks or control characters.")
LIKE_NAME = N_("This password is little more than the user's name.")
COMMON = N_("This password is among the first that anybody would try.")

_STAND_IN = "$argon2id$v=19$m=65536,t=3,p=4$EiKFco2BxW5dDs+YjTpKOg$eNxBC5cGPWJ3jqCPGyyLBf4LuXyNJGSYyxazYB5fyUM"
"""The hash of no password: a log-in as nobody takes as long as one as somebody."""


@cache
def _common() -> frozenset[str]:
    """Return passwords of at least SHORTEST characters that many people choose, in small letters."""
    return frozenset(
        files("streamwatch.web.accounts").joinpath("common_passwords.txt").read_text(encoding="utf-8").split()
    )


class Busy(Exception):
    """Too many passwords are being checked at the same time."""


def weakness(password: str, name: str) -> str | None:
    """Return why a password is refused, as a source text; None for a good one. name: of its user."""
    folded = login_name(password)
    if len(password) > LONGEST:
        return TOO_LONG
    if len(_normal(password)) < SHORTEST:
        return TOO_SHORT
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in password):
        return UNTYPABLE
    if any(len(folded.replace(word, "")) < BESIDE_NAME for word in (login_name(name), "streamwatch") if word in folded):
        return LIKE_NAME
    if folded in _common() or len(set(folded)) < FEWEST_KINDS or _counts(folded):
        return COMMON
    return None


def require_good(password: str, name: str) -> None:
    """Raise AccountError for a password that is refused."""
    if (why := weakness(password, name)) is not None:
        raise AccountError(why)


class Passwords:
    """Hashes and checks passwords, one at a time, so that a flood of log-ins takes neither all CPU nor all memory."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
        self._places = threading.BoundedSemaphore(WAITING)
        self._turn = threading.Lock()

    def hash(self, password: str) -> str:
        """Return the hash of a password. Raise Busy."""
        with self._place():
            return self._hasher.hash(_normal(password))

    def fits(self, password: str, found: str | None) -> bool:
        """Return True if this is the password of the hash `found`. None takes as long, and fits never. Raise Busy."""
        if len(password) > LONGEST:
            return False
        try:
            normal = _normal(password).encode()
        except UnicodeEncodeError:
            return False
        with self._place():
            try:
                return self._hasher.verify(found or _STAND_IN, normal) and found is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, found: str) -> bool:
        """Return True if the hash was made with other parameters than new ones are."""
        return self._hasher.check_needs_rehash(found)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            with self._turn:
                yield
        finally:
            self._places.release()


def _normal(password: str) -> str:
    """Return the password as every keyboard and every system writes the same one."""
    return unicodedata.normalize("NFKC", password)


def _counts(text: str) -> bool:
    """Return True for a text that counts, such as 1234567890 or zyxwvutsrq; 0 may follow 9."""
    digits = text.replace("90", "9:").replace("09", ":9") if text.isdecimal() else text
    steps = {ord(b) - ord(a) for a, b in pairwise(digits)}
    return len(steps) == 1 and steps <= {1, -1}
