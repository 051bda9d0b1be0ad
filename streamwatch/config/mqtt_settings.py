"""The settings of the MQTT broker."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from streamwatch.config.fields import File, Secret, SecretSection

PREFIX = r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*"


class MqttSettings(SecretSection):
    """A broker that is told events and states, and that Home Assistant listens to."""

    host: str = Field(
        "", max_length=253, description="The name or address of the broker. Without it nothing is sent by MQTT."
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="The port of the broker. Default: 1883, and 8883 with tls."
    )
    tls: bool = Field(False, description="True: speak TLS with the broker, and check its certificate.")
    tls_ca: File | None = Field(
        None, description="A PEM file with the authority that signed the broker's certificate, if it is your own."
    )
    user: str = Field("", max_length=256, description="The user that the broker asks for.")
    password: Secret | None = Field(
        None, description="The password that the broker asks for. Better: ${NAME}, or password_file."
    )
    password_file: File | None = Field(None, description="A file that holds the password and nothing else.")
    client_id: str = Field("", max_length=64, description="The name of this client at the broker. Default: the prefix.")
    prefix: str = Field(
        "streamwatch",
        max_length=64,
        description="The beginning of all topics. Two programs at one broker need different ones.",
    )
    discovery: str = Field(
        "homeassistant",
        max_length=64,
        description="The prefix of Home Assistant's discovery. Empty: Home Assistant is told nothing.",
    )
    commands: Annotated[list[Literal["open", "kill"]], Field(max_length=2)] = Field(
        [],
        description="Commands that are taken from the broker: open (a lane's barrier) and kill (stop all openings). "
        "Whoever may publish at the broker can give them.",
    )

    @field_validator("prefix", "discovery")
    @classmethod
    def _is_a_topic(cls, value: str) -> str:
        if value and not re.fullmatch(PREFIX, value):
            raise ValueError("is not a beginning of topics; use letters, digits, `_`, `-` and `/`, like site/gate")
        return value

    @field_validator("prefix")
    @classmethod
    def _is_there(cls, value: str) -> str:
        if not value:
            raise ValueError("is empty; write a name like streamwatch")
        return value

    @field_validator("host", "user", "client_id")
    @classmethod
    def _is_printable(cls, value: str) -> str:
        if not value.isprintable() or value != value.strip():
            raise ValueError("holds a blank or a character that no name has")
        return value

    @model_validator(mode="after")
    def _fits(self) -> "MqttSettings":
        if not self.host and self != MqttSettings.model_construct():  # defaults that are written out say nothing
            raise ValueError("names no host, the broker's name or address")
        if self.tls_ca is not None and not self.tls:
            raise ValueError("has tls_ca without tls: true")
        if self.password is not None and not self.user:
            raise ValueError("has a password without a user")
        return self

    @property
    def broker_port(self) -> int:
        """Return the port to connect to."""
        return self.port or (8883 if self.tls else 1883)
