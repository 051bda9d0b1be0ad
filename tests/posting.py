"""An HTTP server that takes notifications of Apprise."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "invented-token-of-a-chat"


@contextmanager
def endpoint(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Return the address, for Apprise, of a server, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"json://user:{TOKEN}@127.0.0.1:{server.server_port}/{TOKEN}", posted
        finally:
            server.shutdown()
            thread.join()
