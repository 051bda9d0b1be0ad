"""The settings of notifications to people."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from streamwatch.config.access_settings import TimeOfDay
from streamwatch.config.fields import File, Seconds, Secret, SecretSection, Section
from streamwatch.core.codes import NoticeKind

MOST_ADDRESSES = 20


def _joined(value: object) -> object:
    """Return several addresses as one text, one in each line, so that all of them are one secret."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return value


class QuietSettings(Section):
    """Hours in which nobody is woken up."""

    begin: TimeOfDay | None = Field(None, description='When it begins to be quiet, by local time, like "22:00".')
    end: TimeOfDay | None = Field(None, description="When the quiet ends. Then one message tells what was held back.")

    @model_validator(mode="after")
    def _has_both(self) -> "QuietSettings":
        if (self.begin is None) is not (self.end is None):
            raise ValueError("needs both begin and end")
        if self.begin is not None and self.begin == self.end:
            raise ValueError("begins when it ends")
        return self


class NotifySettings(SecretSection):
    """People who are told, by whatever service of Apprise they use."""

    addresses: Annotated[Secret, BeforeValidator(_joined)] | None = Field(
        None,
        description="Addresses of Apprise (https://appriseit.com/services/), as a list. They hold passwords. Better: "
        "${NAME}, or addresses_file.",
    )
    addresses_file: File | None = Field(None, description="A file that holds the addresses, one in each line.")
    kinds: list[NoticeKind] = Field(
        [kind for kind in NoticeKind if kind is not NoticeKind.OTHER],
        description="What they are told: blocked (a blocked or held vehicle), waiting (a vehicle that a person must "
        "decide about), camera, budget, disk, barrier, other (whatever else `status` complains of).",
    )
    cameras: list[str] = Field([], description="Only of these cameras. Empty: of all.")
    language: Literal["en", "zh_Hans"] = Field("en", description="The language of the messages.")
    picture: bool = Field(False, description="True: attach the picture to messages about vehicles.")
    cool_down: Seconds = Field(
        300.0,
        ge=0,
        description="The same thing about the same plate, camera or barrier is told once in this time; what it has "
        "become is told at the end.",
    )
    quiet: QuietSettings = QuietSettings()
    urgent: list[NoticeKind] = Field([], description="Kinds that are told in quiet hours, too, like [barrier].")
    digest: TimeOfDay | None = Field(
        None, description='When yesterday\'s figures are told each day, by local time, like "08:00". Without it: never.'
    )

    @field_validator("addresses")
    @classmethod
    def _has_some(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not 0 < len(value.get_secret_value().split()) <= MOST_ADDRESSES:
            raise ValueError(f"must hold at least one address and at most {MOST_ADDRESSES}")
        return value

    @model_validator(mode="after")
    def _has_addresses(self) -> "NotifySettings":
        if self.addresses is None and self.addresses_file is None:
            raise ValueError("names no addresses; write addresses or addresses_file")
        return self

    @property
    def each(self) -> tuple[str, ...]:
        """Return the addresses, which are secrets."""
        return () if self.addresses is None else tuple(self.addresses.get_secret_value().split())
