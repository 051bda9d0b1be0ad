"""Stand-ins for the world outside, spoken to over real sockets."""

import base64
import binascii
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import cv2
import numpy as np

from streamwatch.core.model import CallResult


class FakeLedger:
    """A ledger that keeps what it is told, in order. It raises `refuses`, if set, instead of opening a row."""

    def __init__(self, refuses: Exception | None = None) -> None:
        self.opened: list[tuple[int, bytes | str]] = []
        self.results: list[tuple[int, CallResult]] = []
        self.events: list[str] = []
        self._refuses = refuses

    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        if self._refuses:
            raise self._refuses
        self.opened.append((attempt, picture))
        self.events.append(f"about to pay {attempt}")

    def ended(self, attempt: int, result: CallResult) -> None:
        self.results.append((attempt, result))
        self.events.append(f"ended {attempt}")

    @property
    def last(self) -> CallResult:
        """Return the result of the latest attempt."""
        return self.results[-1][1]


@dataclass(frozen=True)
class ServedAnswer:
    """The answer of FakeOcrCars to one call."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    length: int | None = None
    """Announced instead of the true length; a greater one makes the body a cut one."""


@dataclass(frozen=True)
class ServedCall:
    """One request as FakeOcrCars saw it. picture: the decoded JPEG in `img_base64`, empty where there was none."""

    path: str
    headers: list[tuple[str, str]]
    body: bytes
    form: dict[str, str]
    picture: bytes
    connection: int

    def header(self, name: str) -> str:
        """Return the only value of the header; the empty string if it is absent."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else ""


def envelope(body: object, **outer: Any) -> ServedAnswer:
    """Return the service's JSON around `body`. A value of None leaves a field out."""
    document = {
        "showapi_res_error": "",
        "showapi_fee_num": 1,
        "showapi_res_code": 0,
        "showapi_res_id": "64f0c0ffee0123456789abcd",
        "showapi_res_body": body,
    } | outer
    document = {name: value for name, value in document.items() if value is not None}
    return ServedAnswer(json.dumps(document, ensure_ascii=False).encode())


def plate(text: str = "粤 BP57E7", confidence: object = 0.99745339155197144, **more: object) -> ServedAnswer:
    """Return the answer for a picture with a plate."""
    corners = [{"y": 308, "x": 363}, {"y": 276, "x": 580}, {"y": 323, "x": 587}, {"y": 356, "x": 371}]
    body = {"ret_code": 0, "confidence_level": confidence, "range": corners, "car_no": text}
    return envelope(body | more)


def no_plate(ret_code: object = 0) -> ServedAnswer:
    """Return the answer for a picture without a plate, or with a business error."""
    return envelope({"ret_code": ret_code, "confidence_level": "", "range": [], "error_msg": "", "car_no": ""})


def refusal(status: int, code: str = "", message: str = "", **headers: str) -> ServedAnswer:
    """Return an answer of the gateway itself: no body, everything in headers."""
    own = {"X-Ca-Error-Code": code, "X-Ca-Error-Message": message}
    return ServedAnswer(
        status=status,
        headers={name: value for name, value in own.items() if value} | headers,
        content_type="application/oct-stream",
    )


Behaviour = Callable[["Handler"], None]


