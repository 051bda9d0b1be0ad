"""The verb `check`."""

import logging
import sys

import typer

from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings
from streamwatch.core.clock import SystemClock

log = logging.getLogger("streamwatch")


def check(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Try config, database, engine and cameras, and say what to do. Nothing is paid."""
    from streamwatch.app.check import check
    from streamwatch.cli.rich_output import print_finding

    settings = load_settings(config_path)
    log.setLevel(logging.ERROR)  # the findings already say what the log would say
    print_finding(True, f"config: {config_path}", sys.stdout)
    bad = False
    for finding in check(settings, config_path, SystemClock()):
        print_finding(finding.good, f"{finding.what}: {finding.text}", sys.stdout)
        bad = bad or not finding.good
    raise typer.Exit(bad)
