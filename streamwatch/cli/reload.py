"""The verb `reload`."""

import sys

import typer

from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings


def reload(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Have the running daemon read its config again. Only cameras that changed are started anew."""
    from streamwatch.app.reload_daemon import reload_daemon
    from streamwatch.core.text import printable
    from streamwatch.health import reload_sentences

    report = reload_daemon(load_settings(config_path, secrets=False))
    for sentence in reload_sentences(report):
        (sys.stderr if report.problems else sys.stdout).write(printable(sentence) + "\n")
    raise typer.Exit(bool(report.problems))
