"""The settings of barriers: one class for each driver and for each sensor, told apart by the key `driver`."""

import difflib
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from streamwatch.config.fields import File, Seconds, Secret, SecretSection, SecretUrl, Section
from streamwatch.core.codes import Position

DRIVER: Any = Field(description="How it is spoken to. Each key below says which drivers have it.")
ADDRESS = "http://192.0.2.9"
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]+\]?")
Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=4096)]], Field(min_length=1, max_length=64)]
Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(max_length=1000)]


class TimedBy(StrEnum):
    """What ends the pulse. RELAY: the relay itself. PROGRAM: streamwatch, which then must reach it once more."""

    RELAY = "relay"
    PROGRAM = "program"


class Auth(StrEnum):
    """How an HTTP device is told user and password."""

    BASIC = "basic"
    DIGEST = "digest"


def is_url(value: str) -> str:
    """Return the address of an HTTP request. Raise ValueError, which repeats nothing of it, if it is none."""
    if not re.match(r"https?://[^/?#\s]", value):
        raise ValueError(f"is not an address; write it like {ADDRESS}/open")
    if "@" in re.split("[/?#]", value.partition("://")[2], maxsplit=1)[0]:
        raise ValueError("must not hold user and password; write the keys user and password")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("holds a blank or a character that no address has; write it percent-encoded")
    return value


def _is_host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("is not a host; write a name or an address, like 192.0.2.9")
    return value


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


class LogInSettings(SecretSection):
    """User and password of a device."""

    user: Text = Field("", description="The user that the device asks for.")
    password: Secret | None = Field(
        None, description="The password that the device asks for. Better: ${NAME}, or password_file."
    )
    password_file: File | None = Field(None, description="A file that holds the password and nothing else.")


class _HttpSettings(LogInSettings):
    """A device that is asked by HTTP at one address."""

    address: str = Field(
        description="shelly, tasmota, isapi: the address of the device, like http://192.0.2.9. Redirects are not "
        "followed, and certificates are checked.",
    )

    @field_validator("address")
    @classmethod
    def _is_a_root(cls, value: str) -> str:
        value = is_url(value).rstrip("/")
        if "/" in value.partition("://")[2]:
            raise ValueError(f"is the address of the device alone; write it like {ADDRESS}")
        return value


class _ModbusLine(SecretSection):
    """A device that speaks Modbus TCP."""

    host: str = Field(description="modbus: the device. mqtt: the broker.")
    port: Port = Field(502, description="modbus: the port of the device, usually 502.")
    unit: int = Field(1, ge=0, le=255, description="modbus: the number of the unit.")

    _host = field_validator("host")(_is_host)


class MqttLine(LogInSettings):
    """A topic at an MQTT broker."""

    host: str = Field(description="modbus: the device. mqtt: the broker.")
    broker_port: Port | None = Field(
        None, description="mqtt: the port of the broker. Default: 1883, and 8883 with tls."
    )
    tls: bool = Field(False, description="mqtt: True: speak TLS with the broker, and check its certificate.")
    tls_ca: File | None = Field(
        None, description="mqtt: a PEM file with the authority that signed the broker's certificate."
    )
    topic: str = Field(min_length=1, max_length=256, description="mqtt: the topic.")

    _host = field_validator("host")(_is_host)

    @field_validator("topic")
    @classmethod
    def _is_one_topic(cls, value: str) -> str:
        if set(value) & {"#", "+", "\0"}:
            raise ValueError("names one topic, without # and +")
        return value


class _GpioLine(SecretSection):
    """A line of a GPIO chip."""

    chip: File = Field(Path("/dev/gpiochip0"), description="gpio: the chip.")
    line: int = Field(ge=0, le=1023, description="gpio: the number of the line on the chip.")
    active_low: bool = Field(False, description="gpio: True: the line is active when it is low.")


class _Readout(SecretSection):
    """How a text of a sensor becomes a position."""

    field: Text = Field(
        "",
        description="http, mqtt: where the value stands in JSON, like input.state or 0.on; empty: the whole text.",
    )
    open: Text = Field(
        "open", description="http, mqtt: a regular expression of the values that mean open; the whole value must fit."
    )
    closed: Text = Field("closed", description="http, mqtt: the same for closed. What fits neither is `not reported`.")

    _patterns = field_validator("open", "closed")(_is_pattern)


class _Levels(SecretSection):
    """What an input means."""

    high: Position | None = Field(
        Position.OPEN, description="modbus, gpio: the position while the input is on; null: it says nothing."
    )
    low: Position | None = Field(
        Position.CLOSED, description="modbus, gpio: the position while the input is off; null: it says nothing."
    )


