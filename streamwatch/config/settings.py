"""The settings of config.yaml, typed, each with its limits and its default.

Secrets are `SecretStr`: printing a settings object never shows them.
"""

import re
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import (
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from streamwatch.config.access_settings import CLOSELY, RETURN, AccessSettings, LaneSettings, check_lanes
from streamwatch.config.barrier_settings import BarrierSettings, CameraBarrierSettings
from streamwatch.config.fields import (
    VARIABLE,
    Bytes,
    Calls,
    Name,
    Seconds,
    Secret,
    Section,
    Zone,
    address,
    one_word,
    variable,
)
from streamwatch.config.outward_settings import OutwardSettings
from streamwatch.config.push_settings import PushCameraSettings, PushKind, PushSettings
from streamwatch.core.codes import LaneMode, Role
from streamwatch.core.endpoint import check_endpoint, is_loopback
from streamwatch.core.plates import PROVINCES, grammar, normalise


class OcrCarsSettings(Section):
    """The paid service."""

    endpoint: str = Field(
        "https://car6.market.alicloudapi.com/ocrCars",
        description="The address of the service. It must begin with https://, except on this machine itself.",
    )
    appcode: SecretStr | None = Field(
        None,
        description="The AppCode of the Market console. Better: the environment variable STREAMWATCH_APPCODE.",
    )
    appcode_file: Path | None = Field(None, description="A file that holds the AppCode and nothing else.")
    app_key: SecretStr | None = Field(
        None,
        description="The AppKey, together with app_secret instead of the AppCode. Better: STREAMWATCH_APP_KEY.",
    )
    app_key_file: Path | None = Field(None, description="A file that holds the AppKey and nothing else.")
    app_secret: SecretStr | None = Field(
        None,
        description="The AppSecret. It signs each call and is never sent. Better: STREAMWATCH_APP_SECRET.",
    )
    app_secret_file: Path | None = Field(None, description="A file that holds the AppSecret and nothing else.")
    connect_timeout: Seconds = Field(10.0, gt=0, description="Time limit for name look-up, proxy and TLS together.")
    read_timeout: Seconds = Field(
        35.0,
        gt=0,
        description="Time limit from there to the end of the answer. If it is shorter than the service's own limit, "
        "calls are paid for whose answers are lost.",
    )
    parallel: int = Field(2, ge=1, le=32, description="The number of calls that may run at once.")

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_safe(cls, value: str) -> str:
        check_endpoint(value)
        return value

    @field_validator("appcode", "app_key", "app_secret")
    @classmethod
    def _secret_is_one_word(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(one_word(value.get_secret_value()))


class LocalSettings(Section):
    """The local engine."""

    threads: int = Field(1, ge=1, le=64, description="The number of CPU threads that the local engine uses.")


class Reads(StrEnum):
    """The engine that reads the plates; local-first: the paid engine reads only if the local one is not sure."""

    OCRCARS = "ocrcars"
    LOCAL = "local"
    LOCAL_FIRST = "local-first"


class ReadingSettings(Section):
    """The engine that reads the plates, and when a call is paid."""

    engine: Reads = Field(
        Reads.OCRCARS,
        description="The engine that reads plates: the paid service, the local engine, or the paid service only if the "
        "local engine is not sure.",
    )
    fallback: Literal["local", "none"] = Field(
        "local",
        description="The engine that reads while no call can be made, if it is installed.",
    )
    pay_below: float = Field(
        0.95,
        ge=0,
        le=1,
        description="With local-first, a local reading with less confidence leads to a paid call. With every engine, "
        "such a local reading makes no sighting by itself.",
    )


class RecognizerSettings(ReadingSettings):
    """The engine that reads the plates, when a call is paid, and both engines."""

    ocrcars: OcrCarsSettings = OcrCarsSettings()
    local: LocalSettings = LocalSettings()


class PlateSettings(Section):
    """The plates that are usual here."""

    home_province: str = Field(
        "",
        description="The province of about half of the vehicles, such as 粤. It is a hint for the local engine, "
        "never a rule.",
    )
    grammar: str | list[str] = Field(
        "china",
        description="The plates that exist here: china (or cn), hk, mo, tw, vn, my, sg, gb, de, fr, it, es, nl, pl, "
        "br, us, au, or several: [cn, hk]. A regular expression adds other plates to the Chinese ones. any also takes "
        "whatever looks like a plate; use it only until a grammar exists.",
    )

    @field_validator("home_province")
    @classmethod
    def _is_a_province(cls, value: str) -> str:
        value = normalise(value)
        if value and (len(value) > 1 or value not in PROVINCES):
            raise ValueError(f"is not a province; write one of {PROVINCES}, or nothing")
        return value

    @field_validator("grammar")
    @classmethod
    def _is_a_grammar(cls, value: str | list[str]) -> str | list[str]:
        grammar(value)
        return value


class GateSettings(Section):
    """The choice of the frames that are worth a call."""

    threshold: int = Field(
        22,
        ge=2,
        le=255,
        description="The number of grey levels by which a pixel must differ from the empty scene, at ordinary light.",
    )
    min_area: float = Field(
        0.015,
        gt=0,
        le=1,
        description="The part of the picture that must differ. A smaller value also finds vehicles that are further "
        "away.",
    )
    patience: Seconds = Field(0.6, gt=0, le=60, description="A view is sent when no better one has come for this time.")
    close_after: Seconds = Field(
        1.0,
        gt=0,
        le=60,
        description="A passage ends when its vehicle has not been seen for this time.",
    )
    max_calls: int = Field(3, ge=1, le=20, description="The largest number of paid calls for one passage.")
    pay_without_plate: bool = Field(
        False,
        description="True: pay once for a large vehicle on which the gate sees no plate, but the local engine sees "
        "letters.",
    )
    keep_unpaid: bool = Field(
        True,
        description="True: keep the best picture of a passage without a paid call. It is never sent.",
    )


class JpegSettings(Section):
    """The picture that is sent and kept."""

    long_side: int = Field(
        1920,
        ge=320,
        le=4095,
        description="The longest side of the picture that is sent and kept, in pixels.",
    )
    quality: int = Field(88, ge=40, le=100, description="The JPEG quality.")
    max_bytes: int = Field(
        1_500_000,
        ge=50_000,
        le=4_000_000,
        description="The largest JPEG in bytes. To stay below it, first the quality is lowered, then the size.",
    )


class DedupSettings(Section):
    """The rule by which two readings become one sighting."""

    window: Seconds = Field(
        300.0,
        ge=0,
        description="The same plate at the same camera within this time is the same sighting.",
    )


class SightingSettings(Section):
    """The readings that count as a sighting."""

    min_confidence: float = Field(
        0.85,
        ge=0,
        le=1,
        description="A reading with less confidence makes no sighting by itself. It stays in the table readings.",
    )


class OutboxSettings(Section):
    """The pictures that may wait on disk for the service."""

    max_items: int = Field(
        5000,
        ge=1,
        description="The largest number of pictures that wait for the service. Second views are dropped first, then "
        "the oldest.",
    )
    max_bytes: Bytes = Field(
        2_000_000_000,
        ge=1_000_000,
        description="The largest size of all waiting pictures together.",
    )
    max_age: Seconds = Field(7 * 86400.0, gt=0, description="A picture that has waited longer is dropped.")


class BudgetSettings(Section):
    """The number of calls that may be paid in a calendar window. Without a value there is no limit."""

    hour: Calls | None = Field(None, description="The largest number of paid calls in a calendar hour.")
    day: Calls | None = Field(None, description="The largest number of paid calls in a calendar day.")
    month: Calls | None = Field(None, description="The largest number of paid calls in a calendar month.")


class CallSettings(Section):
    """The treatment of paid calls."""

    price: float = Field(
        0.0,
        ge=0,
        le=1e9,
        allow_inf_nan=False,
        description="The cost of one call in your currency. The verb `calls` multiplies the calls by it.",
    )
    resend_doubtful: bool = Field(
        False,
        description="True: send a picture again although its call may have been charged without an answer.",
    )
    runaway_after: int = Field(
        20,
        ge=2,
        description="The calls of a camera are paused after this number of calls in a row without a plate.",
    )


class RetentionSettings(Section):
    """The time for which pictures and rows are kept."""

    evidence: Seconds = Field(90 * 86400.0, gt=0, description="Pictures are deleted after this time.")
    rows: Seconds = Field(
        3 * 365 * 86400.0,
        gt=0,
        description="Passages with their readings and sightings, decisions and openings are deleted after this time. "
        "Calls stay.",
    )
    sessions: Seconds = Field(
        90 * 86400.0,
        gt=0,
        description="Log-ins, and tokens that were revoked, are deleted when they have not been used for this time.",
    )
    audit: Seconds = Field(
        3 * 365 * 86400.0,
        gt=0,
        description="Entries of the audit log are deleted after this time.",
    )
    max_bytes: Bytes = Field(
        20_000_000_000,
        ge=1_000_000,
        description="The largest size of all pictures together. The oldest are deleted first.",
    )
    min_free: Bytes = Field(
        500_000_000,
        ge=0,
        description="The disk space that stays free. If there is less, the oldest pictures are deleted.",
    )


class ShutdownSettings(Section):
    """The end of the daemon."""

    drain: Seconds = Field(
        10.0,
        ge=0,
        description="Time limit for reading the last pictures at a stop. The rest is read after the next start.",
    )


class HealthSettings(Section):
    """The address of /healthz and /metrics, and a sign of life to a service outside."""

    host: str = Field(
        "127.0.0.1",
        description="The address of this machine where /healthz and /metrics are answered. Beyond 127.0.0.1 everybody "
        "who reaches it can ask, without a password.",
    )
    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="The port of /healthz and /metrics. Without it they are not served.",
    )
    ping: Secret | None = Field(
        None,
        description="An address that is asked while all is well, of a service such as healthchecks.io: it tells you "
        "when the box is dead. It is a secret; ${NAME} is taken from the environment.",
    )
    ping_every: Seconds = Field(300.0, ge=10, le=86400, description="The time between two signs of life.")

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return address(value)

    @field_validator("ping")
    @classmethod
    def _can_be_asked(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://[^/?#\s]+\S*$|\$\{", value.get_secret_value()):
            raise ValueError("is not an address; write it like https://hc-ping.com/KEY")
        return value


class LogIn(StrEnum):
    """When the console asks for a log-in. AUTO: not on this machine alone, as long as there is no user."""

    AUTO = "auto"
    ALWAYS = "always"


class WebSettings(Section):
    """The console: the pages and the JSON API."""

    enabled: bool = Field(True, description="False: `streamwatch run` serves no console.")
    host: str = Field(
        "127.0.0.1",
        description="The address of this machine where the console is served. Beyond 127.0.0.1 it needs a user, and "
        "https or behind_proxy.",
    )
    port: int = Field(8470, ge=1, le=65535, description="The port of the console.")
    tls_certificate: Path | None = Field(
        None,
        description="A PEM file with the certificate, and the intermediate ones after it. With it, the console is "
        "served by https.",
    )
    tls_key: Path | None = Field(
        None, description="A PEM file with the private key, unless the file of the certificate has it."
    )
    behind_proxy: list[str] = Field(
        [],
        description="The address or addresses of the reverse proxy that serves the console by https, such as "
        "127.0.0.1 or 192.0.2.0/24. Its X-Forwarded-For and X-Forwarded-Proto are believed.",
    )

    login: LogIn = Field(
        LogIn.AUTO,
        description="auto: on 127.0.0.1 without behind_proxy nobody logs in until there is a user. always: everybody "
        "logs in, everywhere.",
    )
    session_idle: Seconds = Field(
        3 * 86400.0,
        ge=60,
        description="A log-in ends when its browser has shown no page for this time.",
    )
    session_longest: Seconds = Field(30 * 86400.0, ge=300, description="A log-in ends after this time in any case.")
    mask_for: list[Role] = Field(
        [],
        description="The roles that see plates only in part, and pictures without legible plates, such as [viewer].",
    )

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return address(value)

    @field_validator("behind_proxy", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("behind_proxy")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        try:
            return [str(ip_network(network, strict=False)) for network in value]
        except ValueError:
            raise ValueError("holds addresses of proxies, like 127.0.0.1 or 192.0.2.0/24") from None

    @property
    def is_shared(self) -> bool:
        """Return True if other machines can reach the console, so that everybody must log in."""
        return not is_loopback(self.host) or bool(self.behind_proxy)


class ServeOcrSettings(Section):
    """The address and the limits of the verb `serve-ocr`."""

    host: str = Field(
        "127.0.0.1",
        description="The address of this machine where serve-ocr listens. Beyond 127.0.0.1 it needs credentials.",
    )
    port: int = Field(9465, ge=1, le=65535, description="The port where serve-ocr listens.")
    certificate: Path | None = Field(
        None,
        description="A PEM file with the certificate. With it and key, serve-ocr speaks https.",
    )
    key: Path | None = Field(None, description="A PEM file with the private key of the certificate.")
    queue: int = Field(
        16,
        ge=1,
        le=64,
        description="The number of pictures that may wait to be read. Further requests are answered with 503.",
    )


class CaptureSettings(Section):
    """The patience with cameras that send nothing."""

    deadline: Seconds = Field(10.0, gt=0, description="A camera that sends nothing for this time is reopened.")
    reopen_first: Seconds = Field(
        1.0,
        gt=0,
        description="The pause before a camera is reopened for the first time. It doubles with each further try.",
    )
    reopen_longest: Seconds = Field(10.0, gt=0, description="The longest pause between two tries to reopen a camera.")
    frozen_after: Seconds = Field(
        120.0,
        gt=0,
        description="A camera that repeats the same picture for this time is reported as frozen.",
    )


class Watching(StrEnum):
    """The decoding of cameras while nothing happens. auto: now and then. full: each picture."""

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


class AttentionSettings(Section):
    """The attention with which cameras are watched."""

    mode: Watching = Field(
        Watching.AUTO,
        description="auto: only I-frames of a quiet camera are decoded; full: every picture is. `attention: full` "
        "means the same.",
    )
    max_blind: Seconds = Field(
        2.0,
        ge=0.5,
        le=10,
        description="The longest time in which no picture is looked at. It costs least if the camera sends I-frames at "
        "least as often.",
    )

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


OVERRIDES = ("attention", "gate", "recognizer", "plates", "dedup")
"""The sections that a camera may have of its own. Only what is written there counts in place of the common section."""


PUSH = "push"
"""The source of a camera that posts what it has seen."""


class CameraSettings(Section):
    """One camera."""

    source: str = Field(
        description="An rtsp:// or other stream address, the http address of single JPEG pictures, a video file, a "
        "webcam (0 or /dev/video0), sample, or push for a camera that posts what it has seen. ${NAME} is taken from "
        "the environment.",
    )
    push: PushCameraSettings | None = Field(
        None, description="What a camera with `source: push` posts, and who may post as this camera."
    )
    watch: str | None = Field(
        None,
        description="The camera's substream, or a file. It is watched while nothing happens, so that the main "
        "stream need not be decoded.",
    )
    transport: Literal["tcp", "udp"] = Field("tcp", description="The transport of the pictures in RTSP.")
    loop: bool = Field(False, description="True: play a video file again and again. The sample always loops.")
    every: Seconds = Field(
        0.5,
        ge=0.1,
        le=5,
        description="The time between two requests for single JPEG pictures over http.",
    )
    rotate: Literal[0, 90, 180, 270] = Field(
        0,
        description="Degrees clockwise by which the pictures are turned, for a camera that hangs sideways or upside "
        "down.",
    )
    zone: Zone | None = Field(
        None,
        description="A polygon of points [x, y], in fractions of the turned picture from its top left corner. Only its "
        "inside is watched.",
    )
    budget: BudgetSettings = BudgetSettings()
    attention: AttentionSettings = AttentionSettings()
    gate: GateSettings = GateSettings()
    recognizer: ReadingSettings = ReadingSettings()
    plates: PlateSettings = PlateSettings()
    dedup: DedupSettings = DedupSettings()

    @model_validator(mode="after")
    def _push_is_whole(self) -> "CameraSettings":
        if (self.source == PUSH) is (self.push is None):
            raise ValueError("needs both `source: push` and a section `push` with an address or a secret, or neither")
        for key in ("watch", "zone"):
            if self.push is not None and getattr(self, key) is not None:
                raise ValueError(f"has `source: push`, so it watches by itself; remove `{key}`")
        return self

    @property
    def own(self) -> dict[str, object]:
        """Return what is written for this camera alone in place of the common settings, by dotted key."""
        sections = ((name, getattr(self, name)) for name in OVERRIDES)
        return {f"{name}.{key}": getattr(own, key) for name, own in sections for key in sorted(own.model_fields_set)}

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
        return VARIABLE.sub(variable, value) if look_up else value


def _over(common: Section, own: Section) -> Section:
    return common.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


class Settings(Section):
    """All of config.yaml."""

    data_dir: Path = Field(Path("data"), description="The folder of evidence pictures and of the default database.")
    database: str = Field(
        "",
        description="The database that stores the rows: sqlite:///PATH or postgresql://USER@HOST/NAME. Default: "
        "streamwatch.db in data_dir.",
    )
    recognizer: RecognizerSettings = RecognizerSettings()
    plates: PlateSettings = PlateSettings()
    gate: GateSettings = GateSettings()
    jpeg: JpegSettings = JpegSettings()
    sightings: SightingSettings = SightingSettings()
    dedup: DedupSettings = DedupSettings()
    capture: CaptureSettings = CaptureSettings()
    attention: AttentionSettings = AttentionSettings()
    decode: Decoding = Field(
        "auto",
        description="The decoder of network streams: auto and software use the CPU; another word names a hardware "
        "decoder. If that does not open, the log says so and the CPU decodes. Hardware decoders are not tested.",
    )
    outbox: OutboxSettings = OutboxSettings()
    budget: BudgetSettings = BudgetSettings()
    calls: CallSettings = CallSettings()
    retention: RetentionSettings = RetentionSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    web: WebSettings = WebSettings()
    health: HealthSettings = HealthSettings()
    push: PushSettings = PushSettings()
    serve_ocr: ServeOcrSettings = ServeOcrSettings()
    access: AccessSettings = AccessSettings()
    outward: OutwardSettings = OutwardSettings()
    cameras: dict[Name, CameraSettings] = Field({}, description="The cameras, by name.")
    barriers: dict[Name, BarrierSettings] = Field({}, description="The barriers, by name.")
    lanes: dict[Name, LaneSettings] = Field({}, description="The lanes, by name.")

    def of(self, camera: str) -> "Settings":
        """Return the settings in force for one camera: the common ones, and in their place what its own sections hold.

        A camera that is not configured, such as that of a picture from an earlier run, has the common ones.
        """
        own = self.cameras.get(camera)
        if own is None:
            return self
        common = {name: getattr(self, name) for name in OVERRIDES}
        if self.lane_of(camera) is not None:
            common["dedup"] = DedupSettings(window=min(self.dedup.window, RETURN))
        if self.is_in_a_hurry(camera):
            blind = min(self.attention.max_blind, CLOSELY)
            common["attention"] = self.attention.model_copy(update={"max_blind": blind})
        return self.model_copy(update={name: _over(section, getattr(own, name)) for name, section in common.items()})

    def is_in_a_hurry(self, camera: str) -> bool:
        """Return True if a camera belongs to a lane whose barrier opens, or would open, by itself."""
        lane = self.lanes.get(self.lane_of(camera) or "")
        return lane is not None and lane.barrier is not None and lane.mode is not LaneMode.MANUAL

    def lane_of(self, camera: str) -> str | None:
        """Return the name of the lane that a camera belongs to; None if it belongs to none."""
        return next((name for name, lane in self.lanes.items() if camera in lane.cameras), None)

    @field_validator("barriers")
    @classmethod
    def _barriers_fit(cls, value: dict[str, BarrierSettings], info: ValidationInfo) -> dict[str, BarrierSettings]:
        cameras = info.data.get("cameras", {})
        for name, barrier in value.items():
            if isinstance(barrier, CameraBarrierSettings):
                camera = cameras.get(barrier.camera)
                if camera is None or camera.push is None or camera.push.kind is not PushKind.ZHENSHI:
                    raise ValueError(
                        f"names in {name} the camera {barrier.camera}; it must have `source: push` and kind zhenshi"
                    )
        return value

    @field_validator("lanes")
    @classmethod
    def _lanes_fit(cls, value: dict[str, LaneSettings], info: ValidationInfo) -> dict[str, LaneSettings]:
        if "cameras" in info.data:
            check_lanes(value, info.data["cameras"], info.data.get("barriers"))
        return value

    @model_validator(mode="after")
    def _database_has_a_place(self) -> "Settings":
        if not self.database:
            object.__setattr__(self, "database", f"sqlite:///{quote(str(self.data_dir / 'streamwatch.db'))}")
        return self
