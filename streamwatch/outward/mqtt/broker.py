"""Connections to an MQTT broker. No other module of this room uses paho-mqtt.

paho keeps messages in memory only, and sends those without an acknowledgement again on its next connection. The durable
queue is the database, so each connection here is a client of its own, and nothing is left over from one to the next.
"""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from streamwatch.core.errors import DeliveryError, ReceiverAway, ReceiverUnusable
from streamwatch.outward.mqtt.message import Message

log = logging.getLogger(__name__)

KEEPALIVE = 30  # s; the broker tells the last will after one and a half times this
CONNECTING = 10.0  # s for name look-up, TLS and the broker's answer, each
ACKNOWLEDGING = 20.0  # s that the broker may take to acknowledge a batch
UNACKNOWLEDGED = 200  # messages on their way at once; with paho's 20, a third fewer events get through
LARGEST = 262_144  # bytes of a message from the broker
_LOOK = 0.5  # s between two looks if the connection is still there


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The broker, and how streamwatch is known there. tls: True for TLS; ca: a file with its own authority."""

    host: str
    port: int
    client_id: str
    user: str = ""
    password: str = ""
    tls: bool = False
    ca: Path | None = None

    @property
    def place(self) -> str:
        """Return host and port for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        """Return the place alone: the password may reach no log."""
        return f"BrokerAddress({self.place})"


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker. retained: it was kept there, so it is not new. at: monotonic seconds."""

    topic: str
    payload: bytes
    retained: bool
    at: float


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic, or a pattern of topics, and the highest quality of service of its messages."""

    topic: str
    qos: int = 1


class BrokerConnection:
    """One connection, from its beginning to its end. It is never restored: the next one is another object.

    error: what `received` raised; the connection has ended then.

    CONNECTING ──accepted──▶ OPEN ──lost, or closed──▶ ENDED
         └──────refused: the constructor raises
    """

    def __init__(self, broker: BrokerAddress, will: Message, received: Callable[[Received], None]) -> None:
        """Connect. will: published by the broker if this program dies. received: called in the library's thread.

        Raise ReceiverAway or ReceiverUnusable with a sentence that says why it did not succeed.
        """
        self._broker, self._received = broker, received
        self._answered, self._ended = threading.Event(), threading.Event()
        self._refusal: ReasonCode | None = None
        self.error: Exception | None = None
        client = self._client = Client(
            CallbackAPIVersion.VERSION2, broker.client_id, clean_session=True, reconnect_on_failure=False
        )
        client.connect_timeout = CONNECTING
        client.max_inflight_messages_set(UNACKNOWLEDGED)
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        if broker.user:
            client.username_pw_set(broker.user, broker.password or None)
        client.on_connect, client.on_disconnect, client.on_message = self._on_connect, self._on_disconnect, self._take
        self._connect()

    @property
    def open(self) -> bool:
        """Return True until the connection has ended."""
        return not self._ended.is_set()

    def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Ask for messages."""
        self._client.subscribe([(one.topic, one.qos) for one in subscriptions])

    def publish(self, message: Message) -> MQTTMessageInfo:
        """Publish at least once (QoS 1), without waiting."""
        return self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)

    def deliver(self, messages: Sequence[Message], given_up: Callable[[], bool] = lambda: False) -> None:
        """Publish, and wait until the broker has acknowledged all. Raise ReceiverAway if that does not happen.

        given_up: True once nobody waits for it any more.
        """
        sent = [self.publish(message) for message in messages]
        limit = time.monotonic() + ACKNOWLEDGING
        for info in sent:
            while not _is_acknowledged(info):
                if not self.open or given_up():
                    raise ReceiverAway(f"The MQTT broker {self._broker.place} closed the connection.")
                if time.monotonic() > limit:
                    self.close()
                    raise ReceiverAway(f"The MQTT broker {self._broker.place} acknowledges nothing.")

    def close(self) -> None:
        """End the connection; a second call does nothing. The broker does not publish the last will."""
        self._client.disconnect()
        self._client.loop_stop()
        self._ended.set()

    def _connect(self) -> None:
        broker, client = self._broker, self._client
        if broker.tls:
            client.tls_set_context(_trusted(broker.ca))
        failure = None
        try:
            client.connect(broker.host, broker.port, KEEPALIVE)
        except (OSError, ValueError) as error:
            failure = _failure(broker, error)
        if failure is not None:  # raised here, it does not keep the frames of the library, and with them a socket
            raise failure
        client.loop_start()
        # An end without an answer is an answer, too.
        answered = self._answered.wait(CONNECTING)
        if answered and self._refusal is None and self.open:
            return
        client.loop_stop()
        client.disconnect()
        self._ended.set()
        if self._refusal is not None:
            raise _refused(broker, self._refusal)
        if answered:
            raise ReceiverAway(
                f"{broker.place} closed the connection before it said yes.",
                f"Is it an MQTT broker, {'with' if broker.tls else 'without'} TLS on this port?",
            )
        raise ReceiverAway(f"{broker.place} does not answer as an MQTT broker.")

    def _on_connect(
        self, client: Client, userdata: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refusal = reason
        self._answered.set()

    def _on_disconnect(
        self,
        client: Client,
        userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._ended.set()
        self._answered.set()

    def _take(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        if len(message.payload) > LARGEST:
            log.warning("the MQTT broker sent a message of more than %d bytes; it is ignored", LARGEST)
            return
        try:
            self._received(Received(topic, bytes(message.payload), message.retain, time.monotonic()))
        except Exception as error:  # for the thread that owns this connection: nobody would see it here
            self.error = error
            client.disconnect()
            self._ended.set()


def _is_acknowledged(info: MQTTMessageInfo) -> bool:
    """Wait for a moment, and return True if the broker has acknowledged the message."""
    try:
        info.wait_for_publish(_LOOK)
        return info.is_published()
    except (RuntimeError, ValueError):  # it could not be sent; the caller looks at the connection
        time.sleep(_LOOK / 10)
        return False


def _trusted(ca: Path | None) -> ssl.SSLContext:
    """Return the context of TLS. ca: a file with the only authority to trust; None: the usual ones."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        reason = "it holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        raise ReceiverUnusable(f"outward.mqtt.tls_ca: {ca} cannot be used: {reason}.") from None


