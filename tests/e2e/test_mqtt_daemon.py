"""Daemons and a real broker: events, states, commands, and what a kill leaves behind."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from brokers import MQTT_PASSWORD, USER, Listener, MqttBroker, running_broker
from daemons import SECRET, paid, running, verb
from fakes import FakeOcrCars, plate

GATE = {"gate": {"source": "sample"}}
SIGHTING = "gate/cameras/gate/sighting"
DIES_AFTER_THE_ACKNOWLEDGEMENT = """
import os, pathlib, signal
from streamwatch.outward.mqtt import link
send = link.MqttSender.send
def dying(self, events):
    said = send(self, events)
    mark = pathlib.Path("died")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return said
link.MqttSender.send = dying
"""


def mqtt(broker: MqttBroker, *commands: str) -> dict[str, Any]:
    there = {"host": "127.0.0.1", "port": broker.port, "prefix": "gate", "user": USER}
    return {"mqtt": {**there, "password": "${TESTED_MQTT_PASSWORD}", "commands": list(commands)}}


ENVIRONMENT = {"TESTED_MQTT_PASSWORD": MQTT_PASSWORD}


def ocr() -> FakeOcrCars:
    return FakeOcrCars(plate("京AF0236"), appcode=SECRET)


@contextmanager
def relay() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a relay, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/open", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_sighting_is_told_and_the_password_is_not(tmp_path: Path) -> None:
    with (
        running_broker(password=True) as broker,
        Listener(broker) as listener,
        ocr() as service,
    ):
        outward = mqtt(broker)
        with running(
            tmp_path / "d", GATE, recognizer=paid(service), outward=outward, environment=ENVIRONMENT
        ) as daemon:
            daemon.until(lambda: bool(listener.payloads(SIGHTING)))
            told = json.loads(listener.payloads(SIGHTING)[0])
            assert told["plate"] == "京AF0236"
            daemon.until(lambda: listener.last_json("gate/cameras/gate/plate").get("plate") == "京AF0236")
            daemon.until(lambda: listener.last_json("gate/cameras/gate/state").get("online") == "ON")
            assert daemon.stop() == 0
            listener.until(lambda: listener.last("gate/status") == "offline")
            assert daemon.errors() == []
            assert MQTT_PASSWORD not in daemon.log()
            assert daemon.rows("SELECT name, state FROM receivers") == [("mqtt", "ok")]


def test_what_is_killed_after_the_acknowledgement_repeats_the_same_id(tmp_path: Path) -> None:
    with (
        running_broker() as broker,
        Listener(broker) as listener,
        ocr() as service,
    ):
        settings = {"recognizer": paid(service), "outward": mqtt(broker), "environment": ENVIRONMENT}
        with running(tmp_path / "d", GATE, patch=DIES_AFTER_THE_ACKNOWLEDGEMENT, **settings) as daemon:
            daemon.process.wait(180)
            listener.until(lambda: listener.last("gate/status") == "offline")  # the last will
        before = [json.loads(text)["id"] for text in listener.payloads(SIGHTING)]
        assert before
        with running(tmp_path / "d", GATE, **settings) as daemon:
            daemon.until(lambda: len(listener.payloads(SIGHTING)) >= 2 * len(before))
            after = [json.loads(text)["id"] for text in listener.payloads(SIGHTING)][len(before) :]
            assert after[: len(before)] == before
            assert daemon.stop() == 0


def test_the_broker_is_away_and_nothing_is_lost(tmp_path: Path) -> None:
    with running_broker() as broker, ocr() as service:
        broker.stop()
        with running(
            tmp_path / "d", GATE, recognizer=paid(service), outward=mqtt(broker), environment=ENVIRONMENT
        ) as daemon:
            daemon.until(lambda: bool(daemon.rows("SELECT id FROM events WHERE type LIKE '%sighting%'")))
            daemon.until(lambda: daemon.rows("SELECT state FROM receivers WHERE failures > 0") != [])
            broker.start()
            with Listener(broker) as listener:
                daemon.until(lambda: bool(listener.payloads(SIGHTING)))
                told = [json.loads(text)["id"] for text in listener.payloads(SIGHTING)]
                written = daemon.rows("SELECT key FROM events WHERE type LIKE '%sighting%' ORDER BY id")
                assert told == [key for (key,) in written][: len(told)]
            assert daemon.stop() == 0
            assert daemon.errors() == []


def test_commands_open_and_kill_but_never_unkill(tmp_path: Path) -> None:
    with running_broker() as broker, Listener(broker) as listener, relay() as (address, asked):
        lanes = {"entry": {"cameras": ["gate"], "barrier": "arm"}}
        with running(
            tmp_path / "d",
            GATE,
            recognizer={"engine": "local"},
            lanes=lanes,
            barriers={"arm": {"driver": "http", "url": address}},
            access={"cool_down": "0s"},
            outward=mqtt(broker, "open", "kill"),
            environment=ENVIRONMENT,
        ) as daemon:
            daemon.until(lambda: listener.last("gate/status") == "online")
            listener.publish("gate/lanes/entry/open", "OPEN")
            daemon.until(lambda: bool(listener.payloads("gate/barriers/arm/opening")))
            assert asked == ["/open"]
            told = json.loads(listener.payloads("gate/barriers/arm/opening")[0])
            assert (told["event_type"], told["cause"], told["who"]) == ("done", "remote", "mqtt")
            listener.publish("gate/kill", "KILL")
            daemon.until(lambda: listener.last_json("gate/state").get("kill_switch") == "ON")
            assert (daemon.data / "KILL").exists()
            daemon.until(lambda: daemon.rows("SELECT who, action FROM audit_log") == [("mqtt", "openings_stopped")])
            listener.publish("gate/kill", "UNKILL")
            listener.publish("gate/lanes/entry/open", "OPEN")
            daemon.until(lambda: len(listener.payloads("gate/barriers/arm/opening")) == 2)
            told = json.loads(listener.payloads("gate/barriers/arm/opening")[1])
            assert (told["event_type"], told["reason"]) == ("withheld", "killed")
            assert asked == ["/open"]
            assert daemon.stop() == 0


def test_a_reload_brings_another_broker_and_removes_a_camera(tmp_path: Path) -> None:
    with running_broker() as broker, Listener(broker) as listener:
        cameras = {**GATE, "yard": {"source": "sample"}}
        with running(
            tmp_path / "d", cameras, recognizer={"engine": "local"}, outward=mqtt(broker), environment=ENVIRONMENT
        ) as daemon:
            daemon.until(lambda: listener.last_json("gate/cameras/yard/state").get("online") == "ON")
            config = json.loads((daemon.folder / "config.yaml").read_text())
            del config["cameras"]["yard"]
            (daemon.folder / "config.yaml").write_text(json.dumps(config))
            assert verb(daemon.folder, "reload", **ENVIRONMENT).returncode == 0
            listener.until(lambda: listener.last("gate/cameras/yard/state") == "")
            with running_broker() as other:
                config["outward"]["mqtt"]["port"] = other.port
                (daemon.folder / "config.yaml").write_text(json.dumps(config))
                assert verb(daemon.folder, "reload", **ENVIRONMENT).returncode == 0
                listener.until(lambda: listener.last("gate/status") == "offline")
                with Listener(other) as there:
                    there.until(lambda: there.last("gate/status") == "online")
                assert daemon.stop() == 0
            assert daemon.errors() == []
