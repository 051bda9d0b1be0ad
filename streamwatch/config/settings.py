"""What config.yaml may hold: typed settings, each with its limits and its default.

Secrets are `SecretStr`: printing a settings object never shows them.
"""

import os
import re
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from streamwatch.core.plates import PROVINCES, grammar, normalise
from streamwatch.system.service import FOLDER, credential

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SMALLEST_ZONE = 1e-4  # of the picture
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def seconds(value: object) -> object:
    """Return a duration as config.yaml writes it (`10`, `"500ms"`, `"5m"`) in seconds."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*", value)
    if not match:
        raise ValueError("is not a duration; write a number of seconds, or 500ms, 10s, 5m, 2h, 1d")
    return float(match[1]) * _UNITS[match[2]]


def size(value: object) -> object:
    """Return a size as config.yaml writes it (`1500000`, `"500MB"`, `"2.5GB"`) in bytes."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(kB|MB|GB|TB)\s*", value)
    if not match:
        raise ValueError("is not a size; write a number of bytes, or 500MB, 20GB")
    return round(min(float(match[1]) * _SIZES[match[2]], 2.0 * MOST_BYTES))


def _zone(points: object) -> object:
    if not isinstance(points, list) or not all(_is_point(point) for point in points):
        raise ValueError("must be a list of points [x, y], like [[0.1, 0.3], [0.9, 0.3], [1, 1]]")
    if len(points) < 3:
        raise ValueError("needs at least three points")
    if any(not (0 <= v <= 1) for point in points for v in point):
        raise ValueError("holds fractions of the picture, each between 0 and 1, like [0.25, 0.4]")
    following = [*points[1:], points[0]]
    if abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True))) / 2 < SMALLEST_ZONE:
        raise ValueError("has no area, or its points do not go around it one after the other")
    return points


def _is_point(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(part, int | float) for part in value)


LONGEST = 36500 * 86400.0  # s; a hundred years: further back no calendar goes that Python knows
Seconds = Annotated[float, BeforeValidator(seconds), Field(le=LONGEST, allow_inf_nan=False)]
MOST_BYTES = 10**18  # more than any disk has
Bytes = Annotated[int, BeforeValidator(size), Field(le=MOST_BYTES)]
Calls = Annotated[int, Field(ge=1)]
Zone = Annotated[list[tuple[float, float]], BeforeValidator(_zone)]


def one_word(value: str) -> str:
    """Return a credential without blanks around it. Raises ValueError for what can be none."""
    value = value.strip()
    if not value:
        raise ValueError("is empty")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("holds a blank, a line break or a character that no key has; copy it again from the console")
    return value


