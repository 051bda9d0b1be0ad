"""The console of a daemon and of the verb `web`. Both end cleanly, and the gate does not depend on the console."""

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from daemons import Running, ask, free_port, running, verb
from forking import Forked

LOCAL = {"engine": "local"}
SAMPLE = {"gate": {"source": "sample"}}


def health_of(daemon: Running) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((daemon.data / "status.json").read_text())["console"]
    except FileNotFoundError:
        return {}
    return told


def follow(page: socket.socket) -> None:
    """Ask for the events of the gate, as an open page does, and wait until they come."""
    page.sendall(b"GET /gate/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    got = b""
    while b"event: version" not in got:
        piece = page.recv(65536)
        assert piece, got
        got += piece


def test_run_serves_the_console_and_says_where(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "d", SAMPLE, recognizer=LOCAL, web={"port": port}) as daemon:
        daemon.until(lambda: ask(port, "/")[0] == 200)
        assert f"the console is at http://127.0.0.1:{port}\n" in daemon.log()
        daemon.until(lambda: health_of(daemon) == {"address": f"http://127.0.0.1:{port}", "why": ""})
        daemon.until(lambda: "is online" in daemon.log())
        with socket.create_connection(("127.0.0.1", port)) as open_page:
            follow(open_page)
            assert daemon.stop() == 0
        assert daemon.errors() == []


def test_the_gate_is_watched_though_the_port_of_the_console_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path / "d", SAMPLE, recognizer=LOCAL, web={"port": port}) as daemon:
            daemon.until(lambda: "is online" in daemon.log())
            daemon.until(lambda: "cannot be used for the console" in health_of(daemon).get("why", ""))
            done = verb(daemon.folder, "status")
            assert done.returncode == 1
            assert f"! There is no console: Port {port} of 127.0.0.1 cannot be used for the console" in done.stdout
            assert daemon.stop() == 0
            assert daemon.errors() == []
            assert daemon.log().count("cannot be used for the console") == 1


def test_beyond_this_machine_without_https_the_gate_is_watched_without_a_console(tmp_path: Path) -> None:
    port = free_port()
    web = {"host": "0.0.0.0", "port": port}
    with running(tmp_path / "d", SAMPLE, recognizer=LOCAL, web=web) as daemon:
        daemon.until(lambda: "is online" in daemon.log())
        daemon.until(lambda: "without https" in health_of(daemon).get("why", ""))
        assert ask(port, "/") == (0, "")
        done = verb(daemon.folder, "status")
        assert "! There is no console: The console would be served to other machines" in done.stdout


def test_web_serves_a_database_until_a_signal(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "d", SAMPLE, recognizer=LOCAL, web={"port": port}) as daemon:
        daemon.until(lambda: daemon.rows("SELECT 1 FROM sightings") != [])
        assert daemon.stop() == 0
    folder = tmp_path / "d"
    for number in (signal.SIGTERM, signal.SIGINT):
        out, err = tmp_path / f"out{number}", tmp_path / f"err{number}"
        web = Forked(["web", "--config", "config.yaml"], folder, os.environ, out, err)
        try:
            limit = time.monotonic() + 120
            while ask(port, "/")[0] != 200:
                assert time.monotonic() < limit, err.read_text()
                time.sleep(0.1)
            with socket.create_connection(("127.0.0.1", port)) as open_page:
                follow(open_page)
                web.send_signal(number)
                assert web.wait(60) == 0
        finally:
            web.kill()
        assert out.read_text() == f"The console is at http://127.0.0.1:{port}\n"
        assert err.read_text() == ""


def test_web_says_in_a_sentence_that_there_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{}\n")
    done = verb(tmp_path, "web")
    assert done.returncode == 1
    assert "does not exist" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "config.yaml"]
