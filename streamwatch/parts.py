"""From settings to working parts: the one place that knows both."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

from streamwatch.clock import Clock
from streamwatch.config import BudgetSettings, OcrCarsSettings, Settings
from streamwatch.errors import ConfigError
from streamwatch.gate import Gate
from streamwatch.model import Engine, Recognizer
from streamwatch.pipeline import Books, Budget, Dispatcher, Governor, Intake, JpegLimits, Limits, Notify, Outbox
from streamwatch.pipeline.dispatcher import Desk
from streamwatch.plates import grammar
from streamwatch.recognition.credentials import AppCode, AppKey
from streamwatch.recognition.local import LocalReader
from streamwatch.recognition.ocrcars import OcrCars
from streamwatch.store import Store


def make_intake(settings: Settings, camera: str) -> Intake:
    """Gate and keyframes of one camera."""
    gate = settings.gate
    return Intake(
        camera,
        Gate(
            threshold=gate.threshold,
            min_area=gate.min_area,
            patience=gate.patience,
            close_after=gate.close_after,
            max_calls=gate.max_calls,
            zone=settings.cameras[camera].zone,
        ),
        JpegLimits(settings.jpeg.long_side, settings.jpeg.quality, settings.jpeg.max_bytes),
        settings.sightings.min_confidence,
    )


def make_recognizer(settings: Settings, wait: Callable[[float], bool]) -> Recognizer:
    """The configured engine. wait: sleeps for seconds, True when the program is stopping.

    Raises ConfigError without credentials and EngineMissing without the extra `local`.
    """
    if settings.recognizer.engine is Engine.LOCAL:
        return make_local(settings)
    return make_ocrcars(settings.recognizer.ocrcars, wait)


def make_books(settings: Settings, store: Store, notify: Notify) -> Books:
    """The one who writes down what happens."""
    return Books(
        store,
        window=settings.dedup.window,
        min_confidence=settings.sightings.min_confidence,
        notify=notify,
        grammar=grammar(settings.plates.grammar),
    )


def make_dispatcher(settings: Settings, store: Store, recognizer: Recognizer, clock: Clock, desk: Desk) -> Dispatcher:
    """The outbox with its budget, breakers and engines. Raises StoreError: the budget is counted from the ledger."""
    outbox = settings.outbox
    cameras = {name: _limits(camera.budget) for name, camera in settings.cameras.items()}
    return Dispatcher(
        Outbox(outbox.max_items, outbox.max_bytes, outbox.max_age),
        Governor(settings.calls.runaway_after),
        Budget(_limits(settings.budget), cameras, store.spent, clock.now(), clock.monotonic()),
        recognizer,
        make_fallback(settings),
        clock,
        desk,
    )


def make_fallback(settings: Settings) -> Callable[[], Recognizer | None]:
    """Gives the local engine, loaded at its first use, or None where the extra `local` is not installed."""
    if not local_is_installed():
        return lambda: None
    return cache(lambda: make_local(settings))


def make_local(settings: Settings) -> LocalReader:
    """The local engine. Raises EngineMissing without the extra `local`."""
    return LocalReader(
        settings.recognizer.local.threads,
        home_province=settings.plates.home_province,
        grammar=grammar(settings.plates.grammar),
    )


def local_is_installed() -> bool:
    """Whether the extra `local` is there."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def _limits(settings: BudgetSettings) -> Limits:
    return Limits(settings.hour, settings.day, settings.month)


def make_ocrcars(settings: OcrCarsSettings, wait: Callable[[float], bool]) -> OcrCars:
    """The paid service's client. Raises ConfigError without credentials."""
    return OcrCars(
        settings.endpoint,
        credentials(settings),
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        wait=wait,
    )


def credentials(settings: OcrCarsSettings) -> AppCode | AppKey:
    """The AppCode, else AppKey and AppSecret. Raises ConfigError where neither is there."""
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
