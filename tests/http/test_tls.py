"""The certificate of a server, over real sockets."""

import logging
import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from listening import Got, connect, everything, running
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streamwatch.http.pages import serve_pages
from streamwatch.http.tls import tls_context

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")
NAMES = ("web.tls_certificate", "web.tls_key")


def make(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for a name; return its file and the file of its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    out = ["-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *new, *out], check=True, capture_output=True)
    return certificate, key


def trusting() -> ssl.SSLContext:
    """Return what a client needs that accepts any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def shown(port: int) -> str:
    """Return the certificate that a server shows to a new connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, trusting().wrap_socket(plain) as client:
        found = client.getpeercert(binary_form=True)
        assert found is not None
        return ssl.DER_cert_to_PEM_cert(found)


def test_a_renewed_certificate_is_taken_up_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """First a file that is only half written, then a certificate whose key comes later, then both."""
    caplog.set_level(logging.INFO, logger="streamwatch")
    (first, first_key), (second, second_key) = make(tmp_path, "first"), make(tmp_path, "second")
    certificate, key = tmp_path / "gate.pem", tmp_path / "gate.key"
    shutil.copy(first, certificate)
    shutil.copy(first_key, key)
    context = tls_context(certificate, key, NAMES)
    with running(serve_pages(lambda: PlainTextResponse("hello"), "127.0.0.1", 0, tls=context)) as server:
        assert shown(server.port) == first.read_text()
        (tmp_path / "half").write_text(second.read_text()[:100])
        os.replace(tmp_path / "half", certificate)
        assert shown(server.port) == first.read_text()
        shutil.copy(second, tmp_path / "whole")
        os.replace(tmp_path / "whole", certificate)
        assert shown(server.port) == first.read_text()
        shutil.copy(second_key, tmp_path / "whole")
        os.replace(tmp_path / "whole", key)
        assert shown(server.port) == second.read_text()
        key.unlink()
        for _ in range(3):
            assert shown(server.port) == second.read_text()
    said = [record.getMessage() for record in caplog.records if record.name.endswith("tls")]
    assert [text.rpartition(": ")[2] for text in said[1:]] == [
        "KEY_VALUES_MISMATCH",
        f"the certificate {certificate} has been renewed",
        "No such file or directory",
    ]


def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    context = tls_context(*make(tmp_path, "gate"), NAMES)
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_with_https_a_client_may_come_past_the_proxy_but_is_not_believed(tmp_path: Path) -> None:
    def caller(request: Request) -> Response:
        assert request.client is not None
        return PlainTextResponse(request.client.host)

    app = Starlette(routes=[Route("/", caller)])
    context = tls_context(*make(tmp_path, "gate"), NAMES)
    request = b"GET / HTTP/1.1\r\nHost: gate\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
    said = {}
    with running(serve_pages(lambda: app, "127.0.0.1", 0, tls=context, proxies=["127.0.0.2/32"])) as server:
        for source in ("127.0.0.1", "127.0.0.2"):
            with connect(server, source) as plain, trusting().wrap_socket(plain) as client:
                client.sendall(request)
                said[source] = Got(everything(client)).body.decode()
    assert said == {"127.0.0.1": "127.0.0.1", "127.0.0.2": "203.0.113.9"}
