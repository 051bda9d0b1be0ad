"""The verb `run`."""

import faulthandler
import logging
import os
import sys
import threading
from contextlib import closing
from functools import partial

from streamwatch.cli.open_database import writer
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings
from streamwatch.cli.output import print_sighting
from streamwatch.core.clock import SystemClock
from streamwatch.system import stderr


def run(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Watch all cameras until a signal comes; print a line for each new sighting."""
    from streamwatch.app.check import no_camera
    from streamwatch.app.config_in_force import ConfigInForce
    from streamwatch.app.daemon import Daemon
    from streamwatch.app.engine_pool import EnginePool
    from streamwatch.cli.open_pages import open_pages
    from streamwatch.store import open_evidence

    settings = load_settings(config_path)
    if not settings.cameras:
        raise no_camera(config_path)
    faulthandler.enable()  # if the watchdog ends a process that hangs, the log shows where each thread was
    stop, config = threading.Event(), ConfigInForce(settings, partial(load_settings, config_path), config_path)
    engines = EnginePool(settings, stop.wait)
    with (
        closing(engines),
        writer(settings) as store,
        closing(open_evidence(settings.database, settings.data_dir)) as evidence,
    ):
        code = Daemon(config, store, evidence, engines, SystemClock(), print_sighting, stop).run(open_pages)
    stderr.tell()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # a reader that hangs in a decoder would make Python abort while it shuts down
