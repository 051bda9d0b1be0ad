"""The verb `run`."""

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamwatch.cli.database import writer
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings
from streamwatch.cli.output import print_sighting
from streamwatch.core.clock import SystemClock
from streamwatch.system import stderr

if TYPE_CHECKING:
    from streamwatch.core.model import Recognizer


def run(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Watch all cameras until a signal comes; print a line for each new sighting."""
    from streamwatch.app.check import no_camera
    from streamwatch.app.daemon import Daemon
    from streamwatch.app.parts import make_recognizer
    from streamwatch.core.model import Engine

    settings = load_settings(config_path)
    if not settings.cameras:
        raise no_camera(config_path)
    faulthandler.enable()  # a hang that the watchdog ends shows where each thread stood
    stop = threading.Event()
    recognizer = make_recognizer(settings, stop.wait)
    readers = settings.recognizer.ocrcars.parallel if recognizer.engine is Engine.OCRCARS else 1
    with _closing(recognizer), writer(settings) as store:
        code = Daemon(settings, store, recognizer, SystemClock(), print_sighting, readers, stop).run()
    stderr.tell()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # a reader that hangs in a decoder would make Python abort while it shuts down


@contextmanager
def _closing(recognizer: "Recognizer") -> Iterator[None]:
    try:
        yield
    finally:
        recognizer.close()
