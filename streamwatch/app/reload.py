"""Reads config.yaml again while the daemon runs, and brings what has changed into effect."""

import logging
import threading
from collections.abc import Callable
from functools import partial

from streamwatch.app.camera_threads import CameraThreads
from streamwatch.app.config_in_force import ConfigInForce
from streamwatch.app.engine_pool import EnginePool
from streamwatch.app.wiring import call_limits, settled_from
from streamwatch.config.differences import changed, is_fixed, with_fixed
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.errors import ConfigError, StreamwatchError
from streamwatch.health import ReloadReport, reload_sentences
from streamwatch.pipeline import Dispatcher

__all__ = ["ReloadReport", "Reloader"]

log = logging.getLogger(__name__)

Ask = Callable[[Callable[[], None]], None]
"""Has the writer's thread call a function. It raises StorageFailed if that cannot be done now."""


class Reloader:
    """Reloads the settings. Any thread may ask; one reload after the other is done.

    The new file is checked first: if it is wrong, or an engine cannot be made, nothing changes. Only cameras that
    changed are started anew; the others do not lose a frame.
    """

    def __init__(
        self,
        config: ConfigInForce,
        engines: EnginePool,
        cameras: CameraThreads,
        dispatcher: Dispatcher,
        ask: Ask,
        clock: Clock,
        done: Callable[[ReloadReport], None],
    ) -> None:
        """done: gets each report; it takes up what else follows the settings."""
        self._config, self._engines, self._cameras = config, engines, cameras
        self._dispatcher, self._ask, self._clock, self._done = dispatcher, ask, clock, done
        self._one_at_a_time = threading.Lock()

    def reload(self) -> ReloadReport:
        """Read the file again, and return what followed from that. A file that is wrong is a problem in the report."""
        with self._one_at_a_time:
            try:
                report = self._take(self._config.read())
            except StreamwatchError as error:
                report = ReloadReport(self._clock.now(), problems=tuple(str(error).splitlines()))
            for sentence in reload_sentences(report):
                log.log(logging.ERROR if report.problems else logging.INFO, "%s", sentence)
            self._done(report)
            return report

    def _take(self, wanted: Settings) -> ReloadReport:
        """Bring new settings into effect. Raise StreamwatchError if nothing was changed."""
        if not wanted.cameras:
            raise ConfigError("The new file names no camera.", "Stop the daemon instead.")
        old = self._config.now
        keys = changed(old, wanted)
        new = with_fixed(old, wanted)
        self._engines.replace(new)
        try:
            if call_limits(new) != call_limits(old):
                self._ask(partial(self._dispatcher.limit, *call_limits(new)))
        except StreamwatchError:
            self._engines.replace(old)
            raise
        self._config.now = new
        if any(key.startswith("recognizer.ocrcars.") for key in keys):
            self._dispatcher.probe_in(0.0)  # perhaps with credentials that the service accepts
        removed, restarted, added, hanging = self._change_cameras(new)
        return ReloadReport(
            self._clock.now(),
            restarted=tuple(restarted),
            added=tuple(added),
            removed=tuple(removed),
            in_effect=tuple(key for key in keys if not is_fixed(key)),
            needs_restart=(*filter(is_fixed, keys), *(f"cameras.{name}" for name in hanging)),
        )

    def _change_cameras(self, new: Settings) -> tuple[list[str], list[str], list[str], list[str]]:
        """Return the names of cameras that were removed, restarted and added, and of those that do not end."""
        cameras = self._cameras
        with cameras.changing():
            before = cameras.settings
            removed = [name for name in before if name not in new.cameras]
            restarted = [
                name
                for name in new.cameras
                if name in before
                and (cameras.has_failed(name) or _watching(before[name], name) != _watching(new, name))
            ]
            hanging = cameras.end([*removed, *restarted])
            for name in removed:
                cameras.forget(name)
            added = [name for name in new.cameras if name not in before]
            for name in new.cameras:
                if name in added or (name in restarted and name not in hanging):
                    cameras.start(name)
            return removed, [name for name in restarted if name not in hanging], added, hanging


def _watching(settings: Settings, name: str) -> tuple[object, ...]:
    """Return all by which a camera is watched: if it changes, the camera has to be started anew."""
    one, camera = settings.of(name), settings.cameras[name]
    source = camera.model_dump(exclude={"budget", "attention", "gate", "recognizer", "plates", "dedup"})
    letters = one.recognizer.local.threads if one.gate.pay_without_plate else None
    seen = (one.gate, one.jpeg, one.capture, one.attention, one.decode, letters, one.is_in_a_hurry(name))
    return (source, *seen, one.plates.grammar, settled_from(one))