class _SensorSettings(SecretSection):
    """What all sensors have."""

    every: Seconds = Field(1.0, ge=0.2, le=60, description="The time between two looks at the sensor.")


class HttpSensorSettings(LogInSettings, _Readout, _SensorSettings):
    """A sensor that is asked by HTTP GET."""

    driver: Literal["http"] = DRIVER
    url: SecretUrl = Field(description="http: the address that is asked. It may hold ${NAME}.")
    auth: Auth = Field(Auth.BASIC, description="http: how user and password are sent.")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: SecretStr) -> SecretStr:
        return SecretStr(is_url(value.get_secret_value()))


class ModbusSensorSettings(_ModbusLine, _Levels, _SensorSettings):
    """An input of a Modbus device."""

    driver: Literal["modbus"] = DRIVER
    input: int = Field(0, ge=0, le=65535, description="modbus: the number of the input, from 0.")


class MqttSensorSettings(MqttLine, _Readout, _SensorSettings):
    """A topic that tells the position."""

    driver: Literal["mqtt"] = DRIVER


class GpioSensorSettings(_GpioLine, _Levels, _SensorSettings):
    """A line that is read."""

    driver: Literal["gpio"] = DRIVER


def _has_driver(drivers: Sequence[str]) -> BeforeValidator:
    """Return a check that a section names one of its drivers, in one sentence."""

    def check(value: Any) -> Any:
        if isinstance(value, Section):
            return value
        if not isinstance(value, dict):
            raise ValueError(f"must hold keys: write `driver: {drivers[0]}` or another driver in a line below it")
        driver = value.get("driver")
        if driver not in drivers:
            near = difflib.get_close_matches(str(driver), drivers, 1, 0.5)
            meant = f". Did you mean {near[0]}?" if near else ""
            named = "needs a driver" if driver is None else f"has an unknown driver ({str(driver)[:40]!r})"
            raise ValueError(f"{named}; write driver: {', '.join(drivers[:-1])} or {drivers[-1]}{meant}")
        return value

    return BeforeValidator(check)


def _tag(value: Any) -> str:
    """Return the tag of a section; brackets keep it out of the places in messages."""
    driver = value.get("driver") if isinstance(value, dict) else getattr(value, "driver", "")
    return f"[{driver}]"


SensorSettings = Annotated[
    Annotated[HttpSensorSettings, Tag("[http]")]
    | Annotated[ModbusSensorSettings, Tag("[modbus]")]
    | Annotated[MqttSensorSettings, Tag("[mqtt]")]
    | Annotated[GpioSensorSettings, Tag("[gpio]")],
    Discriminator(_tag),
    _has_driver(["http", "modbus", "mqtt", "gpio"]),
]


class _BarrierSettings(SecretSection):
    """What all barriers have."""

    pulse: Seconds = Field(
        0.5, ge=0.1, le=10, description="The time for which the contact closes. Most barriers want 500ms."
    )
    sensor: SensorSettings | None = Field(None, description="Where the position comes from; none: not reported.")

    @property
    def can_hold(self) -> bool:
        """Return True if the barrier can be held open."""
        return any(getattr(self, name) for name in type(self).model_fields if name.startswith("hold_"))


class _Timed(_BarrierSettings):
    timed_by: TimedBy = Field(
        TimedBy.RELAY,
        description="http, modbus, mqtt, command: relay: the relay ends the pulse by itself, which is safer. program: "
        "streamwatch ends it; that needs what releases the relay.",
    )

    @model_validator(mode="after")
    def _can_release(self) -> "_Timed":
        release = next((name for name in type(self).model_fields if name.startswith("release_")), None)
        if release and not getattr(self, release):
            if self.timed_by is TimedBy.PROGRAM:
                raise ValueError(f"has `timed_by: program` and so needs {release}")
            if getattr(self, release.replace("release_", "hold_"), None):
                raise ValueError(f"has {release.replace('release_', 'hold_')} and so needs {release}")
        return self


