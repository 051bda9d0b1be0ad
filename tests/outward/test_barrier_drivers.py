"""Each driver tells a real relay the right thing once, and says in one sentence what went wrong."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from brokers import MQTT_PASSWORD, Listener, retained, running_broker
from brokers import USER as BROKER_USER
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import TypeAdapter
from relays import (
    PASSWORD,
    USER,
    closes,
    drips,
    floods,
    hangs,
    http_relay,
    modbus_relay,
    status,
    wait_until,
)

from streamwatch.app.barrier_drivers import make_barrier, make_sensor
from streamwatch.config.barrier_settings import BarrierSettings, SensorSettings
from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers import barrier as deadlines
from streamwatch.outward.barriers import mqtt_barrier
from streamwatch.outward.barriers.barrier import Barrier, Sensor
from streamwatch.outward.barriers.camera_barrier import CameraRelays
from streamwatch.system.threads import spawn

BARRIERS: TypeAdapter[Any] = TypeAdapter(BarrierSettings)
SENSORS: TypeAdapter[Any] = TypeAdapter(SensorSettings)


def driver(**settings: Any) -> Barrier:
    return make_barrier(BARRIERS.validate_python(settings), CameraRelays())


def sensor(**settings: Any) -> Sensor:
    return make_sensor(SENSORS.validate_python(settings))


@pytest.mark.parametrize(
    ("settings", "opens", "holds", "releases"),
    [
        (
            {"driver": "shelly"},
            "GET /rpc/Switch.Set?id=0&on=true&toggle_after=0.5",
            "GET /rpc/Switch.Set?id=0&on=true&toggle_after=60",
            "GET /rpc/Switch.Set?id=0&on=false",
        ),
        (
            {"driver": "shelly", "generation": 1, "channel": 1, "pulse": "1s"},
            "GET /relay/1?turn=on&timer=1",
            "GET /relay/1?turn=on&timer=60",
            "GET /relay/1?turn=off",
        ),
        (
            {"driver": "tasmota"},
            "GET /cm?cmnd=Backlog0%20PulseTime1%205%3B%20Power1%20ON",
            "GET /cm?cmnd=Backlog0%20PulseTime1%20160%3B%20Power1%20ON",
            "GET /cm?cmnd=Power1%20OFF",
        ),
        ({"driver": "isapi", "output": 2}, "PUT /ISAPI/System/IO/outputs/2/trigger", None, None),
    ],
)
def test_a_relay_that_times_itself_is_told_how_long(
    settings: dict[str, Any], opens: str, holds: str | None, releases: str | None
) -> None:
    with http_relay() as relay:
        one = driver(address=relay.url, **settings)
        assert (one.times_itself, one.holds) == (True, holds is not None)
        one.open()
        if holds:
            one.hold()
        one.release()
        assert relay.orders == [order for order in (opens, holds, releases) if order]
        one.end()


def test_any_request_can_be_an_opening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with http_relay() as relay:
        monkeypatch.setenv("RELAY", "a b&c")
        settings = {
            "driver": "http",
            "url": f"{relay.url}/open?key=${{RELAY}}",
            "method": "POST",
            "headers": {"X-Token": "${RELAY}"},
            "body": '{"go": 1}',
            "hold_url": f"{relay.url}/hold",
            "release_url": f"{relay.url}/release",
        }
        one = driver(**settings)
        for act in (one.open, one.hold, one.release):
            act()
        assert relay.orders == ["POST /open?key=a%20b%26c", "POST /hold", "POST /release"]
        assert relay.bodies == ['{"go": 1}', "", ""]
        assert [headers["X-Token"] for headers in relay.headers] == ["a b&c"] * 3
        assert "a b" not in repr(BARRIERS.validate_python(settings))
        one.end()


def test_a_password_is_sent_by_digest_where_the_device_wants_it() -> None:
    with http_relay(digest=True) as relay:
        for settings in ({"driver": "shelly"}, {"driver": "isapi", "user": USER}):
            one = driver(address=relay.url, password=PASSWORD, **settings)
            one.open()
            one.end()
        assert len(relay.orders) == 2
        wrong = driver(address=relay.url, password="other", driver="shelly")
        with pytest.raises(BarrierError, match=r"^127\.0\.0\.1 refused with status 401\. Check user and password\.$"):
            wrong.open()
        assert len(relay.orders) == 2
        wrong.end()


@pytest.mark.parametrize(
    ("behaviour", "said", "doubtful"),
    [
        (status(500), "answered with status 500", True),
        (status(404), "answered with status 404", False),
        (status(302), "redirects (status 302)", False),
        (hangs, "did not answer within 1.5 s", True),
        (drips, "did not answer within 1.5 s", True),
        (closes, "broke off", True),
    ],
)
def test_a_relay_that_misbehaves_is_told_once(behaviour: Any, said: str, doubtful: bool) -> None:
    with http_relay(behaviour=behaviour) as relay:
        one = driver(driver="http", url=f"{relay.url}/open?key=invented-key")
        with pytest.raises(BarrierError) as caught:
            one.open()
        assert said in str(caught.value)
        assert caught.value.doubtful is doubtful
        assert "invented-key" not in str(caught.value)
        assert relay.orders == ["GET /open?key=invented-key"]
        one.end()


def test_an_endless_answer_is_not_read() -> None:
    with http_relay(behaviour=floods) as relay:
        one = driver(driver="http", url=f"{relay.url}/open")
        one.open()
        assert len(relay.orders) == 1
        one.end()


def test_a_relay_that_is_not_there_was_told_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for one in (
        driver(driver="shelly", address=f"http://127.0.0.1:{port}"),
        driver(driver="modbus", host="127.0.0.1", port=port),
    ):
        with pytest.raises(BarrierError, match=r"cannot be reached: Connection refused\. Check") as caught:
            one.open()
        assert not caught.value.doubtful
        one.end()


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    certificate, key = tmp_path / "relay.pem", tmp_path / "relay.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=relay"]
    subprocess.run(["openssl", *new, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

        thread = spawn(shake_hands, "tls")
        one = driver(driver="shelly", address=f"https://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(BarrierError, match="its certificate or its TLS is not accepted") as caught:
            one.open()
        assert not caught.value.doubtful
        one.end()
        thread.join(20)


def test_modbus_flashes_a_coil_in_the_device_or_switches_it() -> None:
    with modbus_relay() as relay:
        timed = driver(driver="modbus", host="127.0.0.1", port=relay.port, unit=3, coil=2, pulse="700ms")
        timed.open()
        assert timed.times_itself
        ours = driver(driver="modbus", host="127.0.0.1", port=relay.port, coil=2, timed_by="program")
        ours.open()
        ours.hold()
        ours.release()
        assert not ours.times_itself
        assert relay.told == [(3, 5, 0x0202, 7), (1, 5, 2, 0xFF00), (1, 5, 2, 0xFF00), (1, 5, 2, 0)]
        relay.in_parts = True
        ours.open()
        relay.fault = 2
        with pytest.raises(BarrierError, match="refused: it has no such coil or input") as caught:
            ours.open()
        assert not caught.value.doubtful
        relay.fault, relay.silent = 0, True
        with pytest.raises(BarrierError, match="broke off: it did not answer in time") as caught:
            ours.open()
        assert caught.value.doubtful
        assert len(relay.told) == 7


def test_a_modbus_input_tells_the_position() -> None:
    with modbus_relay() as relay:
        one = sensor(driver="modbus", host="127.0.0.1", port=relay.port, input=4, low=None)
        assert one.position() is None
        relay.inputs[4] = True
        assert one.position() is Position.OPEN
        assert relay.told == [(1, 2, 4, 1)] * 2


@pytest.mark.parametrize(
    ("answer", "settings", "position"),
    [
        ('{"input": [{"on": true}]}', {"field": "input.0.on", "open": "true", "closed": "false"}, Position.OPEN),
        ('{"state": "shut"}', {"field": "state", "closed": "shut|down"}, Position.CLOSED),
        ("  closed\n", {}, Position.CLOSED),
        ("closed for repair", {}, None),
    ],
)
def test_an_answer_tells_the_position(answer: str, settings: dict[str, str], position: Position | None) -> None:
    with http_relay(answer=answer) as relay:
        one = sensor(driver="http", url=f"{relay.url}/state", **settings)
        assert one.position() is position
        one.end()


def test_a_sensor_without_the_value_says_so() -> None:
    with http_relay(answer="[1]") as relay:
        one = sensor(driver="http", url=f"{relay.url}/state", field="a.b")
        with pytest.raises(BarrierError, match=r"The sensor's JSON has no 'a\.b'"):
            one.position()
        relay.answer = "<html>"
        with pytest.raises(BarrierError, match="sends no JSON"):
            one.position()
        one.end()


def test_mqtt_publishes_once_and_retains_nothing() -> None:
    with running_broker(password=True) as broker, Listener(broker) as listener:
        common = {"host": "127.0.0.1", "broker_port": broker.port, "user": BROKER_USER, "password": MQTT_PASSWORD}
        one = driver(driver="mqtt", topic="gate/relay", hold_payload="HOLD", release_payload="OFF", **common)
        for act in (one.open, one.hold, one.release):
            act()
        listener.until(lambda: len(listener.payloads("gate/relay")) == 3)
        assert listener.payloads("gate/relay") == ["ON", "HOLD", "OFF"]
        assert "gate/relay" not in retained(broker)
        wrong = driver(driver="mqtt", topic="gate/relay", **{**common, "password": "other"})
        with pytest.raises(BarrierError, match="refuses") as caught:
            wrong.open()
        assert not caught.value.doubtful
        broker.pause()
        with pytest.raises(BarrierError, match=r"did not answer within 1\.5 s") as caught:
            one.open()
        assert not caught.value.doubtful
    with pytest.raises(BarrierError, match="cannot be reached") as caught:
        one.open()
    assert not caught.value.doubtful


def test_a_relay_that_was_away_is_not_told_later_to_open() -> None:
    heard: list[bytes] = []

    @contextmanager
    def connected() -> Iterator[None]:
        """Be the relay, whose session the broker keeps."""
        joined = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="relay", clean_session=False)
        client.on_message = lambda _client, _data, message: heard.append(message.payload)
        client.on_subscribe = lambda *_: joined.set()
        client.connect("127.0.0.1", broker.port)
        client.subscribe("gate/relay", 1)
        client.loop_start()
        assert joined.wait(20)
        yield
        client.disconnect()
        client.loop_stop()

    with running_broker() as broker, Listener(broker) as listener:
        with connected():
            pass
        one = driver(
            driver="mqtt", host="127.0.0.1", broker_port=broker.port, topic="gate/relay", release_payload="OFF"
        )
        one.open()
        time.sleep(mqtt_barrier.LASTS + 1.5)  # the broker counts whole seconds
        one.release()
        with connected():
            listener.publish("gate/relay", "the next one")
            wait_until(lambda: b"the next one" in heard)
    assert heard == [b"OFF", b"the next one"]


def test_a_topic_tells_the_position_while_the_broker_is_there() -> None:
    with running_broker() as broker, Listener(broker) as listener:
        one = sensor(driver="mqtt", host="127.0.0.1", broker_port=broker.port, topic="gate/position", every="200ms")
        assert one.position() is None
        listener.publish("gate/position", "open")
        wait_until(lambda: one.position() is Position.OPEN)
        listener.publish("gate/position", "closed", retain=True)
        wait_until(lambda: one.position() is Position.CLOSED)
        broker.stop()
        with pytest.raises(BarrierError, match="broke off"):
            wait_until(lambda: one.position() is None)
        with pytest.raises(BarrierError, match="cannot be reached"):
            one.position()
        broker.start()
        assert one.position() is None  # what was known before may be wrong by now
        one.end()


def test_a_program_opens_and_gets_no_shell(tmp_path: Path) -> None:
    script = "import os, sys; open(sys.argv[1], 'a').write(os.environ['PULSE'] + sys.argv[2])"
    one = driver(driver="command", command=[sys.executable, "-c", script, str(tmp_path / "told"), "$HOME;x"])
    one.open()
    assert (tmp_path / "told").read_text() == "0.5$HOME;x"
    with pytest.raises(BarrierError, match="ended with exit code 3"):
        driver(driver="command", command=[sys.executable, "-c", "raise SystemExit(3)"]).open()
    with pytest.raises(BarrierError, match="cannot be started: No such file or directory"):
        driver(driver="command", command=[str(tmp_path / "none")]).open()


def test_a_program_that_hangs_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that ignores SIGTERM is ended, too."""
    script = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    open({str(tmp_path / "child")!r}, "w").write(str(child))
time.sleep(600)
"""
    one = driver(driver="command", command=[sys.executable, "-c", script])
    with pytest.raises(BarrierError, match=r"had not ended after 2 s and was killed") as caught:
        one.open()
    assert caught.value.doubtful
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not _lives(child))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_line_that_is_not_there_is_said() -> None:
    pytest.importorskip("gpiod")
    one = driver(driver="gpio", chip="/dev/none", line=3)
    assert not one.times_itself
    with pytest.raises(BarrierError, match=r"Line 3 of /dev/none cannot be used: No such file or directory"):
        one.open()
    with pytest.raises(BarrierError, match=r"Line 3 of /dev/none"):
        sensor(driver="gpio", chip="/dev/none", line=3).position()
    one.end()


def test_no_driver_may_take_longer_than_an_opening_is_worth() -> None:
    assert deadlines.DEADLINE == 1.5
