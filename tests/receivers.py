"""Receivers of webhooks over real sockets, with the faults that receivers have."""

import base64
import hashlib
import hmac
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"invented webhook secret, 32 byte").decode()
HEADER = "invented-header-value-of-tests"

Answer = int | Callable[["Handler"], None]
"""A status, or a function that answers (or does not)."""


@dataclass(frozen=True)
class Got:
    """A request. path, headers (names in small letters), body: as they came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)

    def is_signed(self, secret: str) -> bool:
        """Check the signature as docs/events.md tells receivers to."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    receiver: "Receiver"

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed in the middle of its request
            self.close_connection = True
            return
        got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        answer = self.receiver.note(got)
        if not isinstance(answer, int):
            answer(self)
        else:
            self.say(answer)

    def say(self, status: int, text: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Receiver:
    """A receiver on this machine. answers: for the first requests; then 200. got: all requests; taken: those with 2xx.

    changed: notified after each request.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answers = list(answers)
        self.got: list[Got] = []
        self.taken: list[Got] = []
        self.changed = threading.Condition()
        self.over = threading.Event()
        self.connections = 0
        self.always: Answer | None = None
        handler = type("Handling", (Handler,), {"receiver": self})

        class Counting(ThreadingHTTPServer):
            daemon_threads = False
            block_on_close = True
            receiver = self

            def process_request(self, request: Any, client_address: Any) -> None:
                self.receiver.connections += 1
                super().process_request(request, client_address)

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Counting(("127.0.0.1", 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}/hook?token=invented-query-token"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def note(self, got: Got) -> Answer:
        with self.changed:
            self.got.append(got)
            answer: Answer = self._answers.pop(0) if self._answers else self.always or 200
            if isinstance(answer, int) and 200 <= answer < 300:
                self.taken.append(got)
            self.changed.notify_all()
        return answer

    def then(self, *answers: Answer) -> None:
        with self.changed:
            self._answers += answers

    def wait(self, what: Callable[[], bool], seconds: float = 60) -> None:
        with self.changed:
            assert self.changed.wait_for(what, seconds), f"{len(self.got)} requests, {len(self.taken)} taken"

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.socket.close()
        self._server.server_close()


def hangs(handler: Handler) -> None:
    """Answer nothing until the test is over."""
    handler.receiver.over.wait(60)
    handler.close_connection = True


def drips(handler: Handler) -> None:
    """Send a byte of an endless answer now and then."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while not handler.receiver.over.wait(0.05):
        handler.wfile.write(b".")


def floods(handler: Handler) -> None:
    """Send an answer of 100 MB."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b"x" * 1_000_000)


def breaks_off(handler: Handler) -> None:
    """Close the connection in the middle of the answer's head."""
    handler.wfile.write(b"HTTP/1.1 200 O")
    handler.close_connection = True


def no_http(handler: Handler) -> None:
    """Answer in another language."""
    handler.wfile.write(b"220 mail.example ESMTP\r\n\r\n")
    handler.close_connection = True


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    """Return a certificate of its own issuer for an address, and what a server needs of it."""
    key, file = folder / "key.pem", folder / "certificate.pem"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=receiver", "-addext", f"subjectAltName=IP:{name}"]
    command = ["openssl", *new, *names, "-keyout", str(key), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return file, context
