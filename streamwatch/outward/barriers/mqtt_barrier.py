"""Relays and sensors behind an MQTT broker (paho-mqtt 2).

What opens is published over a connection of its own: a client that stays connected would send an opening again, late,
when it has lost its connection in the middle. It expires at the broker (MQTT 5): a relay that was away would be told
of it late, if its session is kept.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError
from streamwatch.core.redact import SecretText
from streamwatch.outward.barriers.barrier import DEADLINE, connect
from streamwatch.outward.barriers.exchange import certificates
from streamwatch.outward.barriers.readout import LONGEST_VALUE, Readout

STEP = 0.05
"""Seconds for which the connection is looked at in one go."""
LASTS = 2
"""Seconds after which a broker forgets an opening that its relay has not fetched: a late pulse is worse than none."""
KEEP_ALIVE = 10
"""Seconds between two signs of life of a sensor's connection."""
_SOCKET_FAULTS = (OSError, ValueError, paho.WebsocketConnectionError)


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT broker, and who asks it. authority: PEM file for TLS; None: the system's authorities."""

    host: str
    port: int
    tls: bool = False
    authority: Path | None = None
    user: str = ""
    password: SecretText | None = field(default=None, repr=False)

    def client(self, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311) -> paho.Client:
        """Return a client that is not connected yet and never connects again by itself. Raise BarrierError."""
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
        client.connect_timeout = DEADLINE
        if self.tls:
            client.tls_set_context(certificates(self.authority))
        if self.user:
            client.username_pw_set(self.user, None if self.password is None else self.password.get_secret_value())
        return client

    def connect(self, client: paho.Client, until: float) -> None:
        """Connect and wait for the broker's yes, until a time in monotonic seconds. Raise BarrierError."""
        answers: list[Any] = []
        client.on_connect = lambda _client, _data, _flags, code, _properties: answers.append(code)
        try:
            client.connect(self.host, self.port, keepalive=KEEP_ALIVE)
        except _SOCKET_FAULTS as error:
            reason = getattr(error, "strerror", None) or str(error) or "it did not answer in time"
            raise BarrierError(
                f"The broker {self.host} cannot be reached: {reason}.", "Check address, port and TLS."
            ) from None
        if not serve(client, lambda: bool(answers), until):
            raise BarrierError(f"The broker {self.host} did not answer within {DEADLINE:g} s.")
        if answers[0].is_failure:
            raise BarrierError(f"The broker {self.host} refuses: {answers[0]}.", "Check user and password.")


def serve(client: paho.Client, done: Callable[[], bool], until: float) -> bool:
    """Do the work of a connection until it is done; return False if that is not so in time or the connection ends."""
    while not done():
        left = until - time.monotonic()
        if left <= 0 or client.loop(min(STEP, left)) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            return done()
    return True


class MqttBarrier:
    """Publishes one message, never retained, for each thing that it is told."""

    times_holding = False

    def __init__(
        self, broker: Broker, topic: str, qos: int, open: str, hold: str, release: str, times_itself: bool
    ) -> None:
        """open, hold, release: payloads; hold and release may be empty."""
        self._broker, self._topic, self._qos = broker, topic, qos
        self._open, self._hold, self._release = open, hold, release
        self.times_itself, self.holds = times_itself, bool(hold)

    def open(self) -> None:
        """See Barrier."""
        self._publish(self._open, True)

    def hold(self) -> None:
        """See Barrier."""
        if not self._hold:
            raise BarrierError("This barrier cannot be held open.")
        self._publish(self._hold, True)

    def release(self) -> None:
        """See Barrier."""
        if self._release:
            self._publish(self._release, False)

    def reach(self) -> None:
        """See Barrier. The broker is there; of the relay behind it nothing is known."""
        connect(self._broker.host, self._broker.port)

    def end(self) -> None:
        """See Barrier."""

    def _publish(self, payload: str, doubtful: bool) -> None:
        until = time.monotonic() + DEADLINE
        client = self._broker.client(MQTTProtocolVersion.MQTTv5)
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if doubtful:  # a release may come late, an opening may not
            properties.MessageExpiryInterval = LASTS
        try:
            self._broker.connect(client, until)
            if time.monotonic() >= until:
                raise BarrierError(f"The broker {self._broker.host} did not answer within {DEADLINE:g} s.")
            sent: list[int] = []
            client.on_publish = lambda _client, _data, number, _code, _properties: sent.append(number)
            told = client.publish(self._topic, payload, self._qos, retain=False, properties=properties)
            if told.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise BarrierError(f"The broker {self._broker.host} broke off.", doubtful=doubtful)
            if not serve(client, lambda: told.mid in sent, until):
                raise BarrierError(
                    f"The broker {self._broker.host} has not acknowledged within {DEADLINE:g} s.", doubtful=doubtful
                )
        finally:
            _leave(client)


def _leave(client: paho.Client) -> None:
    try:
        client.disconnect()
        client.loop(STEP)
    except _SOCKET_FAULTS:
        pass
    if (left := client.socket()) is not None:
        left.close()


class MqttSensor:
    """Listens to a topic. Without a connection nothing is reported."""

    def __init__(self, broker: Broker, topic: str, readout: Readout, every: float) -> None:
        """every: seconds for which `position` listens."""
        self._broker, self._topic, self._readout, self._every = broker, topic, readout, every
        self._client: paho.Client | None = None
        self._last = ""

    def position(self) -> Position | None:
        """See Sensor."""
        if self._client is None:
            self._client = self._connected()
        until = time.monotonic() + self._every
        while (left := until - time.monotonic()) > 0:
            if self._client.loop(min(left, self._every)) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                self.end()
                raise BarrierError(f"The broker {self._broker.host} broke off.")
            if left < STEP:
                break
        return self._readout.position(self._last) if self._last else None

    def end(self) -> None:
        """See Sensor."""
        if self._client is not None:
            _leave(self._client)
        self._client, self._last = None, ""

    def _connected(self) -> paho.Client:
        client = self._broker.client()
        client.on_message = self._heard
        try:
            self._broker.connect(client, time.monotonic() + DEADLINE)
            client.subscribe(self._topic, 1)
        except BarrierError:
            _leave(client)
            raise
        return client

    def _heard(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self._last = message.payload[: 64 * LONGEST_VALUE].decode("utf-8", "replace")
