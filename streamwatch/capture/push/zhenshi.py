"""The HTTP push of the usual Chinese gate camera: Zhenshi (Vzenith), Qianyi and those that took over their format.

The camera posts JSON and sends it again until the answer says `retransfer_stop`. The answer `info: ok` pulses the relay
of the camera. Source: the vendors' public descriptions of the HTTP push (AlarmInfoPlate, Response_AlarmInfoPlate).
"""

import base64
import binascii
import json
from dataclasses import replace
from typing import Any

from streamwatch.capture.push.pushed import BadPush, PushedPlate, moment, name, plate_text
from streamwatch.core.model import JpegCorners, PlateText

NO_PLATE = "_无_"
COLOURS = {1: "blue", 2: "yellow", 3: "white", 4: "black", 5: "green", 6: "green"}
"""By `colorType`; 6 is yellow and green."""
MOST_VALUES = 5000
"""Upper limit of the values in a post: real ones have about 100, and each costs a hundred times its bytes in memory."""
Json = dict[str, Any]


def read(body: bytes) -> PushedPlate | None:
    """Return the vehicle that a post tells of; None for a heartbeat. Raise BadPush."""
    if body.count(b"{") + body.count(b"[") + body.count(b",") > MOST_VALUES:
        raise BadPush("it has too many values")
    if not body.lstrip().startswith(b"{"):
        return None  # a heartbeat as a form, or an empty one
    try:
        post = json.loads(_text(body))
    except (ValueError, RecursionError):
        raise BadPush("it is not JSON") from None
    if "AlarmInfoPlate" not in post:
        return None
    alarm = _inside(post, "AlarmInfoPlate")
    result = _inside(alarm, "result", "PlateResult")
    return PushedPlate(
        record=name(result.get("plateid")),
        serial=name(alarm.get("serialno")),
        taken_at=_taken_at(result),
        offline=result.get("isoffline") in (1, "1", True),
        plate=_plate(result),
        picture=_picture(result),
    )


def answer(opens: bool, stop: bool = True) -> bytes:
    """Return the answer to a post. opens: pulse the relay. stop: the camera need not send it again."""
    said: Json = {"info": "ok" if opens else "no"}
    if stop:
        said["content"] = "retransfer_stop"
    return json.dumps({"Response_AlarmInfoPlate": said}).encode()


def _text(body: bytes) -> str:
    """Return a post as text. Raise ValueError. Older cameras write in GBK."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("gb18030")


def _inside(whole: Json, *keys: str) -> Json:
    found: object = whole
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise BadPush(f"it has no {keys[-1]}")
    return found


def _taken_at(result: Json) -> Any:
    stamp = result.get("timeStamp")
    value = stamp.get("Timeval") if isinstance(stamp, dict) else None
    seconds, micro = (value.get("sec"), value.get("usec", 0)) if isinstance(value, dict) else (None, 0)
    if type(seconds) is not int or not 0 <= seconds < 1 << 40:
        return None
    return moment(seconds + (micro / 1e6 if type(micro) is int and 0 <= micro < 1_000_000 else 0.0))


def _plate(result: Json) -> PlateText | None:
    text = result.get("license")
    if not isinstance(text, str) or text.strip() in ("", NO_PLATE):
        return None
    colour = result.get("colorType")
    plate = plate_text(text, result.get("confidence"), COLOURS.get(colour, "") if type(colour) is int else "")
    return None if plate is None else replace(plate, corners=_corners(result))


def _corners(result: Json) -> JpegCorners | None:
    place = result.get("location")
    edges = place.get("RECT") if isinstance(place, dict) else None
    if not isinstance(edges, dict):
        return None
    sides = [edges.get(side) for side in ("left", "top", "right", "bottom")]
    if not all(type(side) is int and 0 <= side < 1 << 15 for side in sides):
        return None
    left, top, right, bottom = map(float, sides)  # type: ignore[arg-type]
    if left >= right or top >= bottom:
        return None
    return JpegCorners(((left, top), (right, top), (right, bottom), (left, bottom)))


def _picture(result: Json) -> bytes:
    """Return the picture; empty if none came, or if it cannot be unpacked."""
    packed = result.get("imageFile")
    if not isinstance(packed, str):
        return b""
    try:
        return base64.b64decode("".join(packed.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
