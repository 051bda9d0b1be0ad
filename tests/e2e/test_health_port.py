"""The daemon's health port: what it answers, and that the gate does not depend on it."""

import socket
from pathlib import Path

from daemons import ask, free_port, running

LOCAL = {"engine": "local"}
SAMPLE = {"gate": {"source": "sample"}}


def test_the_gate_is_watched_though_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path / "d", SAMPLE, recognizer=LOCAL, health={"port": port}) as daemon:
            daemon.until(lambda: "is online" in daemon.log())
            assert daemon.stop() == 0
            (error,) = daemon.errors()
            assert f"Port {port} of 127.0.0.1 cannot be used for health: " in error
            assert "The cameras are watched all the same." in error


def test_open_connections_do_not_hold_up_the_end(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "d", SAMPLE, recognizer=LOCAL, health={"port": port}) as daemon:
        daemon.until(lambda: ask(port, "/metrics")[0] == 200)
        daemon.until(lambda: "is online" in daemon.log())
        with (
            socket.create_connection(("127.0.0.1", port)) as silent,
            socket.create_connection(("127.0.0.1", port)) as half,
        ):
            half.sendall(b"GET /healthz HTTP/1.1\r\n")
            assert ask(port, "/nothing")[0] == 404
            assert daemon.stop() == 0
            assert silent.recv(1) == b""
        assert daemon.errors() == []
