"""Start real MQTT brokers for tests (Debian's mosquitto), and listen to them with a client of their own."""

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from daemons import free_port
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

USER, MQTT_PASSWORD = "gate", "invented-broker-password"
WAIT = 60.0  # s for what must come


def mosquitto() -> str | None:
    """Return Debian's broker."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def missing() -> str:
    """Return the reason why no broker can be started here; empty if one can."""
    return "" if mosquitto() else "no MQTT broker here: apt install mosquitto"


def until(what: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
    """Wait until `what` is true."""
    limit = time.monotonic() + WAIT
    while not what():
        assert time.monotonic() < limit, told()
        time.sleep(0.02)


class MqttBroker:
    """A broker that can be stopped, killed and started again; what it retains stays only while it runs.

    tls: paths of certificate and key, for TLS. password: True if it takes only USER with MQTT_PASSWORD.
    """

    def __init__(self, password: bool = False, tls: tuple[Path, Path] | None = None) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="broker"))
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}", "persistence false"]
        lines.append(f"allow_anonymous {'false' if password else 'true'}")
        if password:
            file = self.folder / "passwords"
            file.touch(0o600)
            subprocess.run(
                ["mosquitto_passwd", "-b", str(file), USER, MQTT_PASSWORD], check=True, capture_output=True, timeout=60
            )
            lines.append(f"password_file {file}")
        if tls is not None:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        self.tls = tls
        (self.folder / "conf").write_text("\n".join(lines))

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        program = mosquitto()
        assert program is not None
        with open(self.folder / "log", "ab") as out:
            self._process = subprocess.Popen([program, "-v", "-c", str(self.folder / "conf")], stdout=out, stderr=out)
        until(lambda: "mosquitto version" in self.log() and self._listens(), self.log)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None

    def pause(self) -> None:
        """Have it hang."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def log(self) -> str:
        """Return what it has logged."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def end(self) -> None:
        """End it, and remove its files."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except OSError:
            return False
        return True


@contextmanager
def running_broker(password: bool = False, tls: tuple[Path, Path] | None = None) -> Iterator[MqttBroker]:
    """Run a broker, or skip the test where there is none."""
    if why := missing():
        pytest.skip(why)
    broker = MqttBroker(password, tls)
    try:
        broker.start()
        yield broker
    finally:
        broker.end()


class Listener:
    """A client that hears everything. messages: all that came, as (topic, payload, retained), in order."""

    def __init__(self, broker: MqttBroker, pattern: str = "#") -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self._ready = threading.Event()
        self._client = client = Client(CallbackAPIVersion.VERSION2, clean_session=True)
        client.on_message = self._take
        client.on_connect = lambda *_: client.subscribe(pattern, qos=1) and None
        client.on_subscribe = lambda *_: self._ready.set()
        if broker.tls is not None:
            client.tls_set(str(broker.tls[0]))
        client.username_pw_set(USER, MQTT_PASSWORD)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        assert self._ready.wait(WAIT)

    def _take(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        self.messages.append((message.topic, message.payload.decode(), message.retain))

    def payloads(self, topic: str) -> list[str]:
        """Return what came on a topic, without what the broker had retained before."""
        return [payload for at, payload, retained in list(self.messages) if at == topic and not retained]

    def last(self, topic: str) -> str | None:
        """Return the last payload of a topic, also a retained one."""
        return next((payload for at, payload, _ in reversed(list(self.messages)) if at == topic), None)

    def last_json(self, topic: str) -> Any:
        """Return the last payload of a topic as JSON; an empty dictionary before there is one."""
        return json.loads(self.last(topic) or "{}")

    def until(self, what: Callable[[], bool]) -> None:
        """Wait until `what` is true."""
        until(what, lambda: self.messages[-30:])

    def publish(self, topic: str, payload: str, retain: bool = False) -> None:
        """Publish and wait for the acknowledgement."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT)

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def retained(broker: MqttBroker, pattern: str = "#") -> dict[str, str]:
    """Return what a broker retains, by topic."""
    mark = f"{pattern.removesuffix('#')}tests"
    with Listener(broker, pattern) as listener:
        # What follows a publication of our own on a topic that is heard comes after all that was retained.
        listener.publish(mark, "")
        listener.until(lambda: (mark, "", False) in listener.messages)
        return {topic: payload for topic, payload, kept in listener.messages if kept}
