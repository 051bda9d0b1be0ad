"""Commands that come by MQTT: open a lane, and stop all openings. There is none that lets barriers open again."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from streamwatch.outward.mqtt.broker import Received, Subscription
from streamwatch.outward.mqtt.discovery import KILL, OPEN
from streamwatch.outward.mqtt.topics import Topics

LATEST = 5.0
"""Seconds on its way after which a command to open does nothing: a late pulse is worse than none."""


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """Open a lane. at: monotonic seconds when it came."""

    lane: str
    at: float


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands that config.yaml allows, and what they do.

    lanes: names of the lanes. open: opens a lane and returns once the barrier has answered. kill: stops all openings.
    """

    allowed: Collection[str]
    lanes: Callable[[], Collection[str]]
    open: Callable[[str], None]
    kill: Callable[[], None]

    def subscriptions(self, topics: Topics) -> list[Subscription]:
        """Return what to listen to. A command to open comes at most once (QoS 0): a repeated one would open twice."""
        opening = [Subscription(f"{topics.prefix}/lanes/+/open", qos=0)] if "open" in self.allowed else []
        return opening + ([Subscription(topics.kill)] if "kill" in self.allowed else [])

    def is_kill(self, message: Received, topics: Topics) -> bool:
        """Return True if a message is the allowed command to stop. A retained one is old, and counts for nothing."""
        wanted = "kill" in self.allowed and message.topic == topics.kill
        return wanted and not message.retained and message.payload == KILL.encode()

    def opening(self, message: Received, topics: Topics, now: datetime | None = None) -> OpenCommand | str | None:
        """Return the command to open that a message is, why it is refused, or None if it is none.

        now: the aware time, with which the time in the message is compared if it holds one.
        """
        lanes: Mapping[str, str] = {topics.of("lanes", lane, "open"): lane for lane in self.lanes()}
        if "open" not in self.allowed or not _is_opening(message.topic, topics):
            return None
        if message.topic not in lanes:
            return "it names no lane with a barrier"
        if message.retained:
            return "it was retained by the broker, so it may be old; publish commands without `retain`"
        word, _, sent = message.payload.decode("utf-8", "replace").strip().partition(" ")
        if word != OPEN:
            return f"its payload is not {OPEN}"
        if sent and (why := _too_old(sent, now or datetime.now(UTC))):
            return why
        return OpenCommand(lanes[message.topic], message.at)


def is_late(command: OpenCommand, monotonic: float | None = None) -> bool:
    """Return True if a command has waited too long."""
    return (time.monotonic() if monotonic is None else monotonic) - command.at > LATEST


def _is_opening(topic: str, topics: Topics) -> bool:
    return topic.startswith(f"{topics.prefix}/lanes/") and topic.endswith("/open")


def _too_old(sent: str, now: datetime) -> str:
    try:
        at = datetime.fromisoformat(sent)
        away = (now - at).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return "its time is not an ISO 8601 time with offset"
    if abs(away) > LATEST:
        return "it was sent at another time than now: it was held up, or the two clocks differ"
    return ""
