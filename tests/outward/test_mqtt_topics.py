"""The page about MQTT names every topic, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

from test_mqtt_link import ALL, decision, sighting
from test_notices import camera, event

from streamwatch.core.codes import EventType
from streamwatch.outward.mqtt.board import Board
from streamwatch.outward.mqtt.commands import Commands
from streamwatch.outward.mqtt.identifiers import identifier
from streamwatch.outward.mqtt.message import Message
from streamwatch.outward.mqtt.told import event_messages
from streamwatch.outward.mqtt.topics import Topics
from streamwatch.store import EventRow

TOPICS = Topics("PREFIX")
PAGE = (Path(__file__).parents[2] / "docs" / "mqtt.md").read_text(encoding="utf-8")


def events() -> list[EventRow]:
    """Return one event of each kind, of this moment: `authorised` is ON for a minute only."""
    return [
        sighting(1),
        decision(),
        camera(True),
        event(EventType.OPENING, barrier="arm", lane="entry", state="done", detail="", plate=""),
        event(EventType.TEST, text="", who=""),
    ]


def published() -> Iterator[Message]:
    board = Board(TOPICS, ())
    board.tell(events(), 0.0)
    yield from board.due(ALL, 0.0)
    for one in events():
        yield from event_messages(one, TOPICS)
    yield Message(TOPICS.status, "online", retain=True)


def test_the_page_names_every_topic_and_whether_it_is_retained() -> None:
    told = dict(re.findall(r"^\| `(PREFIX/\S+)` \| (yes|no|only `OFF`) \|", PAGE, re.MULTILINE))
    found: dict[str, set[bool]] = {}
    for message in published():
        topic = re.sub(r"(cameras|lanes|barriers)/[^/]+/", r"\1/ID/", message.topic)
        found.setdefault(topic, set()).add(message.retain)
    words = {frozenset({True}): "yes", frozenset({False}): "no", frozenset({True, False}): "only `OFF`"}
    assert {topic: words[frozenset(retained)] for topic, retained in found.items()} == told


def test_the_page_names_every_command() -> None:
    commands = Commands(("open", "kill"), list, lambda _: None, lambda: None)
    listened = {one.topic.replace("+", "ID") for one in commands.subscriptions(TOPICS)}
    assert listened == set(re.findall(r"^\| `(PREFIX/\S+)` \| `[A-Z]+`", PAGE, re.MULTILINE))


def test_two_names_never_become_one_identifier() -> None:
    names = ["gate", "gate.1", "gate_1", "东门", "西门", "a" * 60, "a" * 61, ""]
    found = [identifier(name) for name in names]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]*", one) for one in found)
    assert identifier("gate_1") == "gate_1"