def hang_up(handler: "Handler") -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def reset(handler: "Handler") -> None:
    """Break the connection off with RST."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.wfile.close()
    handler.connection.close()


def keep_silent(handler: "Handler") -> None:
    """Answer nothing until the stand-in is closed."""
    handler.server.closing.wait(60)
    handler.close_connection = True


def send_raw(*pieces: bytes, pause: float = 0.0) -> Behaviour:
    """Return a behaviour that sends these bytes as they are, with a pause before each but the first, and closes."""

    def behave(handler: "Handler") -> None:
        handler.close_connection = True
        for i, piece in enumerate(pieces):
            if i and handler.server.closing.wait(pause):
                return
            try:
                handler.wfile.write(piece)
                handler.wfile.flush()
            except OSError:
                return

    return behave


class FakeOcrCars:
    """A strict ocrCars on a loopback port: `with FakeOcrCars(plate(), appcode="…") as service: … service.endpoint`.

    Answers the given answers call by call, the last one for ever; an answer can be a function that misuses the
    connection. Each request is checked first: method, path, headers, credentials, signature, form, base64 and JPEG. A
    mistake is kept in `complaints`, and the request is refused as the gateway refuses it.
    """

    path = "/ocrCars"

    def __init__(
        self,
        *answers: ServedAnswer | Behaviour,
        appcode: str = "",
        app_key: str = "",
        app_secret: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.calls: list[ServedCall] = []
        self.complaints: list[str] = []
        self._answers = answers or (plate(),)
        self._appcode, self._app_key, self._app_secret = appcode, app_key, app_secret
        self._clock = clock
        self._nonces: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> "FakeOcrCars":
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close_all()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def answer(self, method: str, call: ServedCall) -> ServedAnswer | Behaviour:
        """Record one request and return its answer."""
        with self._lock:
            answer = self._answers[min(len(self.calls), len(self._answers) - 1)]
            self.calls.append(call)
            status, complaint = self._check(method, call)
            if not complaint:
                return answer
            self.complaints.append(complaint)
            return refusal(status, message=complaint)

    def date(self) -> str:
        """Return the stand-in's clock as a Date header."""
        return formatdate(self._clock(), usegmt=True)

    def _check(self, method: str, call: ServedCall) -> tuple[int, str]:
        if method != "POST":
            return 405, "Invalid HttpMethod"
        if urlsplit(call.path).path != self.path:
            return 404, "Invalid Url"
        if call.header("Content-Type") != "application/x-www-form-urlencoded; charset=UTF-8":
            return 400, "Invalid Content-Type"
        if call.header("Content-Length") != str(len(call.body)) or call.header("Transfer-Encoding"):
            return 400, "Invalid Request Body"
        if (
            call.header("Content-Encoding")
            or call.header("Content-MD5")
            or call.header("Expect")
            or call.header("Cookie")
        ):
            return 400, "Invalid Header"
        return self._check_credentials(call) or _check_form(call)

    def _check_credentials(self, call: ServedCall) -> tuple[int, str] | None:
        if self._appcode:
            right = call.header("Authorization") == f"APPCODE {self._appcode}" and not call.header("X-Ca-Key")
            return None if right else (401, "Invalid AppCode `not exists`")
        if call.header("Authorization") or call.header("X-Ca-Key") != self._app_key:
            return 400, "Invalid AppKey"
        stamp, nonce = call.header("X-Ca-Timestamp"), call.header("X-Ca-Nonce")
        if not stamp.isdigit() or len(stamp) != 13:
            return 400, "Invalid Timestamp"
        if abs(int(stamp) / 1000 - self._clock()) > 900:
            return 400, "Timestamp Expired"
        if len(nonce) != 36 or nonce in self._nonces:
            return 400, "Nonce Used"
        self._nonces.add(nonce)
        text = self._string_to_sign(call)
        digest = hmac.new(self._app_secret.encode(), text.encode(), hashlib.sha256).digest()
        if call.header("X-Ca-Signature") != base64.b64encode(digest).decode():
            return 400, "Invalid Signature, Server StringToSign:" + text.replace("\n", "")
        return None

    def _string_to_sign(self, call: ServedCall) -> str:
        signed = call.header("X-Ca-Signature-Headers").split(",")
        lines = [
            "POST",
            call.header("Accept"),
            call.header("Content-MD5"),
            call.header("Content-Type"),
            call.header("Date"),
        ]
        lines += [f"{name}:{dict(call.headers)[name]}" for name in sorted(signed)]
        query = dict(reversed(parse_qsl(urlsplit(call.path).query, keep_blank_values=True)))
        pairs = [name + (f"={value}" if value else "") for name, value in sorted({**query, **call.form}.items())]
        return "\n".join([*lines, urlsplit(call.path).path + "?" + "&".join(pairs)])


def _check_form(call: ServedCall) -> tuple[int, str]:
    if len(call.form) != 1 or not set(call.form) <= {"img_base64", "img_url"}:
        return 400, "Invalid Param Location"
    if "img_base64" in call.form:
        decoded = cv2.imdecode(np.frombuffer(call.picture or b"x", np.uint8), cv2.IMREAD_COLOR)
        if not call.picture.startswith(b"\xff\xd8") or decoded is None:
            return 400, "Invalid Request Body"
    return 200, ""


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, service: FakeOcrCars) -> None:
        self.service = service
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        """End all connections and wait for their threads."""
        self.closing.set()
        self.shutdown()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """One connection to FakeOcrCars."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pairs = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True)
        form = dict(pairs)
        call = ServedCall(
            path=self.path,
            headers=list(self.headers.items()),
            body=body,
            form=form,
            picture=_decode(form.get("img_base64", "")),
            connection=self.client_address[1],
        )
        answer = self.server.service.answer(self.command, call)
        if isinstance(answer, ServedAnswer):
            self.send(answer)
        else:
            answer(self)

    do_GET = do_CONNECT = do_POST

    def send(self, answer: ServedAnswer) -> None:
        """Answer the request at hand."""
        own: Iterable[tuple[str, str]] = {
            "Date": self.server.service.date(),
            "Server": "Kaede",
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body) if answer.length is None else answer.length),
            "X-Ca-Request-Id": "7B1F2C3D-0000-4000-8000-1234567890AB",
            **answer.headers,
        }.items()
        self.send_response_only(answer.status)
        for name, value in own:
            # The gateway writes UTF-8 into its headers; http.server would encode them as Latin-1.
            self.send_header(name, value.encode().decode("latin-1"))
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.length is not None and answer.length != len(answer.body):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tests look into `calls`."""
