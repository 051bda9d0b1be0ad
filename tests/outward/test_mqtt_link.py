"""The link to a broker, with a real one."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from brokers import MQTT_PASSWORD, USER, Listener, MqttBroker, retained, running_broker, until

from streamwatch.core.codes import EventType
from streamwatch.core.errors import DeliveryError, ReceiverAway, ReceiverUnusable, StorageFailed
from streamwatch.outward.mqtt.broker import BrokerAddress
from streamwatch.outward.mqtt.commands import Commands
from streamwatch.outward.mqtt.facts import BarrierFacts, CameraFacts, Facts, LaneFacts
from streamwatch.outward.mqtt.link import BrokerLink, MqttSender
from streamwatch.outward.mqtt.topics import Topics
from streamwatch.store import EventRow

TOPICS = Topics("gate", "homeassistant")
CONFIG = "homeassistant/device/gate/config"
ALL = Facts(
    version="1",
    cameras=(CameraFacts("front", True, "online"), CameraFacts("back", False, "reconnecting")),
    lanes=(LaneFacts("entry", "in", "automatic", "arm"),),
    barriers=(BarrierFacts("arm", "not_reported", ""),),
    inside=3,
)


@dataclass
class Daemon:
    """The program behind a link: its state, and what was done by commands."""

    link: BrokerLink
    facts: Facts = ALL
    opened: list[str] = field(default_factory=list)
    killed: int = 0
    connected: int = 0

    @property
    def sender(self) -> MqttSender:
        return MqttSender(self.link)


@contextmanager
def linked(
    broker: MqttBroker, allowed: tuple[str, ...] = (), password: str = MQTT_PASSWORD, ca: Path | None = None
) -> Iterator[Daemon]:
    daemon: Daemon

    def kill() -> None:
        daemon.killed += 1

    def opened(lane: str) -> None:
        daemon.opened.append(lane)

    def connected() -> None:
        daemon.connected += 1

    commands = Commands(allowed, lambda: ["entry"], opened, kill)
    where = BrokerAddress("127.0.0.1", broker.port, "gate", USER, password, broker.tls is not None, ca)
    daemon = Daemon(BrokerLink(where, TOPICS, lambda: daemon.facts, commands, "http://gate.invalid", connected))
    thread = threading.Thread(target=daemon.link.run, args=(lambda: False,))
    thread.start()
    try:
        yield daemon
    finally:
        daemon.link.close()
        thread.join(60)


def sighting(number: int, plate: str = "京AF0236", camera: str = "front") -> EventRow:
    now = datetime.now(UTC)
    data: dict[str, Any] = {
        "sighting": f"s{number}",
        "camera": camera,
        "plate": plate,
        "confidence": 0.97,
        "engine": "local",
        "first_seen": now.isoformat(),
        "last_seen": now.isoformat(),
        "passage": "p",
        "keyframe": None,
    }
    return EventRow(number, f"key{number}", EventType.SIGHTING, plate, camera, now, now, data)


def decision(verdict: str = "allow", ago: float = 0.0, lane: str = "entry", holder: str = "Ms Li") -> EventRow:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    data: dict[str, Any] = {
        "decision": "d1",
        "lane": lane,
        "camera": "front",
        "plate": "京AF0236",
        "verdict": verdict,
        "reason": "permitted",
        "warnings": ["full", "passed_back"],
        "holder": holder,
        "group": "",
        "sighting": "s1",
        "confidence": 0.97,
        "captured_at": at.isoformat(),
        "answered_at": None,
    }
    return EventRow(1, "key1", EventType.DECISION, "京AF0236", "front", at, at, data)


def test_events_are_acknowledged_and_never_retained() -> None:
    with running_broker() as broker, Listener(broker) as listener, linked(broker) as daemon:
        assert daemon.sender.send([sighting(1), decision("deny", holder="blocked"), decision()])
        listener.until(lambda: len(listener.payloads("gate/lanes/entry/decision")) == 2)
        told = json.loads(listener.payloads("gate/cameras/front/sighting")[0])
        assert told["id"] == "key1"
        assert told["event_type"] == "sighting"
        assert told["payload_version"] == 1
        assert told["keyframe"] == ""  # never null
        decided = json.loads(listener.payloads("gate/lanes/entry/decision")[1])
        assert decided["event_type"] == "allow"
        assert decided["warnings"] == "full,passed_back"
        frigate = [json.loads(text) for text in listener.payloads("gate/tracked_object_update")]
        assert [one["name"] for one in frigate] == [None, "Ms Li"]
        assert {one["type"] for one in frigate} == {"lpr"}
        listener.until(lambda: listener.last("gate/lanes/entry/plate") is not None)
        kept = retained(broker)
        assert not [topic for topic in kept if topic.endswith(("sighting", "decision", "update"))]
        assert json.loads(kept["gate/cameras/front/plate"])["plate"] == "京AF0236"
        assert json.loads(kept["gate/lanes/entry/plate"])["verdict"] == "allow"


def test_states_are_retained_and_follow_what_happens() -> None:
    with running_broker() as broker, linked(broker) as daemon, Listener(broker) as listener:
        listener.until(lambda: listener.last("gate/status") == "online")
        kept = retained(broker, "gate/#")
        assert json.loads(kept["gate/cameras/front/state"])["online"] == "ON"
        assert json.loads(kept["gate/cameras/back/state"])["online"] == "OFF"
        assert json.loads(kept["gate/barriers/arm/state"])["position"] == "not_reported"
        assert json.loads(kept["gate/state"]) == {
            "payload_version": 1,
            "version": "1",
            "kill_switch": "OFF",
            "inside": 3,
        }
        daemon.facts = replace(ALL, killed=True, inside=None)
        listener.until(lambda: listener.last_json("gate/state")["kill_switch"] == "ON")
        assert listener.last_json("gate/state")["inside"] == ""


def test_home_assistant_finds_every_entity() -> None:
    with running_broker() as broker, linked(broker, ("open", "kill")) as daemon, Listener(broker) as listener:
        listener.until(lambda: listener.last("gate/status") == "online")
        told = json.loads(retained(broker)[CONFIG])
        assert told["dev"]["ids"] == ["gate"]
        assert told["o"]["name"] == "streamwatch"
        assert {key: entity["p"] for key, entity in told["cmps"].items()} == {
            "inside": "sensor",
            "kill_switch": "binary_sensor",
            "kill": "button",
            "camera_front_plate": "sensor",
            "camera_front_sighting": "event",
            "camera_front_connected": "binary_sensor",
            "camera_back_plate": "sensor",
            "camera_back_sighting": "event",
            "camera_back_connected": "binary_sensor",
            "lane_entry_plate": "sensor",
            "lane_entry_decision": "event",
            "lane_entry_authorised": "binary_sensor",
            "lane_entry_open": "button",
            "barrier_arm_position": "sensor",
            "barrier_arm_fault": "binary_sensor",
        }
        assert len({entity["unique_id"] for entity in told["cmps"].values()}) == len(told["cmps"])
        # Home Assistant was restarted.
        listener.publish("homeassistant/status", "online")
        listener.until(lambda: len(listener.payloads(CONFIG)) == 1)
        assert daemon.connected == 1


def test_without_permission_there_are_no_buttons_and_no_commands() -> None:
    with running_broker() as broker, linked(broker) as daemon, Listener(broker) as listener:
        listener.until(lambda: listener.last("gate/status") == "online")
        assert not [one for one in json.loads(retained(broker)[CONFIG])["cmps"].values() if one["p"] == "button"]
        listener.publish("gate/lanes/entry/open", "OPEN")
        listener.publish("gate/kill", "KILL")
        daemon.sender.send([sighting(1)])  # what came before it was seen
        assert daemon.opened == []
        assert daemon.killed == 0


def test_commands(caplog: pytest.LogCaptureFixture) -> None:
    with running_broker() as broker, Listener(broker) as listener:
        listener.publish("gate/lanes/entry/open", "OPEN", retain=True)
        listener.publish("gate/kill", "KILL", retain=True)
        with linked(broker, ("open", "kill")) as daemon:
            listener.until(lambda: "it was retained by the broker" in caplog.text)
            now = datetime.now(UTC)
            for payload in ("open", "", "OPEN yesterday", f"OPEN {(now - timedelta(minutes=1)).isoformat()}", "\0"):
                listener.publish("gate/lanes/entry/open", payload)
            listener.publish("gate/lanes/exit/open", "OPEN")
            listener.publish("gate/kill", "OFF")
            listener.publish("gate/kill", "UNKILL")
            listener.until(lambda: "it names no lane" in caplog.text)
            assert daemon.opened == []
            assert daemon.killed == 0
            listener.publish("gate/lanes/entry/open", "OPEN")
            until(lambda: daemon.opened == ["entry"])
            listener.publish("gate/lanes/entry/open", f"OPEN {datetime.now(UTC).isoformat()}")
            until(lambda: daemon.opened == ["entry", "entry"])
            listener.publish("gate/kill", "KILL")
            until(lambda: daemon.killed == 1)
    assert caplog.text.count("its payload is not OPEN") == 1  # however many come


def test_authorised_is_held_but_not_retained() -> None:
    with running_broker() as broker, Listener(broker) as listener, linked(broker) as daemon:
        topic = "gate/lanes/entry/authorised"
        daemon.sender.send([decision(ago=3600), decision("deny"), decision("ask")])
        listener.until(lambda: listener.last("gate/lanes/entry/plate") is not None)
        assert listener.payloads(topic) == ["OFF"]
        daemon.sender.send([decision(ago=57)])
        listener.until(lambda: listener.payloads(topic) == ["OFF", "ON", "OFF"])
        daemon.sender.send([decision()])
        listener.until(lambda: listener.payloads(topic)[-1] == "ON")
        assert retained(broker)[topic] == "OFF"


def test_what_a_removed_camera_left_behind_goes(caplog: pytest.LogCaptureFixture) -> None:
    with running_broker() as broker, Listener(broker) as listener:
        with linked(broker) as daemon:
            daemon.sender.send([sighting(1), sighting(2, camera="back")])
            listener.until(lambda: listener.last("gate/cameras/back/plate") is not None)
            daemon.facts = replace(ALL, lanes=())  # by a reload
            listener.until(lambda: listener.last("gate/lanes/entry/authorised") == "")
        assert "gate/cameras/back/plate" in retained(broker)
        before = len(listener.payloads(CONFIG))
        with linked(broker) as daemon:
            daemon.facts = replace(ALL, cameras=ALL.cameras[:1])
            listener.until(lambda: listener.last("gate/cameras/back/plate") == "")
            listener.until(lambda: listener.last("gate/cameras/back/state") == "")
        listener.until(lambda: "camera_back_plate" not in listener.last_json(CONFIG)["cmps"])
        told = [json.loads(text)["cmps"].get("camera_back_plate") for text in listener.payloads(CONFIG)[before:]]
        assert {"p": "sensor"} in told  # so Home Assistant removes it
        kept = retained(broker)
        assert not [topic for topic in kept if "back" in topic]
        assert "gate/cameras/front/plate" in kept


def test_events_wait_while_the_broker_is_away_and_come_once_each_in_order() -> None:
    with running_broker() as broker, linked(broker) as daemon:
        daemon.sender.send([sighting(1)])
        broker.stop()
        until(lambda: _refuses(daemon))
        broker.start()
        with Listener(broker) as listener:
            until(lambda: daemon.connected == 2)
            daemon.sender.send([sighting(number) for number in range(2, 102)])
            daemon.sender.send([sighting(number) for number in range(102, 202)])
            listener.until(lambda: len(listener.payloads("gate/cameras/front/sighting")) == 200)
            ids = [json.loads(text)["id"] for text in listener.payloads("gate/cameras/front/sighting")]
            assert ids == [f"key{number}" for number in range(2, 202)]
            listener.until(lambda: listener.last_json("gate/cameras/front/plate").get("sighting") == "s201")


def _refuses(daemon: Daemon) -> bool:
    try:
        daemon.sender.send([sighting(2)])
    except ReceiverAway:
        return True
    return False


def test_a_broker_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.outward.mqtt.broker.ACKNOWLEDGING", 1.0)
    with running_broker() as broker, linked(broker) as daemon:
        daemon.sender.send([sighting(1)])
        broker.pause()
        with pytest.raises(ReceiverAway, match="acknowledges nothing"):
            daemon.sender.send([sighting(2)])


def test_a_wrong_password_is_one_sentence_and_tried_on(caplog: pytest.LogCaptureFixture) -> None:
    with running_broker(password=True) as broker, linked(broker, password="another") as daemon:
        with pytest.raises(ReceiverUnusable, match="refuses the user or the password"):
            daemon.sender.send([sighting(1)])
        until(lambda: broker.log().count("not authorised") >= 2 or broker.log().count("code 5") >= 2)
    assert caplog.text.count("refuses the user or the password") == 1
    assert "another" not in caplog.text
    with running_broker(password=True) as broker, linked(broker) as daemon:
        assert daemon.sender.send([sighting(1)])


def test_a_program_that_dies_is_offline_and_one_that_ends_says_so() -> None:
    with running_broker() as broker, Listener(broker) as listener:
        with linked(broker):
            listener.until(lambda: listener.last("gate/status") == "online")
        listener.until(lambda: listener.last("gate/status") == "offline")
        with linked(broker) as daemon:
            listener.until(lambda: listener.last("gate/status") == "online")
            connection = daemon.link.connection()
            connection._client.socket().close()  # as if it were killed
            listener.until(lambda: "offline" in listener.payloads("gate/status")[2:])


def test_hostile_names_stay_inside_their_topic() -> None:
    with running_broker() as broker, Listener(broker) as listener, linked(broker) as daemon:
        daemon.sender.send(
            [sighting(1, plate='"}\n\x1b[31m', camera="a/#/+\0../kill"), decision(lane="入口/#", holder="💥\x1b")]
        )
        listener.until(lambda: len(listener.payloads("gate/tracked_object_update")) == 2)
        topics = {topic for topic, _, _ in listener.messages}
        assert not [topic for topic in topics if set(topic) & set("#+\0") or not topic.isascii()]
        (topic,) = (topic for topic in topics if topic.endswith("/sighting"))
        assert topic.count("/") == 3
        assert json.loads(listener.payloads(topic)[0])["plate"] == '"}\n\x1b[31m'


def test_an_error_in_a_command_is_not_swallowed() -> None:
    with running_broker() as broker, Listener(broker) as listener:

        def kill() -> None:
            raise StorageFailed("The kill switch cannot be written.")

        commands = Commands(("kill",), list, lambda _: None, kill)
        link = BrokerLink(BrokerAddress("127.0.0.1", broker.port, "gate"), TOPICS, lambda: ALL, commands)
        raised: list[BaseException] = []

        def run() -> None:
            try:
                link.run(lambda: False)
            except StorageFailed as error:
                raised.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        listener.until(lambda: listener.last("gate/status") == "online")
        listener.publish("gate/kill", "KILL")
        thread.join(60)
        assert len(raised) == 1


def test_whoever_cannot_be_reached_is_named_without_secrets() -> None:
    with running_broker() as broker:
        broker.stop()
        with linked(broker) as daemon, pytest.raises(ReceiverAway, match="refuses the connection"):
            daemon.sender.send([sighting(1)])
    with suppress(DeliveryError):
        assert MQTT_PASSWORD not in repr(BrokerAddress("gate.invalid", 1883, "gate", USER, MQTT_PASSWORD))


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1, and return its file and that of its key."""
    files = folder / "broker.pem", folder / "broker.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=broker"]
    out = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(files[1]), "-out", str(files[0])]
    subprocess.run(["openssl", *new, *out], check=True, capture_output=True)
    return files


