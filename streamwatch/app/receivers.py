"""Settings to receivers of events: what each is, and the sender that is made for it."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr

from streamwatch.app.mqtt_service import RECEIVER as MQTT
from streamwatch.app.notify_receivers import PICTURE_SIZE, concerns_people, make_notifier
from streamwatch.app.notify_receivers import PREFIX as PEOPLE
from streamwatch.config.outward_settings import FilterSettings, OutwardSettings, Profile, WebhookSettings
from streamwatch.core.codes import EventType
from streamwatch.core.errors import StoreError
from streamwatch.core.redact import place_of
from streamwatch.core.signing import secret_bytes
from streamwatch.imaging.corners import in_original
from streamwatch.imaging.jpeg import decode_picture, encode_picture, resized
from streamwatch.outward.delivery import Sender, Wants, everything
from streamwatch.outward.event_filter import EventFilter
from streamwatch.outward.http_post import HttpPost
from streamwatch.outward.platerecognizer import TAKEN, PlateRecognizerWebhook
from streamwatch.outward.webhook import EventPicture, PictureOf, Webhook, no_picture
from streamwatch.store import DatabaseReader, EventRow

QUALITY = 82
"""JPEG quality of a reduced picture."""


@dataclass(frozen=True, slots=True)
class ReceiverPlan:
    """One receiver as the config wants it.

    wants: which events it gets. make: returns its sender; it raises StreamwatchError if that cannot work. same: a
    receiver whose value is equal need not be started anew after a reload.
    """

    name: str
    wants: Wants
    make: Callable[[], Sender]
    same: object


def plans(
    settings: OutwardSettings, reader: DatabaseReader, mqtt: Callable[[], Sender], has_lanes: bool
) -> dict[str, ReceiverPlan]:
    """Return the receivers by name.

    reader: for pictures, and for the name of this database. mqtt: returns a sender to the broker. Raise StoreError.
    """
    source = settings.source or f"urn:streamwatch:{reader.events.database_key()}"
    found = {name: _webhook(name, webhook, source, reader) for name, webhook in settings.webhooks.items()}
    if settings.mqtt.host:
        found[MQTT] = ReceiverPlan(MQTT, everything, mqtt, settings.mqtt)
    for name, people in settings.notify.items():
        make = partial(make_notifier, name, people, reader, pictures_of(reader, PICTURE_SIZE), has_lanes)
        plan = ReceiverPlan(PEOPLE + name, concerns_people, make, (people, has_lanes))
        found[plan.name] = plan
    return found


@dataclass(frozen=True, slots=True)
class NamedReceiver:
    """A receiver as pages name it. kind, place: as in `ReceiverPlan`."""

    name: str
    kind: str
    place: str


def named_receivers(settings: OutwardSettings) -> list[NamedReceiver]:
    """Return the receivers for people."""
    found = [
        NamedReceiver(name, "webhook", place_of(_text(webhook.url))) for name, webhook in settings.webhooks.items()
    ]
    if settings.mqtt.host:
        found.append(NamedReceiver(MQTT, "mqtt", f"{settings.mqtt.host}:{settings.mqtt.broker_port}"))
    return found + [NamedReceiver(PEOPLE + name, "notify", "") for name in settings.notify]


def receiver_names(settings: OutwardSettings) -> list[str]:
    """Return the names of the receivers."""
    return [receiver.name for receiver in named_receivers(settings)]


def _webhook(name: str, settings: WebhookSettings, source: str, reader: DatabaseReader) -> ReceiverPlan:
    wants = filter_of(settings)

    def make() -> Sender:
        post = _post(settings)
        pictures = pictures_of(reader, settings.picture_size)
        headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
        if settings.token is not None:
            headers["authorization"] = f"Token {settings.token.get_secret_value()}"
        if settings.profile is Profile.PLATERECOGNIZER:
            return PlateRecognizerWebhook(post, headers, pictures, settings.pictures)
        signing = [secret_bytes(_text(one)) for one in (settings.secret, settings.old_secret) if one is not None]
        return Webhook(post, source, signing, headers, pictures if settings.pictures else no_picture, settings.batch)

    def taken(event: EventRow) -> bool:
        return event.type in TAKEN and wants(event)

    chosen = taken if settings.profile is Profile.PLATERECOGNIZER else wants
    return ReceiverPlan(name, chosen, make, (settings, source))


def _post(settings: WebhookSettings) -> HttpPost:
    secrets = [_text(secret) for secret in (settings.token, *settings.headers.values()) if secret]
    return HttpPost(_text(settings.url), settings.timeout, settings.allow_private, settings.ca_file, secrets)


def try_webhook(settings: WebhookSettings) -> str:
    """Connect to a webhook without sending anything, and return what was found. Raise ConfigError, DeliveryError."""
    with closing(_post(settings)) as post:
        return post.reach()


def filter_of(settings: FilterSettings) -> EventFilter:
    """Return which events a receiver gets."""
    return EventFilter(
        frozenset(EventType(f"streamwatch.{told}.v1") for told in settings.events),
        frozenset(settings.cameras),
        frozenset(settings.lists),
        frozenset(settings.decisions),
        frozenset(settings.outcomes),
    )


def pictures_of(reader: DatabaseReader, size: int | None) -> PictureOf:
    """Return a function that returns the picture of an event, its longest side reduced to so many pixels."""

    def picture(event: EventRow) -> EventPicture | None:
        key = event.data.get("keyframe")
        try:
            number = reader.events.keyframe(key) if key else None
            found = None if number is None else reader.passages.picture(number)
        except StoreError:  # gone, or the disk is away: the event is worth more than its picture
            return None
        if found is None:
            return None
        corners = found.plate or (found.plates[0] if len(found.plates) == 1 else None)
        return _reduced(EventPicture(found.jpeg, corners), size)

    return picture


def _reduced(picture: EventPicture, size: int | None) -> EventPicture | None:
    """Return a picture with a longest side of at most `size` pixels; None if it cannot be decoded."""
    if size is None:
        return picture
    pixels = decode_picture(picture.jpeg)
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    scale = size / max(width, height)
    if scale >= 1:
        return picture
    jpeg = encode_picture(resized(pixels, round(width * scale), max(1, round(height * scale))), QUALITY)
    corners = in_original(picture.corners, (1 / scale, 1 / scale))
    return None if jpeg is None else EventPicture(jpeg, corners)


def _text(secret: SecretStr) -> str:
    return secret.get_secret_value()
