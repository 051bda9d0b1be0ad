"""The ANPR push of Hikvision's cameras (ISAPI, "alarm server"): `anpr.xml` with pictures, as multipart.

Source: Hikvision's ISAPI, EventNotificationAlert with eventType ANPR. Its namespace differs by firmware and is not
looked at.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from streamwatch.capture.push.flat_xml import texts
from streamwatch.capture.push.multipart import parts
from streamwatch.capture.push.pushed import BadPush, PushedPlate, moment, name, plate_text

NO_PLATE = {"", "unknown", "无车牌", "无牌车", "_无_"}
COLOURS = {"blue", "yellow", "green", "white", "black"}
PICTURES = ("detectionpicture.jpg", "licenseplatepicture.jpg")
"""The names of the pictures, the whole one first."""


def read(content_type: str, body: bytes) -> PushedPlate | None:
    """Return the vehicle that a post tells of; None for a heartbeat or another event. Raise BadPush."""
    is_multipart = content_type.lower().startswith("multipart/")
    pieces = parts(content_type, body) if is_multipart else [("anpr.xml", body)]
    document = next((piece for called, piece in pieces if called.endswith(".xml") or _is_xml(piece)), None)
    if document is None:
        raise BadPush("it has no XML")
    said = texts(document)
    if said.get("eventType", "").upper() != "ANPR":
        return None
    plate = said.get("ANPR/licensePlate", said.get("ANPR/originalLicensePlate", ""))
    colour = said.get("ANPR/plateColor", "").lower()
    return PushedPlate(
        record=name(said.get("UUID", "")),
        serial=name(said.get("deviceID", "")),
        taken_at=_taken_at(said),
        offline=said.get("isDataRetransmission", "").lower() in ("true", "1"),
        plate=plate_text(
            "" if plate.lower() in NO_PLATE else plate,
            said.get("ANPR/confidenceLevel"),
            colour if colour in COLOURS else "",
        ),
        picture=_picture(pieces),
    )


def _is_xml(piece: bytes) -> bool:
    return piece[:200].lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<?xml", b"<EventNotificationAlert"))


def _taken_at(said: Mapping[str, str]) -> datetime | None:
    """Return the time of the event; None if it has no offset or cannot be right."""
    text = re.sub(r"(?<=\d)Z$", "+00:00", said.get("dateTime", "")[:40])
    try:
        at = datetime.fromisoformat(text)
        return None if at.tzinfo is None else moment(at.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _picture(pieces: list[tuple[str, bytes]]) -> bytes:
    found = dict(reversed(pieces))
    named = next((found[called] for called in PICTURES if called in found), None)
    jpegs = [piece for _, piece in pieces if piece.startswith(b"\xff\xd8")]
    return named if named is not None else max(jpegs, key=len, default=b"")
