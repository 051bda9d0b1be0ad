"""The verb `serve-ocr`: the local engine behind ocrCars' own protocol."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType

from streamwatch.config.settings import Settings
from streamwatch.core.endpoint import is_loopback
from streamwatch.core.errors import ConfigError
from streamwatch.core.model import Recognizer
from streamwatch.http.limits import LOOPBACK_NAMES
from streamwatch.http.sockets import listen
from streamwatch.http.tls import tls_context
from streamwatch.ocr_server import Guard, KeyPair, OcrService
from streamwatch.system import stderr
from streamwatch.system.threads import Spawn, spawn

log = logging.getLogger(__name__)

LISTEN_EVERY = 5.0  # s; between two looks at what libraries write about damaged pictures, and if the engine hangs


def make_service(settings: Settings, recognizer: Callable[[], Recognizer]) -> OcrService:
    """Return a service that already listens. recognizer: makes the engine, after all checks.

    Raise ConfigError, and what `recognizer` raises.
    """
    serve, ocrcars = settings.serve_ocr, settings.recognizer.ocrcars
    if (ocrcars.app_key is None) != (ocrcars.app_secret is None):
        raise ConfigError("serve-ocr needs both an AppKey and an AppSecret, and only one of them is set.")
    pair = KeyPair(ocrcars.app_key, ocrcars.app_secret) if ocrcars.app_key and ocrcars.app_secret else None
    tls = tls_context(serve.certificate, serve.key, ("serve_ocr.certificate", "serve_ocr.key"))
    if not is_loopback(serve.host):
        if ocrcars.appcode is None and pair is None:
            raise ConfigError(
                f"serve-ocr would read pictures for everybody who can reach {serve.host}.",
                "Choose an AppCode and set STREAMWATCH_APPCODE to it here and for the clients; or listen on 127.0.0.1.",
            )
        if tls is None:
            log.warning("without serve_ocr.certificate everybody on the network can read the pictures and the AppCode")
    open_to_all = ocrcars.appcode is None and pair is None
    listener = listen(serve.host, serve.port, "serve-ocr", "serve_ocr.port")
    try:
        return OcrService(
            listener,
            Guard(ocrcars.appcode, pair),
            recognizer,
            queue=serve.queue,
            tls=tls,
            hosts=LOOPBACK_NAMES if open_to_all else None,  # no page of another site may use it
        )
    except BaseException:
        listener.close()
        raise


def serve_ocr(service: OcrService, drain: float, spawn: Spawn = spawn) -> int:
    """Serve until SIGTERM or SIGINT, then answer what was received, and return the exit code.

    drain: seconds that answering may still take.
    """
    failed: list[BaseException] = []
    leaving: list[int] = []
    readers: list[threading.Thread] = []

    def guarded(target: Callable[[], None], name: str) -> None:
        try:
            target()
        except BaseException as error:
            log.critical("the thread %s failed unexpectedly", name, exc_info=error)
            failed.append(error)
            service.close()

    def on_signal(number: int, _: FrameType | None) -> None:
        if leaving:
            os._exit(128 + number)
        leaving.append(number)
        log.info("stopping: what was received is still answered; a second signal ends at once")
        service.leave(drain)

    def start_reader() -> None:
        readers.append(spawn(partial(guarded, service.work, "reader"), "reader"))

    def replace_reader() -> None:
        if service.replace_reader():
            start_reader()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    start_reader()
    server = spawn(partial(guarded, service.run, "server"), "server")
    while server.is_alive():
        server.join(LISTEN_EVERY)
        stderr.tell()
        guarded(replace_reader, "reader")
    service.stop_working()
    readers[-1].join(drain)
    return 1 if failed else 0
