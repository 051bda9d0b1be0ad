"""Barriers of a whole daemon, by its verb: opening, the kill switch, a crash, and a relay that is not there."""

import json
import signal
from pathlib import Path
from typing import Any

from daemons import free_port, running, verb
from relays import http_relay, wait_until

AWAY = {"gate": {"source": "rtsp://127.0.0.1:9/none"}}
FREE = {"engine": "local", "fallback": "none"}


def site(url: str, **more: Any) -> dict[str, Any]:
    return {
        "barriers": {"front": {"driver": "http", "url": f"{url}/open", "pulse": "100ms"}},
        "lanes": {"entry": {"cameras": ["gate"], "barrier": "front"}},
        "recognizer": FREE,
        "web": {"port": free_port()},
        **more,
    }


def test_the_verb_opens_and_stops_all_openings(tmp_path: Path) -> None:
    folder = tmp_path / "daemon"

    def barrier(*words: str) -> tuple[int, str]:
        done = verb(folder, "barrier", *words)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    with http_relay() as relay:
        config = site(relay.url)
        with running(folder, AWAY, **config) as daemon:
            daemon.until(lambda: "the console is at" in daemon.log())
            assert barrier("open", "front", "--reason", "fire brigade") == (0, "front opens.\n")
            wait_until(lambda: daemon.rows("SELECT state FROM openings") == [("done",)])
            assert barrier("kill") == (0, "The kill switch is on: no barrier opens.\n")
            code, said = barrier("open", "front", "--reason", "fire brigade")
            assert code == 1
            assert "all openings are stopped by the kill switch" in said
            assert barrier("status")[0] == 1
            assert barrier("unkill")[0] == 0
            assert barrier("test", "front")[0] == 0
            code, said = barrier("open", "back", "--reason", "x")
            assert (code, said) == (1, "streamwatch: The config names no barrier 'back'; it names: front.\n")
            daemon.until(lambda: '"barriers": [{' in (folder / "data" / "status.json").read_text())
            code, said = barrier("status", "--format", "json")
            assert code == 0
            told = json.loads(said)
            assert (told["running"], told["killed"], told["barriers"][0]["position"]) == (True, False, None)
            assert len(relay.orders) == 2
            causes = daemon.rows("SELECT cause, who <> '' FROM openings ORDER BY id")
            assert causes == [("by_hand", 1), ("by_hand", 1), ("test", 1)]
            actions = [row[0] for row in daemon.rows("SELECT action FROM audit_log ORDER BY id")]
            assert [one for one in actions if one.startswith("openings")] == ["openings_stopped", "openings_resumed"]
            assert daemon.errors() == [line for line in daemon.errors() if "camera" in line.lower()]
            daemon.stop(signal.SIGKILL)
        code, said = barrier("open", "front", "--reason", "x")
        assert code == 1
        assert "The daemon does not answer at http://127.0.0.1:" in said
        assert barrier("kill")[0] == 0
        assert "No daemon runs here" in barrier("status")[1]
        assert (folder / "data" / "KILL").exists()
        with running(folder, AWAY, **config) as daemon:
            daemon.until(lambda: "the console is at" in daemon.log().rpartition("stopping")[2])
            daemon.until(lambda: verb(folder, "barrier", "open", "front", "--reason", "x").returncode == 1)
        assert len(relay.orders) == 2  # the kill switch outlasts a restart


def test_a_relay_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    config = site("http://127.0.0.1:9", barriers={"front": {"driver": "modbus", "host": "127.0.0.1", "port": 9}})
    config["barriers"]["front"]["timed_by"] = "program"
    with running(tmp_path / "daemon", AWAY, **config) as daemon:
        status = tmp_path / "daemon" / "data" / "status.json"
        daemon.until(lambda: status.exists() and "could not be released" in status.read_text())
        told = json.loads(status.read_text())
        assert told["barriers"][0]["unreleased"] is True
        assert told["stalled"] == []
        code = verb(tmp_path / "daemon", "status")
        assert code.returncode == 1
        assert "Barrier front may stand open since" in code.stdout
        assert daemon.stop() == 0
