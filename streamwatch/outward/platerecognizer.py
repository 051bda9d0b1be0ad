"""The webhook of Plate Recognizer Stream, which ParkPow and other programs take.

Form: https://guides.platerecognizer.com/docs/stream/results, multipart with the picture or form-encoded without it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from streamwatch.core.codes import EventType
from streamwatch.core.event_data import iso
from streamwatch.outward.http_post import HttpPost
from streamwatch.outward.webhook import MOST_PICTURE, EventPicture, PictureOf, no_picture
from streamwatch.store import EventRow

TAKEN = frozenset({EventType.SIGHTING, EventType.TEST})
"""The types of events that have a form there."""


def recognition(event: EventRow, target: str, picture: EventPicture | None) -> dict[str, Any]:
    """Return a sighting as that program would tell it. A person's trial has no results."""
    data, at = event.data, iso(event.occurred_at)
    score = data.get("confidence") or 0.0
    camera = event.camera or ""
    name = f"{_file_name(camera)}_{event.occurred_at:%Y-%m-%dT%H-%M-%S.%f}_{event.key}.jpg"
    plate = str(data.get("plate", "")).lower()
    corners = () if picture is None or picture.corners is None else picture.corners
    box = {
        "xmin": round(min((x for x, _ in corners), default=0)),
        "ymin": round(min((y for _, y in corners), default=0)),
        "xmax": round(max((x for x, _ in corners), default=0)),
        "ymax": round(max((y for _, y in corners), default=0)),
    }
    result = {
        "box": box,
        "plate": plate,
        "region": {"code": "", "score": 0.0},
        "score": score,
        "candidates": [{"plate": plate, "score": score}],
        "dscore": score,
        "vehicle": {"score": 0.0, "type": "", "box": box},
        "direction": None,
        "source_url": "",
        "position_sec": 0.0,
    }
    return {
        "hook": {"target": target, "id": event.key, "event": "recognition", "filename": name},
        "data": {
            "camera_id": camera,
            "filename": name,
            "timestamp": at,
            "timestamp_local": event.occurred_at.astimezone().isoformat(" ", "microseconds"),
            "results": [] if event.type is EventType.TEST else [result],
        },
    }


def _file_name(camera: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in camera)


class PlateRecognizerWebhook:
    """Sends sightings to one address. See `delivery.Sender`."""

    most = 1

    def __init__(
        self,
        post: HttpPost,
        headers: Mapping[str, str] | None = None,
        picture_of: PictureOf = no_picture,
        with_picture: bool = False,
    ) -> None:
        """picture_of: for the place of the plate; its picture is sent along if with_picture."""
        self._post, self._headers = post, dict(headers or {})
        self._picture_of, self._with_picture = picture_of, with_picture

    def send(self, events: Sequence[EventRow]) -> str:
        """Send one sighting; see `Sender.send`."""
        (event,) = events
        picture = self._picture_of(event)
        told = recognition(event, f"https://{self._post.place}", picture)
        upload = None
        if self._with_picture and picture is not None and len(picture.jpeg) <= MOST_PICTURE:
            upload = "upload", told["data"]["filename"], picture.jpeg
        fields = {"json": json.dumps(told, ensure_ascii=False)}
        return self._post.post_form(fields, upload, {**self._headers, "user-agent": "streamwatch"})

    def close(self) -> None:
        """End all waits and close the connection."""
        self._post.close()
