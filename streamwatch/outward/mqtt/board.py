"""The retained messages that a broker should hold, and those that it holds already."""

import json
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime

from streamwatch.outward.mqtt.discovery import AUTHORISED_FOR, as_payload, description, without
from streamwatch.outward.mqtt.facts import Facts, known_topics, state_messages
from streamwatch.outward.mqtt.message import Message
from streamwatch.outward.mqtt.told import allowed_lane, plate_messages
from streamwatch.outward.mqtt.topics import Topics
from streamwatch.store import EventRow

MOST_LEFTOVERS = 1000
"""Retained topics that are remembered until they are removed; a broker that sends more is not asked again."""


class Board:
    """Says what must be published. Threads may share it.

    `authorised` is ON for a minute only. ON is not retained: if this program dies in that minute, nobody who comes
    later is told that a vehicle may pass.
    """

    def __init__(self, topics: Topics, commands: Collection[str], console: str = "") -> None:
        """commands: those that are allowed. console: its address, for Home Assistant."""
        self._topics, self._commands, self._console = topics, tuple(commands), console
        self._lock = threading.Lock()
        self._held: dict[str, str] = {}
        self._plates: dict[str, Message] = {}
        self._authorised: dict[str, float] = {}
        self._described: object = None
        self._leftovers: set[str] = set()

    def forget(self) -> None:
        """Take the broker for empty: the connection is a new one."""
        with self._lock:
            self._held.clear()

    def describe_again(self) -> None:
        """Have the description for Home Assistant published once more."""
        with self._lock:
            self._held.pop(self._topics.config, None)

    def found(self, topic: str, payload: bytes) -> None:
        """Note a message that the broker had retained before."""
        if not payload:
            return
        with self._lock:
            if topic == self._topics.config:
                self._described = _parsed(payload)
                self._held.pop(topic, None)
            elif len(self._leftovers) < MOST_LEFTOVERS:
                self._leftovers.add(topic)

    def tell(self, events: Sequence[EventRow], monotonic: float, now: Callable[[], datetime] | None = None) -> None:
        """Take up what events change: the last plates, and which lane has just allowed a vehicle."""
        wall = datetime.now(UTC) if now is None else now()
        with self._lock:
            for event in events:
                self._plates |= {message.topic: message for message in plate_messages(event, self._topics)}
                lane = allowed_lane(event)
                left = AUTHORISED_FOR - max(0.0, (wall - event.occurred_at).total_seconds())
                if lane is not None and left > 0:
                    self._authorised[self._topics.of("lanes", lane, "authorised")] = monotonic + left

    def due(self, facts: Facts, monotonic: float) -> list[Message]:
        """Return what must be published now, in order, and take it for published."""
        with self._lock:
            return [
                *self._description(facts),
                *self._states(facts),
                *self._authorisations(facts, monotonic),
                *self._removals(facts),
            ]

    def _description(self, facts: Facts) -> Iterator[Message]:
        if not self._topics.discovery:
            return
        new = description(facts, self._topics, self._commands, self._console)
        payload, topic = as_payload(new), self._topics.config
        if self._held.get(topic) == payload:
            return
        if (first := without(self._described, new)) is not None:
            yield Message(topic, as_payload(first), retain=True)
        self._held[topic], self._described = payload, new
        yield Message(topic, payload, retain=True)

    def _states(self, facts: Facts) -> Iterator[Message]:
        known = known_topics(facts, self._topics)
        plates = [message for topic, message in self._plates.items() if topic in known]
        for message in (*state_messages(facts, self._topics), *plates):
            if self._held.get(message.topic) != message.payload:
                self._held[message.topic] = message.payload
                yield message

    def _authorisations(self, facts: Facts, monotonic: float) -> Iterator[Message]:
        for name in facts.names("lanes"):
            topic = self._topics.of("lanes", name, "authorised")
            held, on = self._held.get(topic), self._authorised.get(topic, 0.0) > monotonic
            if held is None or (held == "ON" and not on):
                self._held[topic] = "OFF"
                yield Message(topic, "OFF", retain=True)
            if on and held != "ON":
                self._held[topic] = "ON"
                yield Message(topic, "ON")
        self._authorised = {topic: until for topic, until in self._authorised.items() if until > monotonic}

    def _removals(self, facts: Facts) -> Iterator[Message]:
        """Remove what belonged to cameras, lanes and barriers that are no more."""
        known = known_topics(facts, self._topics)
        stay = {self._topics.config, self._topics.other("state")}
        for topic in sorted((self._leftovers | self._held.keys()) - known - stay):
            self._held.pop(topic, None)
            self._plates.pop(topic, None)
            yield Message(topic, "", retain=True)
        self._leftovers.clear()


def _parsed(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None
