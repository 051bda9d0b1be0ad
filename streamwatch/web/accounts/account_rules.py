"""What users and tokens may be called and may see; for the pages and for the command line."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from streamwatch.core.codes import Role
from streamwatch.core.errors import AccountError
from streamwatch.store import login_name
from streamwatch.web.accounts.principal import LOCAL
from streamwatch.web.catalogue import N_

_NAME = re.compile(r"\w[\w.@-]{0,63}")
BAD_NAME = N_("A name has at most 64 letters, digits, and . _ @ -, and begins with a letter or digit.")
RESERVED_NAME = N_("This name is taken: it stands for those who use the console without log-in.")
ADMIN_SEES_ALL = N_("An admin sees all cameras. Choose another role, or no cameras.")
NO_ADMIN_TOKEN = N_("A token cannot have the role admin: only people administer cameras and users.")
UNKNOWN_CAMERA = N_("The configuration names no such camera.")
_OF_STORE = (
    N_("There is a user of this name already."),
    N_("There is no user of this name."),
    N_("There is no such session any more."),
    N_("There is a token of this name already."),
    N_("There is no token of this name in force."),
    N_("Nobody could administer users any more. Keep one user who is admin and not disabled."),
)
"""What `store/accounts.py` says, for the catalogues."""
LONGEST_TOKEN = timedelta(days=3650)


def checked_name(name: str) -> str:
    """Return the name of a user or token as it is kept. Raise AccountError."""
    name = unicodedata.normalize("NFKC", name.strip())
    if not _NAME.fullmatch(name):
        raise AccountError(BAD_NAME)
    if login_name(name) == LOCAL.name:
        raise AccountError(RESERVED_NAME)
    return name


def checked_scope(role: Role, cameras: Iterable[str], known: Collection[str]) -> frozenset[str] | None:
    """Return the cameras that a user of this role may see; none named means all. Raise AccountError.

    known: the names of all cameras.
    """
    scope = frozenset(cameras)
    if not scope:
        return None
    if role is Role.ADMIN:
        raise AccountError(ADMIN_SEES_ALL)
    if not scope <= set(known):
        raise AccountError(UNKNOWN_CAMERA)
    return scope


def checked_token(role: Role, lasting: timedelta | None, at: datetime) -> datetime | None:
    """Return when a token ends that is made now; None: never. Raise AccountError for a role that it cannot have."""
    if role is Role.ADMIN:
        raise AccountError(NO_ADMIN_TOKEN)
    return None if lasting is None else at + min(lasting, LONGEST_TOKEN)
