"""The engines of all cameras: one camera may read locally while another one pays."""

from collections.abc import Callable, Mapping

from streamwatch.app.wiring import LocalEngine, make_local_help, make_ocrcars, require_local
from streamwatch.config.settings import OcrCarsSettings, Reads, Settings
from streamwatch.pipeline import Engines
from streamwatch.recognition.ocrcars.client import OcrCars

ANY = ""
"""Stands for a camera that is not configured, such as that of a picture from an earlier run."""


class EnginePool:
    """The engines of each camera. Cameras with the same settings share one.

    The paid one is there only if a camera pays, so that credentials are needed only then.
    """

    def __init__(self, settings: Settings, wait: Callable[[float], bool]) -> None:
        """wait: sleeps for seconds, True if the program ends. Raise as `replace` does."""
        self._wait = wait
        self._clients: list[tuple[OcrCarsSettings, OcrCars]] = []
        self._local: Mapping[str, LocalEngine] = {}
        self._engines: Mapping[str, Engines] = {}
        self._paid: OcrCars | None = None
        self.replace(settings)

    def of(self, camera: str) -> Engines:
        """Return the engines of a camera, or those of the common settings. Any thread may ask."""
        engines = self._engines
        return engines.get(camera) or engines[ANY]

    @property
    def pays(self) -> bool:
        """True if a camera pays."""
        return any(engines.paid for engines in self._engines.values())

    def paid(self) -> OcrCars | None:
        """Return the client of the paid service that is in force; None if no camera pays. Any thread may ask."""
        return self._paid

    def replace(self, settings: Settings) -> None:
        """Take other settings. What was handed out before goes on with the old ones; if this raises, all does.

        Raise ConfigError without credentials, and EngineMissing if the extra `local` is needed and not installed.
        """
        of = {name: settings.of(name) for name in settings.cameras}
        wants = [*of.values()] or [settings]
        paid = self._client(settings.recognizer.ocrcars) if any(map(_pays, wants)) else None
        if paid is None and _pays(settings):  # no camera has the common engine, which has no credentials perhaps
            free = settings.recognizer.model_copy(update={"engine": Reads.LOCAL})
            settings = settings.model_copy(update={"recognizer": free})
        of[ANY] = settings
        local = {key: self._local.get(key) or LocalEngine(one) for one in of.values() for key in [_local_key(one)]}
        engines = {name: _engines(one, paid, local[_local_key(one)]) for name, one in of.items()}
        self._local, self._engines, self._paid = local, engines, paid

    def close(self) -> None:
        """Close all engines, also those that were replaced: a call could still have been running then."""
        for _, client in self._clients:
            client.close()
        for engine in self._local.values():
            engine.close()

    def _client(self, settings: OcrCarsSettings) -> OcrCars:
        """Return the client of the paid service with these settings."""
        client = next((client for earlier, client in self._clients if earlier == settings), None)
        if client is None:
            client = make_ocrcars(settings, self._wait)
            self._clients.append((settings, client))
        return client


def _engines(settings: Settings, paid: OcrCars | None, local: LocalEngine) -> Engines:
    """Return the engines of one camera. settings: those in force for it."""
    if settings.recognizer.engine is Reads.LOCAL:
        return Engines(local.load(), make_local_help(settings, local))
    require_local(settings)
    assert paid is not None
    return Engines(paid, make_local_help(settings, local))


def _pays(settings: Settings) -> bool:
    return settings.recognizer.engine is not Reads.LOCAL


def _local_key(settings: Settings) -> str:
    return f"{settings.recognizer.local.threads} {settings.plates.model_dump_json()}"
