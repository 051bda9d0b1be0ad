"""The parts of a multipart body (RFC 2046), bounded: nothing is copied but the parts themselves."""

import re

from streamwatch.capture.push.pushed import BadPush

MOST_PARTS = 16
LONGEST_HEAD = 2048
"""Bytes of the headers of one part."""
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'(?:^|[;\s])(?:file)?name\s*=\s*"?([^";\r\n]{1,100})', re.IGNORECASE)


def parts(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """Return the parts with the last name that each one's headers give it, lower case. Raise BadPush."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise BadPush("its content type names no boundary")
    line = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    pieces: list[tuple[str, bytes]] = []
    at = body.find(line)
    while at >= 0 and not body.startswith(b"--", at + len(line)):
        if len(pieces) == MOST_PARTS:
            raise BadPush("it has too many parts")
        begin = at + len(line)
        at = body.find(b"\r\n" + line, begin)
        if at < 0:
            raise BadPush("it is cut off")
        pieces.append(_part(body, begin, at))
        at += 2
    if not pieces:
        raise BadPush("it has no parts")
    return pieces


def _part(body: bytes, begin: int, end: int) -> tuple[str, bytes]:
    """Return a part. begin: the end of its boundary."""
    head_end = body.find(b"\r\n\r\n", begin, min(end, begin + LONGEST_HEAD))
    if head_end < 0:
        raise BadPush("a part has no end of its headers")
    names = _NAME.findall(body[begin:head_end])
    return (names[-1].decode("latin-1").strip().lower() if names else ""), body[head_end + 4 : end]
