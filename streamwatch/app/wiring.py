"""Turns settings into working parts; the one place that knows both."""

from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from threading import Lock

from streamwatch.app.read_now import ReadNow
from streamwatch.config.settings import BudgetSettings, OcrCarsSettings, Reads, Settings
from streamwatch.core.clock import Clock
from streamwatch.core.errors import INSTALL_LOCAL, ConfigError, EngineMissing, StorageFailed
from streamwatch.core.events import Event
from streamwatch.core.model import Engine, Picture, Recognizer
from streamwatch.core.plates import grammar
from streamwatch.detection import PlateDetector
from streamwatch.gate import ENOUGH, ENOUGH_TO_TRY, ActivityDetector, FindPlates, Gate
from streamwatch.pipeline import (
    Acceptance,
    Budget,
    CallLimits,
    CircuitBreaker,
    Dispatcher,
    EnginesOf,
    Follower,
    Intake,
    JpegLimits,
    LocalHelp,
    Notify,
    Outbox,
    PaidCalls,
    Recorder,
)
from streamwatch.pipeline.dispatcher import KeyframeStorage
from streamwatch.recognition.local.presence import Presence
from streamwatch.recognition.local.reader import LocalReader
from streamwatch.recognition.ocrcars.client import OcrCars
from streamwatch.recognition.ocrcars.credentials import AppCode, AppKey
from streamwatch.store import Store


def make_intake(settings: Settings, camera: str) -> Intake:
    """Return the gate of one camera, with what makes keyframes of its decisions."""
    settings = settings.of(camera)
    gate = settings.gate
    # Where the first reading is free, and a vehicle waits for it, the gate need not wait for a better view.
    early = settings.is_in_a_hurry(camera) and settings.recognizer.engine is not Reads.OCRCARS
    return Intake(
        camera,
        Gate(
            threshold=gate.threshold,
            min_area=gate.min_area,
            patience=gate.patience,
            close_after=gate.close_after,
            max_calls=gate.max_calls,
            zone=settings.cameras[camera].zone,
            find_plates=plate_finder(),
            sees_letters=letter_finder(settings),
            keep_unpaid=gate.keep_unpaid,
            enough=ENOUGH_TO_TRY if early else ENOUGH,
        ),
        JpegLimits(settings.jpeg.long_side, settings.jpeg.quality, settings.jpeg.max_bytes),
        settled_from(settings),
        grammar(settings.plates.grammar),
    )


def floors(settings: Settings) -> dict[Engine, float]:
    """Return the confidence from which one reading makes a sighting, by engine.

    Below `recognizer.pay_below` the local engine is not sure, so that the value counts for it, too.
    """
    least = settings.sightings.min_confidence
    return {Engine.OCRCARS: least, Engine.LOCAL: max(least, settings.recognizer.pay_below)}


def settled_from(settings: Settings) -> float:
    """Return the confidence from which the gate takes the plate of a vehicle as known."""
    return floors(settings)[Engine.LOCAL if settings.recognizer.engine is Reads.LOCAL else Engine.OCRCARS]


def make_activity_detector(settings: Settings, camera: str) -> ActivityDetector:
    """Return what watches the substream of a camera."""
    gate = settings.of(camera).gate
    return ActivityDetector(threshold=gate.threshold, min_area=gate.min_area, zone=settings.cameras[camera].zone)


def make_recognizer(settings: Settings, wait: Callable[[float], bool]) -> Recognizer:
    """Return the configured engine; with local-first, the paid one. wait: sleeps for seconds, True if the program ends.

    Raise ConfigError without credentials and EngineMissing if the extra `local` is needed and not installed.
    """
    engine = settings.recognizer.engine
    if engine is Reads.LOCAL:
        return make_local(settings)
    require_local(settings)
    return make_ocrcars(settings.recognizer.ocrcars, wait)


def require_local(settings: Settings) -> None:
    """Raise EngineMissing if the engine is local-first, and the local engine is not installed."""
    if settings.recognizer.engine is Reads.LOCAL_FIRST and not local_is_installed():
        raise EngineMissing(
            "recognizer.engine is local-first, and the local engine is not installed.",
            f"{INSTALL_LOCAL} Or write recognizer.engine: ocrcars.",
        )


def make_read_now(
    settings: Callable[[], Settings],
    paid: Callable[[], Recognizer | None],
    calls: PaidCalls,
    record: Callable[[Event], None],
    clock: Clock,
) -> ReadNow:
    """Return what has a picture read when a person asks for it.

    settings: those in force; paid: the paid engine, None if no camera pays. Both are asked each time.
    """
    local = (lambda: make_local(settings())) if local_is_installed() else None
    return ReadNow(settings, paid, local, calls, record, clock)


def make_recorder(
    settings: Callable[[], Settings], store: Store, notify: Notify, follower: Follower | None = None
) -> Recorder:
    """Return what records events. settings: those in force, asked for each event."""
    return Recorder(
        store,
        acceptance=lambda camera: acceptance(settings(), camera),
        notify=notify,
        follower=follower,
    )