# paho leaves the socket of a failed handshake to the garbage collection, which closes it at once.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_with_tls_the_broker_must_be_the_right_one(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    with running_broker(tls=files) as broker, Listener(broker) as listener:
        with linked(broker, ca=files[0]) as daemon:
            daemon.sender.send([sighting(1)])
            listener.until(lambda: bool(listener.payloads("gate/cameras/front/sighting")))
        with linked(broker) as daemon, pytest.raises(ReceiverUnusable, match=r"not trusted: .*outward\.mqtt\.tls_ca"):
            daemon.sender.send([sighting(2)])
        with (
            linked(broker, ca=tmp_path / "nothing.pem") as daemon,
            pytest.raises(ReceiverUnusable, match=r"tls_ca: .*nothing\.pem cannot be used"),
        ):
            daemon.sender.send([sighting(2)])
        (tmp_path / "nonsense.pem").write_text("no certificate")
        with linked(broker, ca=tmp_path / "nonsense.pem") as daemon, pytest.raises(ReceiverUnusable, match="tls_ca"):
            daemon.sender.send([sighting(2)])
        assert len(listener.payloads("gate/cameras/front/sighting")) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_without_tls_is_named(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    with running_broker() as broker:
        broker.tls = files  # what the settings say
        with linked(broker, ca=files[0]) as daemon, pytest.raises(DeliveryError, match="TLS on this port"):
            daemon.sender.send([sighting(1)])


def test_something_else_than_a_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.outward.mqtt.broker.CONNECTING", 0.5)
    with running_broker() as broker:
        real = broker.port
        with socket.create_server(("127.0.0.1", 0)) as silent:
            broker.port = silent.getsockname()[1]
            with linked(broker) as daemon, pytest.raises(ReceiverAway, match="does not answer as an MQTT broker"):
                daemon.sender.send([sighting(1)])
        broker.port = real
