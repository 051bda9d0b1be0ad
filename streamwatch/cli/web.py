"""The verb `web`."""

import logging
import os
import sys
import threading
from functools import partial

from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings
from streamwatch.system import stderr


def web(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Serve the console for a database, without watching cameras, until a signal comes."""
    from streamwatch.app.backends import DatabaseBackend
    from streamwatch.app.console_access import console_address
    from streamwatch.app.console_server import open_console, serve_until_signal
    from streamwatch.cli.open_pages import open_pages
    from streamwatch.store import open_reader

    settings, stop = load_settings(config_path, secrets=False), threading.Event()
    open_reader(settings.database, settings.data_dir).close()  # a database that is missing is said at once
    backend = DatabaseBackend(settings, stop, partial(load_settings, config_path, secrets=False))
    server = open_console(settings, lambda: open_pages(backend))
    sys.stdout.write(f"The console is at {console_address(settings.web)}\n")
    sys.stdout.flush()
    code = serve_until_signal(server, stop)
    stderr.tell()
    logging.shutdown()
    os._exit(code)  # a page that waits for a slow disk would hold up the end
