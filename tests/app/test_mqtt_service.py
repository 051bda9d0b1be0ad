"""The link of the daemon: what it tells of the program, what commands do, and changed settings."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from brokers import Listener, MqttBroker, running_broker, until
from records import Database

from streamwatch.app.mqtt_service import MqttService, try_broker
from streamwatch.config.mqtt_settings import MqttSettings
from streamwatch.config.settings import Settings
from streamwatch.core.barrier_state import BarrierState, OpeningOutcome
from streamwatch.core.codes import CameraState, OpeningCause, OpeningState, Position, WithheldReason
from streamwatch.core.errors import ReceiverAway, ReceiverUnusable, StorageFailed
from streamwatch.store import open_reader, open_store
from streamwatch.system.threads import spawn


@dataclass
class Barriers:
    """Barriers that remember what was asked."""

    killed: bool = False
    outcome: OpeningOutcome = field(default_factory=lambda: OpeningOutcome("k", OpeningState.DONE))
    asked: list[tuple[str, OpeningCause, str]] = field(default_factory=list)
    fails: bool = False

    def states(self) -> list[BarrierState]:
        return [BarrierState("arm", ("entry",)), BarrierState("boom", position=Position.OPEN, fault="It hangs.")]

    def request(self, lane: str, cause: OpeningCause, *, who: str = "") -> OpeningOutcome:
        self.asked.append((lane, cause, who))
        return self.outcome

    def kill(self, who: str) -> None:
        self.killed = True
        if self.fails:
            raise StorageFailed("The kill switch cannot be written.")


class Program:
    """A service, and the settings that it follows."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.barriers = Barriers()
        self.settings = Settings()
        self.threads: list[threading.Thread] = []
        states = {"gate": CameraState.ONLINE, "old": CameraState.FAILED}
        self.service = MqttService(
            lambda: self.settings, lambda: states, self.barriers, lambda: open_reader(database.url, folder), spawn
        )

    def follow(self, broker: MqttBroker | None, **mqtt: object) -> None:
        there = {} if broker is None else {"host": "127.0.0.1", "port": broker.port, **mqtt}
        self.settings = Settings.model_validate(
            {
                "cameras": {"gate": {"source": "sample"}, "yard": {"source": "sample"}},
                "barriers": {"arm": {"driver": "http", "url": "http://127.0.0.1:9/"}},
                "lanes": {"entry": {"cameras": ["gate"], "barrier": "arm"}, "exit": {"cameras": ["yard"]}},
                "outward": {"mqtt": there},
            }
        )
        self.service.start()


@pytest.fixture
def program(database: Database, tmp_path: Path) -> Iterator[Program]:
    with closing(open_store(database.url, tmp_path, sole=True)):
        made = Program(database, tmp_path)
        yield made
        made.service.close()


def test_what_the_broker_is_told(program: Program) -> None:
    with running_broker() as broker, Listener(broker) as listener:
        program.follow(broker)
        listener.until(lambda: listener.last("streamwatch/status") == "online")
        assert listener.last_json("streamwatch/cameras/gate/state")["online"] == "ON"
        assert listener.last_json("streamwatch/cameras/yard/state")["state"] == "connecting"
        assert listener.last("streamwatch/cameras/old/state") is None
        assert listener.last_json("streamwatch/state")["inside"] == 0
        assert listener.last_json("streamwatch/lanes/exit/state")["barrier"] == ""
        assert listener.last_json("streamwatch/barriers/arm/state")["position"] == "not_reported"
        boom = listener.last_json("streamwatch/barriers/boom/state")
        assert (boom["position"], boom["fault"], boom["fault_text"]) == ("open", "ON", "It hangs.")


def test_what_commands_do(program: Program, caplog: pytest.LogCaptureFixture) -> None:
    with running_broker() as broker, Listener(broker) as listener:
        program.follow(broker, commands=["open", "kill"])
        listener.until(lambda: listener.last("streamwatch/status") == "online")
        listener.publish("streamwatch/lanes/exit/open", "OPEN")  # it has no barrier
        listener.publish("streamwatch/lanes/entry/open", "OPEN")
        until(lambda: program.barriers.asked == [("entry", OpeningCause.REMOTE, "mqtt")])
        program.barriers.outcome = OpeningOutcome("k", OpeningState.WITHHELD, WithheldReason.COOL_DOWN)
        until(lambda: program.service._link is not None and program.service._link._opening is None)
        listener.publish("streamwatch/lanes/entry/open", "OPEN")
        until(lambda: "to open lane entry opened nothing: withheld (cool down)." in caplog.text)


@pytest.mark.errors_expected
def test_a_kill_switch_that_cannot_be_written_is_on_all_the_same(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    program.barriers.fails = True
    with running_broker() as broker, Listener(broker) as listener:
        program.follow(broker, commands=["kill"])
        listener.until(lambda: listener.last("streamwatch/status") == "online")
        listener.publish("streamwatch/kill", "KILL")
        listener.until(lambda: listener.last_json("streamwatch/state").get("kill_switch") == "ON")
        assert "The kill switch cannot be written." in caplog.text


def test_other_settings_are_another_link(program: Program) -> None:
    with pytest.raises(ReceiverUnusable, match="no link"):
        program.service.sender()
    with running_broker() as broker, Listener(broker) as listener:
        program.follow(broker)
        listener.until(lambda: listener.last("streamwatch/status") == "online")
        program.follow(broker)  # nothing has changed
        program.follow(broker, prefix="site/gate")
        listener.until(lambda: listener.last("site/gate/status") == "online")
        assert listener.last("streamwatch/status") == "offline"
        assert [text for topic, text, _ in listener.messages if topic == "streamwatch/status"] == ["online", "offline"]
        program.follow(None)
        listener.until(lambda: listener.last("site/gate/status") == "offline")


def test_check_connects_beside_a_running_daemon(program: Program) -> None:
    with running_broker() as broker, Listener(broker) as listener:
        program.follow(broker)
        listener.until(lambda: listener.last("streamwatch/status") == "online")
        settings = MqttSettings(host="127.0.0.1", port=broker.port)
        assert "takes this client" in try_broker(settings)
        assert program.service.sender().send([]) is not None
        assert listener.last("streamwatch/status") == "online"
        broker.stop()
    with pytest.raises(ReceiverAway, match="refuses the connection"):
        try_broker(settings)
