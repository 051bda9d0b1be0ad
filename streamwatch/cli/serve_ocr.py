"""The verb `serve-ocr`."""

import logging

import typer

from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings

log = logging.getLogger("streamwatch")


def serve_ocr(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Answer POST /ocrCars as the paid service does, with the local engine, until a signal comes."""
    from streamwatch.app.parts import make_local
    from streamwatch.ocr_server.serve_ocr import make_service
    from streamwatch.ocr_server.serve_ocr import serve_ocr as serve_until_signal

    settings = load_settings(config_path)
    answering = make_service(settings, lambda: make_local(settings))
    place = settings.serve_ocr
    scheme = "http" if place.certificate is None else "https"
    log.info("answering %s://%s:%d/ocrCars with the local engine", scheme, place.host, answering.port)
    raise typer.Exit(serve_until_signal(answering, settings.shutdown.drain))
