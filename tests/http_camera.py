"""A camera that gives JPEG pictures over HTTP, as its `answer` says, with Basic, Digest or no login."""

import hashlib
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import quote

import cv2
import numpy as np
from numbered import pictures

Auth = Literal["", "basic", "digest"]
Handler = BaseHTTPRequestHandler
USER, PASSWORD = "viewer", "ge/he@im %41"


@cache
def jpegs(count: int) -> list[bytes]:
    """Return numbered pictures as JPEG."""
    found = []
    for picture in pictures(count, 320, 192):
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]))
        found.append(data.tobytes())
    return found


def sends(body: bytes, kind: str = "image/jpeg", status: int = 200) -> Callable[[Handler, int], None]:
    """Return an answer that is the same each time."""

    def answer(handler: Handler, _: int) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def snapshots(handler: Handler, number: int) -> None:
    """Return one picture for each request, the next of 50 each time."""
    sends(jpegs(50)[number % 50])(handler, number)


def mjpeg(between: Callable[[bytes], bytes], first: bytes = b"", pace: float = 0.02) -> Callable[[Handler, int], None]:
    """Return pictures in one answer. between: a picture with all around it. first: the bytes before all pictures."""

    def answer(handler: Handler, _: int) -> None:
        handler.send_response(200)
        handler.close_connection = True
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        handler.wfile.write(first)
        for picture in jpegs(50):
            handler.wfile.write(between(picture))
            time.sleep(pace)

    return answer


class HttpCamera:
    """A camera that listens on 127.0.0.1 while it is entered.

    answer: called with the request and the number of requests answered before it.
    """

    def __init__(self, answer: Callable[[Handler, int], None] = snapshots, auth: Auth = "") -> None:
        self.answered: list[float] = []
        self.logins: list[str] = []
        camera, self._auth = self, auth

        class Handle(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                login = self.headers.get("Authorization", "")
                camera.logins.append(login)
                if not camera._is_right(login):
                    self.send_response(401)
                    asks = 'Digest realm="c", nonce="5ca1ab1e", qop="auth"' if auth == "digest" else 'Basic realm="c"'
                    self.send_header("WWW-Authenticate", asks)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                camera.answered.append(time.monotonic())
                try:
                    answer(self, len(camera.answered) - 1)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> "HttpCamera":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Return the address with the right login."""
        login = f"{USER}:{quote(PASSWORD, safe='')}@" if self._auth else ""
        return f"http://{login}127.0.0.1:{self.port}/snapshot.jpg?channel=1"

    def _is_right(self, login: str) -> bool:
        if not self._auth:
            return True
        if self._auth == "basic":
            return login == "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', login))
        one, two = f"{USER}:c:{PASSWORD}", f"GET:{said.get('uri', '')}"
        middle = f"5ca1ab1e:{said.get('nc')}:{said.get('cnonce')}:auth"
        return said.get("response") == _md5(f"{_md5(one)}:{middle}:{_md5(two)}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
