"""The section `outward`: who is told what happens, and how."""

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from streamwatch.config.fields import (
    VARIABLE,
    File,
    Name,
    Seconds,
    Secret,
    SecretSection,
    SecretUrl,
    Section,
    looks_up,
)
from streamwatch.config.mqtt_settings import MqttSettings
from streamwatch.config.notify_settings import NotifySettings
from streamwatch.core.codes import OpeningState, PermitKind, Verdict
from streamwatch.core.endpoint import is_loopback
from streamwatch.core.signing import secret_bytes

RESERVED = ("mqtt", "notify")
"""Receivers that no webhook may be named like."""


class Told(StrEnum):
    """What a receiver can be told: the types of events, without their number."""

    SIGHTING = "sighting"
    SIGHTING_CORRECTED = "sighting.corrected"
    DECISION = "decision"
    OPENING = "opening"
    CAMERA = "camera"
    HEALTH = "health"


class Profile(StrEnum):
    """The form in which events are sent."""

    STREAMWATCH = "streamwatch"
    PLATERECOGNIZER = "platerecognizer"


class PermitList(StrEnum):
    """The kinds of permits, and `none` for a decision that rests on none."""

    RESIDENT = PermitKind.RESIDENT.value
    STAFF = PermitKind.STAFF.value
    VISITOR = PermitKind.VISITOR.value
    BLOCKED = PermitKind.BLOCKED.value
    HELD = PermitKind.HELD.value
    NONE = "none"


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", value):
        raise ValueError("is not the name of a header")
    if value.lower() in ("host", "content-length", "transfer-encoding", "connection", "content-type") or (
        value.lower().startswith("webhook-")
    ):
        raise ValueError("is a header that streamwatch writes itself; remove it")
    return value


HeaderName = Annotated[str, AfterValidator(_header)]


class FilterSettings(SecretSection):
    """What a receiver is told. An empty list is no condition."""

    events: list[Told] = Field([], description="The kinds of events, such as [decision, opening]. Empty: all.")
    cameras: list[str] = Field(
        [], description="Only events about these cameras. Events about no camera come as well. Empty: all."
    )
    lists: list[PermitList] = Field(
        [], description="Of the decisions only those that rest on a permit of these kinds; none: on no permit."
    )
    decisions: list[Verdict] = Field([], description="Of the decisions only those that say allow, deny or ask.")
    outcomes: list[OpeningState] = Field(
        [], description="Of the openings only those that ended so, such as [done, failed]."
    )


class WebhookSettings(FilterSettings):
    """One webhook: an address to which events are posted."""

    url: SecretUrl = Field(
        description="The address. It must begin with https://, unless allow_private is true. ${NAME} is taken from the "
        "environment."
    )
    profile: Profile = Field(
        Profile.STREAMWATCH,
        description="streamwatch: CloudEvents, signed. platerecognizer: sightings as Plate Recognizer has them.",
    )
    secret: Secret | None = Field(
        None, description="The secret of the signature: whsec_ and base64. Without one nothing is signed."
    )
    secret_file: File | None = Field(None, description="A file that holds the secret and nothing else.")
    old_secret: Secret | None = Field(
        None, description="The secret before, while receivers change to the new one. Both signatures are sent then."
    )
    old_secret_file: File | None = Field(None, description="A file that holds the old secret.")
    token: Secret | None = Field(None, description="Sent as `Authorization: Token …`, as ParkPow wants it.")
    token_file: File | None = Field(None, description="A file that holds the token.")
    headers: dict[HeaderName, Secret] = Field({}, description="More headers by name, such as {X-Api-Key: ${HOOK_KEY}}.")
    pictures: bool = Field(False, description="True: the picture on which an event rests is sent with it.")
    picture_size: int | None = Field(
        1280, ge=64, description="Pixels to which the longest side of such a picture is reduced; null: as it is kept."
    )
    batch: int = Field(
        1,
        ge=1,
        le=200,
        description="Events in one request. More than 1 needs a receiver that understands CloudEvents batches.",
    )
    timeout: Seconds = Field(10.0, ge=1, le=60, description="Time limit for a whole request with its answer.")
    allow_private: bool = Field(
        False, description="True: the host may be in a private network or this machine, and http:// is accepted."
    )
    ca_file: File | None = Field(
        None, description="A PEM file with the certificates to trust, in place of the usual ones."
    )

    @field_validator("secret", "old_secret")
    @classmethod
    def _is_a_secret(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and looks_up(info):
            secret_bytes(value.get_secret_value())
        return value

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for secret in value.values():
            text = secret.get_secret_value()
            if not text.isascii() or not text.isprintable():
                raise ValueError("hold a character that no header can carry; write plain ASCII")
        return value

    @model_validator(mode="after")
    def _goes_together(self, info: ValidationInfo) -> "WebhookSettings":
        url = self.url.get_secret_value()
        if not (VARIABLE.search(url) and not looks_up(info)):
            _check_url(url, self.allow_private)
        if self.old_secret is not None and self.secret is None:
            raise ValueError("has an old_secret without a secret; call the one that counts secret")
        if self.profile is Profile.PLATERECOGNIZER and (self.secret is not None or self.batch > 1):
            raise ValueError("has the profile platerecognizer, which knows no secret and no batch; remove them")
        if self.secret is not None and self.secret_file is not None and looks_up(info):
            secret_bytes(self.secret.get_secret_value())
        if self.old_secret is not None and self.old_secret_file is not None and looks_up(info):
            secret_bytes(self.old_secret.get_secret_value())
        return self


def _check_url(url: str, allow_private: bool) -> None:
    """Raise ValueError, which repeats nothing of it, unless an address can be posted to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        raise ValueError("has a url that is no address; write it like https://host/path") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isprintable() or " " in url:
        raise ValueError("has a url that is no address; write it like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a url with user and password; write them as a header, such as Authorization: Basic …")
    if not allow_private and parts.scheme == "http":
        raise ValueError(
            "has a url that begins with http://, so everybody on the way can read it; write https://, or "
            "allow_private: true for a receiver in your own network"
        )
    if not allow_private and is_loopback(host):
        raise ValueError("has a url of this machine; set allow_private: true if that is meant")


class OutwardSettings(Section):
    """Who is told what happens at the gate."""

    source: str = Field(
        "",
        max_length=200,
        description="The field `source` of all events, the same for ever. Default: urn:streamwatch: and the key of the "
        "database.",
    )
    keep: Seconds = Field(
        7 * 86400.0, ge=3600, description="Events are deleted after this time, once all receivers have them."
    )
    max_events: int = Field(
        1_000_000,
        ge=1000,
        description="Beyond this number the oldest events are deleted, also if a receiver has not got them. The page "
        "says how many it has lost.",
    )
    webhooks: dict[Name, WebhookSettings] = Field({}, description="The webhooks, by name.")
    mqtt: MqttSettings = MqttSettings()
    notify: dict[Name, NotifySettings] = Field({}, description="People who are told, by name.")

    @field_validator("source")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("must be an address or a URN without blanks, such as https://parking.example/north")
        return value

    @field_validator("webhooks")
    @classmethod
    def _names_are_free(cls, value: dict[str, WebhookSettings]) -> dict[str, WebhookSettings]:
        for name in value:
            if name in RESERVED or name.startswith("notify."):
                raise ValueError(f"must not have one with the name {name}; rename it")
        return value