class HttpBarrierSettings(LogInSettings, _Timed):
    """Any HTTP request."""

    driver: Literal["http"] = DRIVER
    url: SecretUrl = Field(description="http: the address that opens. It may hold ${NAME}.")
    method: Literal["GET", "POST", "PUT", "PATCH"] = Field("GET", description="http: the method of the requests.")
    headers: dict[str, Secret] = Field({}, description="http: headers of the requests. They may hold ${NAME}.")
    body: Secret | None = Field(None, description="http: the body of the request that opens. It may hold ${NAME}.")
    auth: Auth = Field(Auth.BASIC, description="http: how user and password are sent.")
    hold_url: SecretUrl | None = Field(
        None,
        description="http: the address that holds the barrier open until it is "
        "released. Without it, it cannot be held open.",
    )
    release_url: SecretUrl | None = Field(None, description="http: the address that releases the relay.")

    @field_validator("url", "hold_url", "release_url")
    @classmethod
    def _are_addresses(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(is_url(value.get_secret_value()))

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            text = secret.get_secret_value()
            if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", name) or not (text.isascii() and text.isprintable()):
                raise ValueError("holds a header that cannot be sent; names are letters, digits and -")
        return value


class ShellySettings(_HttpSettings, _BarrierSettings):
    """A Shelly relay, which times its pulse itself."""

    driver: Literal["shelly"] = DRIVER
    generation: Literal[1, 2] = Field(2, description="shelly: 1 for the first generation, 2 for all later ones.")
    channel: int = Field(0, ge=0, le=15, description="shelly: the number of the relay, from 0.")

    @property
    def can_hold(self) -> bool:
        """Return True."""
        return True


class TasmotaSettings(_HttpSettings, _BarrierSettings):
    """A relay with Tasmota, which times its pulse itself."""

    driver: Literal["tasmota"] = DRIVER
    relay: int = Field(1, ge=1, le=8, description="tasmota: the number of the relay, from 1.")

    @property
    def can_hold(self) -> bool:
        """Return True."""
        return True


class IsapiSettings(_HttpSettings, _BarrierSettings):
    """The alarm output of a Hikvision camera, which times its pulse itself as its own settings say."""

    driver: Literal["isapi"] = DRIVER
    output: int = Field(1, ge=1, le=16, description="isapi: the number of the alarm output, from 1.")


class ModbusBarrierSettings(_ModbusLine, _Timed):
    """A coil of a Modbus device."""

    driver: Literal["modbus"] = DRIVER
    coil: int = Field(0, ge=0, le=65535, description="modbus: the number of the coil, from 0.")
    flash_register: int = Field(
        0x0200,
        ge=0,
        le=65535,
        description="modbus: the register of coil 0 that switches it on for a time (`flash on`), for timed_by: relay.",
    )

    @property
    def can_hold(self) -> bool:
        """Return True."""
        return True


class MqttBarrierSettings(MqttLine, _Timed):
    """A relay behind an MQTT broker. What is published is never retained."""

    driver: Literal["mqtt"] = DRIVER
    payload: Text = Field("ON", description="mqtt: what opens.")
    hold_payload: Text = Field("", description="mqtt: what holds the barrier open; empty: it cannot be held open.")
    release_payload: Text = Field("", description="mqtt: what releases the relay.")
    qos: Literal[0, 1] = Field(
        1,
        description="mqtt: 1: the broker acknowledges what is published. 0: it does not, so a fault may stay unseen.",
    )


class CommandSettings(_Timed):
    """A program of this machine, without a shell."""

    driver: Literal["command"] = DRIVER
    command: Words = Field(description="command: the program that opens, with its arguments, like [/usr/bin/open, a].")
    hold_command: Words | None = Field(None, description="command: the program that holds the barrier open.")
    release_command: Words | None = Field(None, description="command: the program that releases the relay.")


class GpioBarrierSettings(_GpioLine, _BarrierSettings):
    """A line of this machine. streamwatch times the pulse."""

    driver: Literal["gpio"] = DRIVER

    @property
    def can_hold(self) -> bool:
        """Return True."""
        return True


class CameraBarrierSettings(_BarrierSettings):
    """The relay of a camera that posts its readings; the answer to it opens."""

    driver: Literal["camera"] = DRIVER
    camera: Text = Field(description="camera: the name of the camera, which has `source: push`.")


BarrierSettings = Annotated[
    Annotated[HttpBarrierSettings, Tag("[http]")]
    | Annotated[ShellySettings, Tag("[shelly]")]
    | Annotated[TasmotaSettings, Tag("[tasmota]")]
    | Annotated[IsapiSettings, Tag("[isapi]")]
    | Annotated[ModbusBarrierSettings, Tag("[modbus]")]
    | Annotated[MqttBarrierSettings, Tag("[mqtt]")]
    | Annotated[CommandSettings, Tag("[command]")]
    | Annotated[GpioBarrierSettings, Tag("[gpio]")]
    | Annotated[CameraBarrierSettings, Tag("[camera]")],
    Discriminator(_tag),
    _has_driver(["http", "shelly", "tasmota", "isapi", "modbus", "mqtt", "command", "gpio", "camera"]),
]
