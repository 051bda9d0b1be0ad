"""Webhooks: CloudEvents 1.0 as the body, signed by Standard Webhooks.

Body: structured JSON, https://github.com/cloudevents/spec (1.0, JSON format; several events: JSON batch format).
Signature: https://github.com/standard-webhooks/standard-webhooks; HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from streamwatch.core.event_data import iso
from streamwatch.core.model import JpegCorners
from streamwatch.core.signing import signature
from streamwatch.outward.http_post import HttpPost
from streamwatch.store import EventRow

MOST_PICTURE = 3_000_000
"""Bytes of a picture that is sent; a larger one is left out."""
_BATCHES = UUID("b7a7ff3c-5d52-4b5f-9a3f-6f1f5c0a9a11")
"""The space of names for batches: the id of a batch is made of those of its events."""


@dataclass(frozen=True, slots=True)
class EventPicture:
    """The picture that an event rests on. corners: of the event's plate, in its pixels; None if they are not known."""

    jpeg: bytes
    corners: JpegCorners | None = None


PictureOf = Callable[[EventRow], EventPicture | None]
"""Returns the picture of an event; None if it has none, or none any more."""


def no_picture(event: EventRow) -> None:
    """Return None."""


def cloud_event(event: EventRow, source: str, picture: EventPicture | None = None) -> dict[str, Any]:
    """Return an event in the form of CloudEvents. `sequence` grows from one event of a source to the next."""
    data = dict(event.data)
    if picture is not None and len(picture.jpeg) <= MOST_PICTURE:
        data["picture"] = {"media_type": "image/jpeg", "base64": base64.b64encode(picture.jpeg).decode()}
    return {
        "specversion": "1.0",
        "id": event.key,
        "source": source,
        "type": event.type.value,
        "time": iso(event.occurred_at),
        "subject": event.subject,
        "sequence": f"{event.id:020}",
        "datacontenttype": "application/json",
        "data": data,
    }


class Webhook:
    """Sends events to one address. See `delivery.Sender`."""

    def __init__(
        self,
        post: HttpPost,
        source: str,
        secrets: Sequence[bytes] = (),
        headers: Mapping[str, str] | None = None,
        picture_of: PictureOf = no_picture,
        most: int = 1,
    ) -> None:
        """source: of all events; together with the id of one it is unique. secrets: the first is the present one.

        most: events in one request; more than 1 are sent in the batch format.
        """
        self._post, self._source, self._secrets = post, source, tuple(secrets)
        self._headers, self._picture_of = dict(headers or {}), picture_of
        self.most = most

    def send(self, events: Sequence[EventRow]) -> str:
        """Send the events in one request; see `Sender.send`."""
        told = [cloud_event(event, self._source, self._picture_of(event)) for event in events]
        single = self.most == 1
        body = json.dumps(told[0] if single else told, ensure_ascii=False, separators=(",", ":")).encode()
        name = events[0].key if single else uuid5(_BATCHES, " ".join(event.key for event in events)).hex
        now = int(time.time())
        headers = {
            **self._headers,
            "content-type": f"application/cloudevents{'' if single else '-batch'}+json; charset=utf-8",
            "user-agent": "streamwatch",
            "webhook-id": name,
            "webhook-timestamp": str(now),
        }
        if self._secrets:
            headers["webhook-signature"] = signature(self._secrets, name, now, body)
        return self._post.post(body, headers)

    def close(self) -> None:
        """End all waits and close the connection."""
        self._post.close()
