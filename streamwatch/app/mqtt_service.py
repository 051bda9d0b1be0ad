"""The link to the MQTT broker in the daemon: what it is told, and what commands do.

mqtt   one thread, while the settings name a broker: keeps the link and the retained states, takes commands
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from streamwatch import __version__
from streamwatch.config.mqtt_settings import MqttSettings
from streamwatch.config.settings import Settings
from streamwatch.core.barrier_state import BarrierState, OpeningOutcome
from streamwatch.core.codes import CameraState, OpeningCause
from streamwatch.core.errors import ReceiverAway, ReceiverUnusable, StorageFailed, StoreError
from streamwatch.core.sentences import in_words
from streamwatch.outward.mqtt.broker import BrokerAddress, BrokerConnection
from streamwatch.outward.mqtt.commands import Commands
from streamwatch.outward.mqtt.facts import NOT_REPORTED, BarrierFacts, CameraFacts, Facts, LaneFacts
from streamwatch.outward.mqtt.link import BrokerLink, MqttSender
from streamwatch.outward.mqtt.message import Message
from streamwatch.outward.mqtt.topics import Topics
from streamwatch.store import DatabaseReader

log = logging.getLogger(__name__)

RECEIVER = "mqtt"
"""The name of the receiver of events, and of whoever gives a command, in the database."""
INSIDE_FOR = 1.5
"""Seconds for which the number of vehicles inside is not asked for again."""
ENDING, CLOSING = 25.0, 4.0
"""Seconds that the thread may take to end: after a reload, when it may be in the middle of connecting; and at the end
of the program, which does not wait for that.
"""

Spawn = Callable[[Callable[[], None], str], threading.Thread]


class BarrierControl(Protocol):
    """What commands do with barriers. See `Barriers`."""

    @property
    def killed(self) -> bool:
        """True if nothing opens."""

    def states(self) -> Sequence[BarrierState]:
        """Return how all barriers stand."""

    def request(self, lane: str, cause: OpeningCause, *, who: str = "") -> OpeningOutcome:
        """Open the barrier of a lane once."""

    def kill(self, who: str) -> None:
        """Turn the kill switch on. Raise StorageFailed."""


class MqttService:
    """Runs the link that the settings in force want.

    connected: called after each new connection, so that what waits is sent. killed: called after a command has stopped
    all openings, so that the audit log has it.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        cameras: Callable[[], Mapping[str, CameraState]],
        barriers: BarrierControl,
        open_reader: Callable[[], DatabaseReader],
        spawn: Spawn,
    ) -> None:
        """cameras: returns the state of each. open_reader: called once there is a link."""
        self._settings, self._cameras, self._barriers = settings, cameras, barriers
        self._open_reader, self._spawn = open_reader, spawn
        self.connected: Callable[[], None] = lambda: None
        self.killed: Callable[[], None] = lambda: None
        self._reader: DatabaseReader | None = None
        self._link: BrokerLink | None = None
        self._thread: threading.Thread | None = None
        self._in_force = MqttSettings()
        self._number_inside: int | None = None
        self._inside_until = 0.0

    def start(self) -> None:
        """Bring the settings into effect: start, replace or end the link. Raise StoreError."""
        wanted = self._settings().outward.mqtt
        if wanted == self._in_force and (self._thread is None or self._thread.is_alive()):
            return
        self.stop()
        self._in_force = wanted
        if wanted.host:
            if self._reader is None:
                self._reader = self._open_reader()
            link = self._link = self._make(wanted)
            self._thread = self._spawn(lambda: link.run(lambda: False), "mqtt")

    def stop(self, seconds: float = ENDING) -> None:
        """End the link: the broker is told that the program ends. seconds: that it may take."""
        if self._link is not None and self._thread is not None:
            self._link.close()
            self._thread.join(seconds)
            if self._thread.is_alive():
                log.warning("the link to the MQTT broker does not end")
        self._link = self._thread = None

    def close(self) -> None:
        """End the link and close the database."""
        self.stop(CLOSING)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def sender(self) -> MqttSender:
        """Return a sender of events over the link. Raise ReceiverUnusable if there is none."""
        if self._link is None:
            raise ReceiverUnusable("There is no link to an MQTT broker.", "Write outward.mqtt.host.")
        return MqttSender(self._link)

    def facts(self) -> Facts:
        """Return what the broker is told of the program at this moment."""
        settings, states = self._settings(), self._cameras()
        return Facts(
            version=__version__,
            cameras=tuple(
                CameraFacts(
                    name, states.get(name) is CameraState.ONLINE, states.get(name, CameraState.CONNECTING).value
                )
                for name in settings.cameras
            ),
            lanes=tuple(
                LaneFacts(name, lane.way.value, lane.mode.value, lane.barrier or "")
                for name, lane in settings.lanes.items()
            ),
            barriers=tuple(_facts_of(state) for state in self._barriers.states()),
            killed=self._barriers.killed,
            inside=self._inside() if settings.lanes else None,
        )

    def _make(self, wanted: MqttSettings) -> BrokerLink:
        broker = broker_of(wanted)
        commands = Commands(tuple(wanted.commands), self._lanes, self._open, self._kill)
        topics = Topics(wanted.prefix, wanted.discovery)
        return BrokerLink(broker, topics, self.facts, commands, connected=lambda: self.connected())

    def _lanes(self) -> list[str]:
        """Return the lanes that can be opened."""
        return [name for name, lane in self._settings().lanes.items() if lane.barrier]

    def _open(self, lane: str) -> None:
        """Open a lane by command. Raise ReceiverAway with the reason if it was not opened."""
        outcome = self._barriers.request(lane, OpeningCause.REMOTE, who=RECEIVER)
        if not outcome.opened:
            why = f" ({in_words(outcome.reason)})" if outcome.reason else ""
            raise ReceiverAway(outcome.detail or f"{in_words(outcome.state)}{why}.")

    def _kill(self) -> None:
        try:
            self._barriers.kill(RECEIVER)
        except StorageFailed as error:  # it is on until this process ends
            log.error("%s", error)
        self.killed()

    def _inside(self) -> int | None:
        """Return how many vehicles are inside; the database is asked now and then."""
        now = time.monotonic()
        if now >= self._inside_until and self._reader is not None:
            self._number_inside, self._inside_until = None, now + INSIDE_FOR
            with suppress(StoreError):
                self._number_inside = self._reader.decisions.number_inside()
        return self._number_inside


def broker_of(settings: MqttSettings, more: str = "") -> BrokerAddress:
    """Return the broker of the settings. more: end of the client id, for a second connection beside the daemon's."""
    password = "" if settings.password is None else settings.password.get_secret_value()
    client = settings.client_id or settings.prefix.replace("/", "-")
    return BrokerAddress(
        settings.host, settings.broker_port, client + more, settings.user, password, settings.tls, settings.tls_ca
    )


def try_broker(settings: MqttSettings) -> str:
    """Connect once, publish nothing, and return what was found. Raise DeliveryError."""
    broker = broker_of(settings, "-check")
    will = Message(f"{settings.prefix}/check", "")
    BrokerConnection(broker, will, lambda _: None).close()
    return f"the broker {broker.place} takes this client"


def _facts_of(state: BarrierState) -> BarrierFacts:
    position = NOT_REPORTED if state.position is None else state.position.value
    return BarrierFacts(state.name, position, state.fault, state.held_until)
