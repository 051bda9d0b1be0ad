"""The tests of serve-ocr share this: an engine that obeys the test, a service on a loopback port, raw requests."""

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import listening
from listening import everything
from paying import CODE, JPEG, KEY, SECRET
from pydantic import SecretStr

from streamwatch.core.model import Engine, Ledger, PlateText
from streamwatch.http.sockets import listen
from streamwatch.ocr_server import Guard, KeyPair, OcrService
from streamwatch.recognition.ocrcars.credentials import AppKey, Parameters

PLATE = PlateText("京AF0236", 0.99, ((1.4, 2.0), (101.0, 2.0), (101.0, 40.0), (1.0, 40.0)))
FORM = [("img_base64", base64.b64encode(JPEG).decode())]
BODY = urlencode(FORM).encode()
KINDS = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"
BY_APPCODE = f"Authorization: APPCODE {CODE}"


class Reader:
    """Gives the same answer for every picture. open: set while it may read; busy: how many it has begun."""

    engine = Engine.LOCAL

    def __init__(self, plates: Sequence[PlateText] = (PLATE,)) -> None:
        self.plates, self.open, self.busy = list(plates), threading.Event(), 0
        self.error: Exception | None = None
        self.closed = False
        self.open.set()

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.busy += 1
        assert self.open.wait(30)
        if self.error is not None:
            raise self.error
        return self.plates

    def close(self) -> None:
        self.closed = True


class Serving:
    """A service with its threads."""

    def __init__(self, reader: Reader, guard: Guard, queue: int, tls: ssl.SSLContext | None) -> None:
        self.reader, self.scheme = reader, "http" if tls is None else "https"
        self.service = OcrService(listen("127.0.0.1", 0, "a test"), guard, lambda: reader, queue=queue, tls=tls)
        self.threads = [threading.Thread(target=self.service.run), threading.Thread(target=self.service.work)]
        for thread in self.threads:
            thread.start()

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.service.port}/ocrCars"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.service.port), timeout=20)

    def end(self) -> None:
        self.reader.open.set()
        self.service.close()
        self.service.stop_working()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()


def everybody() -> Guard:
    return Guard(SecretStr(CODE), KeyPair(SecretStr(KEY), SecretStr(SECRET)))


@contextmanager
def serving(
    reader: Reader | None = None, guard: Guard | None = None, queue: int = 16, tls: ssl.SSLContext | None = None
) -> Iterator[Serving]:
    one = Serving(reader or Reader(), guard or everybody(), queue, tls)
    try:
        yield one
    finally:
        one.end()


class Got(listening.Got):
    """An answer of the service."""

    @property
    def code(self) -> str:
        return self.headers.get("x-ca-error-code", "")

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def ret_code(self) -> int:
        code: int = self.document["showapi_res_body"]["ret_code"]
        return code


def request(
    body: bytes = BODY, *headers: str, line: str = "POST /ocrCars HTTP/1.1", length: int | None = None
) -> bytes:
    lines = [line, "Host: localhost", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(where: Serving, raw: bytes) -> Got:
    """Return the answer to a request, which is given byte by byte as it goes over the wire."""
    with where.connect() as connection:
        connection.sendall(raw)
        return Got(everything(connection))


def signed(now: float | None = None, secret: str = SECRET, key: str = KEY) -> list[str]:
    """Return the header lines of a signed request with BODY."""
    own = AppKey(SecretStr(key), SecretStr(secret)).headers(Parameters("/ocrCars", (), FORM), now or time.time())
    return [f"{name}: {value}" for name, value in own.items()]