def acceptance(settings: Settings, camera: str) -> Acceptance:
    """Return which readings of a camera count."""
    one = settings.of(camera)
    least, own = floors(one), settings.cameras[camera].push if camera in settings.cameras else None
    if own is not None and own.min_confidence is not None:
        least[Engine.CAMERA] = own.min_confidence
    return Acceptance(least, grammar(one.plates.grammar), one.dedup.window)


def make_dispatcher(
    settings: Settings, store: Store, engines: EnginesOf, clock: Clock, storage: KeyframeStorage
) -> Dispatcher:
    """Return the outbox with its budget and circuit breakers."""

    def spent(since: datetime, camera: str | None) -> int | None:
        try:
            return store.calls.spent(since, camera)
        except StorageFailed:  # asked again at the next look; the recorder says in the log that the database is away
            return None

    outbox = settings.outbox
    account, cameras = call_limits(settings)
    return Dispatcher(
        Outbox(outbox.max_items, outbox.max_bytes, outbox.max_age),
        CircuitBreaker(settings.calls.runaway_after),
        Budget(account, cameras, spent, clock.now(), clock.monotonic()),
        engines,
        clock,
        storage,
    )


def make_local_help(settings: Settings, engine: Callable[[], LocalReader | None] | None = None) -> LocalHelp:
    """Return how the local engine helps the configured one. engine: returns the local engine, if it is loaded here."""
    recognizer = settings.recognizer
    return LocalHelp(
        engine or LocalEngine(settings),
        first=recognizer.engine is Reads.LOCAL_FIRST,
        stands_in=local_stands_in(settings),
        pay_below=recognizer.pay_below,
        grammar=grammar(settings.plates.grammar),
    )


class LocalEngine:
    """The local engine, which the first thread that asks for it loads."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, Lock()
        self._reader: LocalReader | None = None

    def __call__(self) -> LocalReader | None:
        """Return the engine; None without the extra `local`."""
        return self.load() if local_is_installed() else None

    def load(self) -> LocalReader:
        """Return the engine. Raise EngineMissing without the extra `local`."""
        with self._lock:
            if self._reader is None:
                self._reader = make_local(self._settings)
            return self._reader

    def close(self) -> None:
        """Wait for a reading that is running."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()


def local_stands_in(settings: Settings) -> bool:
    """True if the local engine reads what the paid one cannot."""
    return settings.recognizer.fallback == "local" and local_is_installed()


def plate_finder() -> FindPlates:
    """Return the plate detector of one camera."""
    return PlateDetector().look


def letter_finder(settings: Settings) -> Callable[[Picture], bool] | None:
    """Return a function that is True for a picture that shows letters.

    None if the settings forbid to pay for a vehicle without a plate, or if the extra `local` is not installed.
    """
    if not settings.gate.pay_without_plate or not local_is_installed():
        return None
    presence = Presence(settings.recognizer.local.threads)
    return lambda bgr: bool(presence.plates(bgr))


def make_local(settings: Settings) -> LocalReader:
    """Return the local engine. Raise EngineMissing without the extra `local`."""
    return LocalReader(
        settings.recognizer.local.threads,
        home_province=settings.plates.home_province,
        grammar=grammar(settings.plates.grammar),
    )


def local_is_installed() -> bool:
    """True if the extra `local` is installed."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def call_limits(settings: Settings) -> tuple[CallLimits, dict[str, CallLimits]]:
    """Return the limits of calls for the account, and for each camera."""
    return _limits(settings.budget), {name: _limits(camera.budget) for name, camera in settings.cameras.items()}


def _limits(settings: BudgetSettings) -> CallLimits:
    return CallLimits(settings.hour, settings.day, settings.month)


def make_ocrcars(settings: OcrCarsSettings, wait: Callable[[float], bool]) -> OcrCars:
    """Return the client of the paid service. Raise ConfigError without credentials."""
    return OcrCars(
        settings.endpoint,
        credentials(settings),
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        wait=wait,
    )


def credentials(settings: OcrCarsSettings) -> AppCode | AppKey:
    """Return the AppCode, else AppKey and AppSecret. Raise ConfigError if neither is set."""
    if settings.appcode is not None:
        return AppCode(settings.appcode)
    if settings.app_key is not None and settings.app_secret is not None:
        return AppKey(settings.app_key, settings.app_secret)
    if settings.app_key is not None or settings.app_secret is not None:
        missing = "STREAMWATCH_APP_SECRET" if settings.app_secret is None else "STREAMWATCH_APP_KEY"
        raise ConfigError(f"The engine ocrcars needs both an AppKey and an AppSecret; {missing} is not set.")
    raise ConfigError(
        "The engine ocrcars needs credentials, and none are set.",
        "Set STREAMWATCH_APPCODE to the AppCode of your Market console, or use recognizer.engine: local.",
    )
