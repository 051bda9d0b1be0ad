"""The verb `compare`."""

import sys
from contextlib import closing
from typing import Annotated

import typer

from streamwatch.cli.options import (
    DEFAULT_CONFIG,
    MOST_ROWS,
    TIMES,
    ConfigPath,
    ReadFormat,
    checked_span,
    end_moment,
    load_settings,
    moment,
    require_camera,
    utf8_text,
)
from streamwatch.cli.output import progress_bar


def compare(
    camera: Annotated[str | None, typer.Option(callback=utf8_text, help="Only this camera.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"Seen at or after: {TIMES}.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Seen at or before; a day: to its end.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="At most this number, the newest.")] = 500,
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Read paid pictures again with the local engine, free of charge, and show how far both answers agree."""
    from streamwatch.app.wiring import make_local, make_local_help
    from streamwatch.cli.compare_report import print_comparison
    from streamwatch.replay.agreement import Comparison, read_again
    from streamwatch.store import open_reader

    settings = load_settings(config_path, secrets=False)
    begin, end = checked_span(moment(since), end_moment(until))
    settings = settings if camera is None else settings.of(camera)
    help_, engine = make_local_help(settings), make_local(settings)
    found = Comparison(help_.pay_below)
    with closing(open_reader(settings.database, settings.data_dir)) as reader, progress_bar() as progress:
        require_camera(camera, settings, config_path, reader)
        answers = reader.paid_answers(camera, begin, end, limit)
        for answer in progress.track(answers, description="reading"):
            read_again(found, reader, answer, help_, engine)
    print_comparison(found, settings.calls.price, format.value, sys.stdout)
