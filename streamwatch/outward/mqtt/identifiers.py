"""Names as parts of topics and of Home Assistant's identifiers."""

import re
from hashlib import sha256

_OTHER = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST = 40


def identifier(name: str) -> str:
    """Return a name in the characters `[a-zA-Z0-9_-]` that topics and Home Assistant take; most names stay as they are.

    A name that holds others, such as 东门 or gate.1, gets a part of its hash, so that two names never become one.
    """
    plain = _OTHER.sub("_", name)[:_LONGEST]
    return plain if plain == name else f"{plain}_{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
