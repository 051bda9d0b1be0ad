"""The verb `service`."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings

log = logging.getLogger("streamwatch")


def service(
    user: Annotated[str | None, typer.Option(help="The user of the service. Default: systemd makes one up.")] = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Print a systemd unit that runs the daemon with this config file."""
    import streamwatch
    from streamwatch.config.loading import variables
    from streamwatch.store.lock import lock_file
    from streamwatch.system.systemd_unit import CREDENTIALS, FOLDER, STATE, obstacles, unit

    settings = load_settings(config_path, secrets=False)
    folders = [settings.data_dir, lock_file(settings.database, settings.data_dir).parent]
    if user is None and not all(folder.absolute().is_relative_to(STATE) for folder in folders):
        log.warning("the user that systemd makes up can only write %s: put data_dir there, or name a --user", STATE)
    executable = Path(sys.executable).with_name("streamwatch")
    program = {
        "the program": executable,
        "its Python": Path(sys.executable),
        "Python's library": Path(os.__file__),
        "streamwatch's code": Path(streamwatch.__file__),
    }
    names = variables(config_path)
    handed_over, drain = [*CREDENTIALS, *names], settings.shutdown.drain
    text = unit(executable, config_path, user, credentials=handed_over, writable=folders, drain=drain)
    sys.stdout.write(text)
    for sentence in obstacles(program, config_path, user, folders):
        log.warning("%s", sentence)
    for name in names:
        log.info(
            "${%s} of the config comes from the file %s: write only the value into it, with mode 600",
            name,
            FOLDER / name,
        )
