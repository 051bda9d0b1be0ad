"""The link to a broker: it is kept up, its retained states are kept right, and commands are taken from it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from streamwatch.core.errors import DeliveryError, ReceiverAway, StreamwatchError
from streamwatch.core.text import printable
from streamwatch.outward.mqtt.board import Board
from streamwatch.outward.mqtt.broker import CONNECTING, BrokerAddress, BrokerConnection, Received, Subscription
from streamwatch.outward.mqtt.commands import Commands, OpenCommand, is_late
from streamwatch.outward.mqtt.facts import Facts
from streamwatch.outward.mqtt.message import Message
from streamwatch.outward.mqtt.told import event_messages
from streamwatch.outward.mqtt.topics import Topics
from streamwatch.store import EventRow

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0  # s between two looks at the state of the program
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # s between two tries to connect
ENDING = 2.0  # s that a broker may take to be told of the end
QUIET_FOR = 60.0  # s for which the same refusal of a command is not logged again


class BrokerLink:
    """Works in a thread of its own, in which `run` is called.

    AWAY ──connected──▶ THERE ──lost──▶ AWAY ──pause, then again──▶ …
    """

    def __init__(
        self,
        broker: BrokerAddress,
        topics: Topics,
        facts: Callable[[], Facts],
        commands: Commands,
        console: str = "",
        connected: Callable[[], None] = lambda: None,
    ) -> None:
        """facts: returns the state of the program. connected: called after each new connection."""
        self.topics = topics
        self._broker, self._facts, self._commands, self._connected = broker, facts, commands, connected
        self._board = Board(topics, commands.allowed, console)
        self._changed = threading.Condition()
        self._connection: BrokerConnection | None = None
        self._why: DeliveryError | None = None
        self._opening: OpenCommand | None = None
        self._refused_at: dict[str, float] = {}
        self._closed = self._news = False

    def run(self, over: Callable[[], bool]) -> None:
        """Keep the link up until it is over, or closed. over: True once the program ends."""
        pause = FIRST_PAUSE
        while not (over() or self._closed):
            connection = self._connect()
            if connection is not None:
                began = time.monotonic()
                try:
                    self._serve(connection, over)
                finally:
                    self._end(connection)
                if time.monotonic() - began > LONGEST_PAUSE:
                    pause = FIRST_PAUSE
            self._sleep(pause, over)
            pause = min(LONGEST_PAUSE, pause * 2)

    def connection(self, given_up: Callable[[], bool] = lambda: False) -> BrokerConnection:
        """Return the connection; before the first one, wait for it. Raise DeliveryError if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._connection or self._why or self._closed or given_up(), 2 * CONNECTING)
            if self._connection is not None:
                return self._connection
            raise self._why or ReceiverAway(f"The MQTT broker {self._broker.place} is not connected yet.")

    def tell(self, events: Sequence[EventRow]) -> None:
        """Take up the last plates of events that the broker has."""
        self._board.tell(events, time.monotonic())
        self.wake()

    def wake(self) -> None:
        """Have whoever waits look again. From any thread."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the link. From any thread."""
        self._closed = True
        self.wake()

    def _connect(self) -> BrokerConnection | None:
        will = Message(self.topics.status, "offline", retain=True)
        try:
            connection = BrokerConnection(self._broker, will, self._take)
        except DeliveryError as error:
            if self._why is None or str(self._why) != str(error):
                log.warning("%s The broker is tried again and again; events wait.", error)
            self._say(None, error)
            return None
        self._board.forget()
        # First: what the broker has retained until now is compared with what is published next.
        patterns = [*self.topics.kept, *((self.topics.config, self.topics.birth) if self.topics.discovery else ())]
        connection.subscribe([*map(Subscription, patterns), *self._commands.subscriptions(self.topics)])
        self._publish(connection)
        connection.publish(Message(self.topics.status, "online", retain=True))
        log.info("connected to the MQTT broker %s", self._broker.place)
        self._say(connection, None)
        self._connected()
        return connection

    def _serve(self, connection: BrokerConnection, over: Callable[[], bool]) -> None:
        """Keep the broker informed until the connection ends. Raise what a callback raised."""
        while connection.open and not (over() or self._closed):
            self._publish(connection)
            self._open()
            with self._changed:
                self._changed.wait_for(lambda: self._news, LOOK_EVERY)
                self._news = False
        if connection.error is not None:
            raise connection.error

    def _publish(self, connection: BrokerConnection) -> None:
        for message in self._board.due(self._facts(), time.monotonic()):
            connection.publish(message)

    def _open(self) -> None:
        """Carry out a command to open, if there is one."""
        command = self._opening
        if command is None:
            return
        try:
            if is_late(command):
                raise ReceiverAway("it waited too long.")
            self._commands.open(command.lane)
        except StreamwatchError as error:
            log.warning("a command by MQTT to open lane %s opened nothing: %s", command.lane, error)
        finally:
            self._opening = None

    def _end(self, connection: BrokerConnection) -> None:
        if connection.open:
            until = time.monotonic() + ENDING
            with suppress(DeliveryError):
                offline = Message(self.topics.status, "offline", retain=True)
                connection.deliver([offline], lambda: time.monotonic() > until)
        else:
            log.warning("the MQTT broker %s closed the connection", self._broker.place)
        connection.close()
        self._say(
            None,
            ReceiverAway(
                f"The MQTT broker {self._broker.place} closed the connection.",
                "If this comes again and again, another program uses the same outward.mqtt.client_id.",
            ),
        )

    def _take(self, message: Received) -> None:
        """Sort a message from the broker; called in the library's thread."""
        if self._commands.is_kill(message, self.topics):
            log.warning("a command by MQTT stops all openings")
            self._commands.kill()
        elif (command := self._commands.opening(message, self.topics)) is not None:
            self._take_command(message, command)
        elif self.topics.discovery and message.topic == self.topics.birth:
            if not message.retained and message.payload == b"online":
                self._board.describe_again()
        elif message.retained:
            self._board.found(message.topic, message.payload)
        else:
            return
        self.wake()

    def _take_command(self, message: Received, command: OpenCommand | str) -> None:
        if isinstance(command, OpenCommand):
            if self._opening is not None:
                command = "another one is being carried out, and none waits behind it"
            else:
                self._opening = command
                return
        now = time.monotonic()
        if now - self._refused_at.get(command, -QUIET_FOR) >= QUIET_FOR:
            self._refused_at[command] = now
            log.warning("a command by MQTT on %s opened nothing: %s", printable(message.topic)[:200], command)

    def _say(self, connection: BrokerConnection | None, why: DeliveryError | None) -> None:
        with self._changed:
            self._connection, self._why = connection, why
            self._changed.notify_all()

    def _sleep(self, seconds: float, over: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while (left := until - time.monotonic()) > 0 and not (over() or self._closed):
                self._changed.wait(min(left, 0.5))


class MqttSender:
    """Sends events over a link that others may use, too; see `Sender` of the delivery."""

    most = 100

    def __init__(self, link: BrokerLink) -> None:
        self._link = link
        self._closed = False

    def send(self, events: Sequence[EventRow]) -> str:
        """Publish events and wait until the broker has acknowledged them. Raise DeliveryError."""
        connection = self._link.connection(lambda: self._closed)
        messages = [message for event in events for message in event_messages(event, self._link.topics)]
        connection.deliver(messages, lambda: self._closed)
        self._link.tell(events)
        return "The broker has acknowledged it."

    def close(self) -> None:
        """End all waits. The link goes on."""
        self._closed = True
        self._link.wake()