def _failure(broker: BrokerAddress, error: Exception) -> DeliveryError:
    place = f"The MQTT broker {broker.place}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return ReceiverUnusable(
            f"{place} shows a certificate that is not trusted: {error.verify_message}.",
            "If it is your own authority's, name its file in outward.mqtt.tls_ca.",
        )
    if isinstance(error, ssl.SSLError):
        return ReceiverUnusable(
            f"{place} does not speak TLS as it must.", "Check outward.mqtt.port and outward.mqtt.tls."
        )
    if isinstance(error, ConnectionRefusedError):
        return ReceiverAway(f"{place} refuses the connection.", "Does it run there, and is the port right?")
    if isinstance(error, socket.gaierror):
        return ReceiverAway(f"{place} cannot be found.", "Check outward.mqtt.host and the network.")
    if isinstance(error, TimeoutError):
        return ReceiverAway(f"{place} does not answer.", "Check outward.mqtt.host, port and the network.")
    if broker.tls and isinstance(error, ConnectionError):
        return ReceiverAway(f"{place} closed the connection at once.", "Does it speak TLS on this port?")
    return ReceiverAway(f"{place} cannot be reached.", "Check outward.mqtt.host and the network.")


def _refused(broker: BrokerAddress, reason: ReasonCode) -> DeliveryError:
    place, name = f"The MQTT broker {broker.place}", reason.getName()
    if name in ("Bad user name or password", "Not authorized"):
        what = "the user or the password" if broker.user else "clients without a user and a password"
        return ReceiverUnusable(f"{place} refuses {what}.", "Check outward.mqtt.user and password.")
    if name == "Client identifier not valid":
        return ReceiverUnusable(f"{place} refuses the client id {broker.client_id}.", "Change outward.mqtt.client_id.")
    return ReceiverAway(f"{place} refuses the connection: {name}.")