def _variable(match: re.Match[str]) -> str:
    value = os.environ.get(match[1]) or credential(match[1])
    if value is None:
        served = f"; the service takes it from the file {FOLDER / match[1]}" * ("CREDENTIALS_DIRECTORY" in os.environ)
        raise ValueError(f"needs the environment variable {match[1]}, which is not set{served}")
    return quote(value, safe="")


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OcrCarsSettings(_Settings):
    """The paid service."""

    endpoint: str = "https://car6.market.alicloudapi.com/ocrCars"
    appcode: SecretStr | None = None
    appcode_file: Path | None = None
    app_key: SecretStr | None = None
    app_key_file: Path | None = None
    app_secret: SecretStr | None = None
    app_secret_file: Path | None = None
    connect_timeout: Seconds = Field(10.0, gt=0)
    read_timeout: Seconds = Field(35.0, gt=0)
    parallel: int = Field(2, ge=1, le=32)

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_safe(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            host = url.hostname
        except ValueError:
            raise ValueError("is not an address; write it like https://host/ocrCars") from None
        if url.scheme not in ("http", "https") or not host:
            raise ValueError("is not an address; write it like https://host/ocrCars")
        if url.username or url.password:
            raise ValueError("must not carry credentials; give the AppCode by STREAMWATCH_APPCODE")
        if url.scheme == "http" and host not in LOOPBACK:
            raise ValueError("must begin with https://, because the AppCode would travel readable over plain http")
        return value

    @field_validator("appcode", "app_key", "app_secret")
    @classmethod
    def _secret_isone_word(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(one_word(value.get_secret_value()))


class LocalSettings(_Settings):
    """The local engine."""

    threads: int = Field(1, ge=1, le=64)


class Reads(StrEnum):
    """The engine that reads the plates; local-first: the paid engine reads only where the local one is not sure."""

    OCRCARS = "ocrcars"
    LOCAL = "local"
    LOCAL_FIRST = "local-first"


class RecognizerSettings(_Settings):
    """Which engine reads the plates, and when a call is paid."""

    engine: Reads = Reads.OCRCARS
    fallback: Literal["local", "none"] = "local"
    pay_below: float = Field(0.95, ge=0, le=1)
    ocrcars: OcrCarsSettings = OcrCarsSettings()
    local: LocalSettings = LocalSettings()


class PlateSettings(_Settings):
    """What a plate looks like here."""

    home_province: str = ""
    grammar: str | list[str] = "china"

    @field_validator("home_province")
    @classmethod
    def _is_a_province(cls, value: str) -> str:
        value = normalise(value)
        if value and (len(value) > 1 or value not in PROVINCES):
            raise ValueError(f"is no province; write one of {PROVINCES}, or nothing")
        return value

    @field_validator("grammar")
    @classmethod
    def _is_a_grammar(cls, value: str | list[str]) -> str | list[str]:
        grammar(value)
        return value


class GateSettings(_Settings):
    """Which frames are worth a call."""

    threshold: int = Field(22, ge=2, le=255)
    min_area: float = Field(0.015, gt=0, le=1)
    patience: Seconds = Field(0.6, gt=0, le=60)
    close_after: Seconds = Field(1.0, gt=0, le=60)
    max_calls: int = Field(3, ge=1, le=20)
    pay_without_plate: bool = False
    keep_unpaid: bool = True


class JpegSettings(_Settings):
    """The picture that is sent and kept."""

    long_side: int = Field(1920, ge=320, le=4095)
    quality: int = Field(88, ge=40, le=100)
    max_bytes: int = Field(1_500_000, ge=50_000, le=4_000_000)


class DedupSettings(_Settings):
    """When two readings are one sighting."""

    window: Seconds = Field(300.0, ge=0)


class SightingSettings(_Settings):
    """What counts as a sighting."""

    min_confidence: float = Field(0.85, ge=0, le=1)


class OutboxSettings(_Settings):
    """What may wait on disk for the service."""

    max_items: int = Field(5000, ge=1)
    max_bytes: Bytes = Field(2_000_000_000, ge=1_000_000)
    max_age: Seconds = Field(7 * 86400.0, gt=0)


class BudgetSettings(_Settings):
    """Calls that may be paid per calendar window; no limit where none is given."""

    hour: Calls | None = None
    day: Calls | None = None
    month: Calls | None = None


class CallSettings(_Settings):
    """How paid calls are treated."""

    price: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    resend_doubtful: bool = False
    runaway_after: int = Field(20, ge=2)


class RetentionSettings(_Settings):
    """How long things are kept."""

    evidence: Seconds = Field(90 * 86400.0, gt=0)
    rows: Seconds = Field(3 * 365 * 86400.0, gt=0)
    max_bytes: Bytes = Field(20_000_000_000, ge=1_000_000)
    min_free: Bytes = Field(500_000_000, ge=0)


class ShutdownSettings(_Settings):
    """How the daemon ends."""

    drain: Seconds = Field(10.0, ge=0)


class HealthSettings(_Settings):
    """Where /healthz and /metrics are answered."""

    host: str = "127.0.0.1"
    port: int | None = Field(None, ge=1, le=65535)

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return value if value == "localhost" else str(ip_address(value))
        except ValueError:
            raise ValueError("is no address of this machine, like 127.0.0.1, or 0.0.0.0 for all") from None


class ServeOcrSettings(_Settings):
    """Where the verb `serve-ocr` listens."""

    host: str = "127.0.0.1"
    port: int = Field(9465, ge=1, le=65535)
    certificate: Path | None = None
    key: Path | None = None
    queue: int = Field(16, ge=1, le=64)


class CaptureSettings(_Settings):
    """How patient the cameras' readers are."""

    deadline: Seconds = Field(10.0, gt=0)
    reopen_first: Seconds = Field(1.0, gt=0)
    reopen_longest: Seconds = Field(10.0, gt=0)
    frozen_after: Seconds = Field(120.0, gt=0)


class Watching(StrEnum):
    """How cameras are decoded while nothing happens. auto: now and then. full: each picture."""

    AUTO = "auto"
    FULL = "full"


# fmt: off
Decoding = Literal[
    "auto", "software",
    "amf", "cuda", "cuvid", "d3d11va", "d3d12va", "drm", "dxva2", "mediacodec", "mmal", "opencl", "qsv", "rkmpp",
    "v4l2m2m", "vaapi", "vdpau", "videotoolbox", "vulkan",
]
# fmt: on
"""FFmpeg's kinds of devices (av_hwdevice_get_type_name) and the endings of its decoders for H.264 that use hardware."""


class AttentionSettings(_Settings):
    """How closely cameras are watched."""

    mode: Watching = Watching.AUTO
    max_blind: Seconds = Field(2.0, ge=0.5, le=10)

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: object) -> object:
        return value if isinstance(value, dict) else {"mode": value}

    @property
    def longest_blindness(self) -> float | None:
        """Return the longest time in seconds without a decoded picture while nothing happens.

        None if each picture is decoded.
        """
        return self.max_blind if self.mode is Watching.AUTO else None


class CameraSettings(_Settings):
    """One camera."""

    source: str
    watch: str | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    loop: bool = False
    every: Seconds = Field(0.5, ge=0.1, le=5)
    rotate: Literal[0, 90, 180, 270] = 0
    zone: Zone | None = None
    budget: BudgetSettings = BudgetSettings()

    @field_validator("source", "watch", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("source", "watch")
    @classmethod
    def _fill_in_environment(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if not value.strip():
            raise ValueError("is empty; write an rtsp:// address, a file, a webcam (0 or /dev/video0) or sample")
        if "${" in VARIABLE.sub("", value):
            raise ValueError("holds ${…} without the name of a variable; write it like ${GATE_PASSWORD}")
        look_up = info.context is None or info.context["secrets"]
        return VARIABLE.sub(_variable, value) if look_up else value


class Settings(_Settings):
    """All of config.yaml."""

    data_dir: Path = Path("data")
    database: str = ""
    recognizer: RecognizerSettings = RecognizerSettings()
    plates: PlateSettings = PlateSettings()
    gate: GateSettings = GateSettings()
    jpeg: JpegSettings = JpegSettings()
    sightings: SightingSettings = SightingSettings()
    dedup: DedupSettings = DedupSettings()
    capture: CaptureSettings = CaptureSettings()
    attention: AttentionSettings = AttentionSettings()
    decode: Decoding = "auto"
    outbox: OutboxSettings = OutboxSettings()
    budget: BudgetSettings = BudgetSettings()
    calls: CallSettings = CallSettings()
    retention: RetentionSettings = RetentionSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    health: HealthSettings = HealthSettings()
    serve_ocr: ServeOcrSettings = ServeOcrSettings()
    cameras: dict[Annotated[str, Field(pattern=r"^\w[\w.-]{0,63}$")], CameraSettings] = {}

    @model_validator(mode="after")
    def _database_has_a_place(self) -> "Settings":
        if not self.database:
            object.__setattr__(self, "database", f"sqlite:///{quote(str(self.data_dir / 'streamwatch.db'))}")
        return self
