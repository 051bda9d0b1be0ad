"""Commands and retained leftovers, with whatever a broker may hand over."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_mqtt_link import ALL

from streamwatch.outward.mqtt.board import MOST_LEFTOVERS, Board
from streamwatch.outward.mqtt.broker import Received
from streamwatch.outward.mqtt.commands import LATEST, Commands, OpenCommand, is_late
from streamwatch.outward.mqtt.discovery import description, without
from streamwatch.outward.mqtt.topics import Topics

TOPICS = Topics("gate", "homeassistant")
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
COMMANDS = Commands(("open", "kill"), lambda: ["entry", "东门"], lambda _: None, lambda: None)
OPEN = "gate/lanes/entry/open"


def received(topic: str, payload: bytes, retained: bool = False) -> Received:
    return Received(topic, payload, retained, 100.0)


@given(st.sampled_from([OPEN, "gate/kill", "gate/lanes/x/open", "gate/x"]), st.binary(max_size=60), st.booleans())
@example(OPEN, b"OPEN \xff", False)
@example(OPEN, b"OPEN 2026-11-28T12:00:00", False)
@example(OPEN, b"OPEN 9999-12-31T23:59:59-23:59", False)
def test_nothing_but_the_command_opens_or_kills(topic: str, payload: bytes, retained: bool) -> None:
    message = received(topic, payload, retained)
    assert COMMANDS.is_kill(message, TOPICS) is ((topic, payload, retained) == ("gate/kill", b"KILL", False))
    found = COMMANDS.opening(message, TOPICS, NOW)
    if isinstance(found, OpenCommand):
        assert topic == OPEN
        assert not retained
        assert payload.strip() == b"OPEN"


@pytest.mark.parametrize(("away", "opens"), [(0.0, True), (LATEST, True), (LATEST + 1, False), (-LATEST - 1, False)])
def test_a_command_that_holds_its_time_must_be_new(away: float, opens: bool) -> None:
    sent = (NOW - timedelta(seconds=away)).isoformat()
    found = COMMANDS.opening(received(OPEN, f"OPEN {sent}".encode()), TOPICS, NOW)
    assert isinstance(found, OpenCommand) is opens


def test_a_command_that_has_waited_is_late() -> None:
    assert not is_late(OpenCommand("entry", 100.0), 100.0 + LATEST)
    assert is_late(OpenCommand("entry", 100.0), 100.1 + LATEST)


def test_a_name_in_chinese_has_a_command_of_its_own() -> None:
    found = COMMANDS.opening(received(TOPICS.of("lanes", "东门", "open"), b"OPEN"), TOPICS, NOW)
    assert isinstance(found, OpenCommand)
    assert found.lane == "东门"


@pytest.mark.parametrize("allowed", [(), ("kill",)])
def test_what_is_not_allowed_is_not_even_looked_at(allowed: tuple[str, ...]) -> None:
    commands = Commands(allowed, lambda: ["entry"], lambda _: None, lambda: None)
    assert commands.opening(received(OPEN, b"OPEN"), TOPICS, NOW) is None
    assert commands.is_kill(received("gate/kill", b"KILL"), TOPICS) is ("kill" in allowed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["cmps", "p", "x"]), inner, max_size=3),
)


@given(JSON)
@example({"cmps": {"camera_old_plate": {"p": "sensor"}, "y": {"p": 1}, "z": "text"}})
def test_whatever_was_retained_as_a_description_is_understood_or_left_alone(old: object) -> None:
    new = description(ALL, TOPICS, ())
    first = without(old, new)
    if first is not None:
        more = {key: entity for key, entity in first["cmps"].items() if key not in new["cmps"]}
        assert more
        assert all(set(entity) == {"p"} for entity in more.values())
        assert without(new, first) is None


def test_a_broker_full_of_leftovers_costs_little() -> None:
    board = Board(TOPICS, ())
    board.found("homeassistant/device/gate/config", b"[" * 100_000)
    for number in range(2 * MOST_LEFTOVERS):
        board.found(f"gate/cameras/{number}/state", b"{}")
    messages = board.due(ALL, 0.0)
    assert sum(message.payload == "" for message in messages) == MOST_LEFTOVERS
    assert board.due(ALL, 0.0) == []
    board.found("gate/cameras/front/state", b"{}")
    assert board.due(ALL, 0.0) == []  # the camera exists
    (config,) = (message for message in messages if message.topic == TOPICS.config)
    assert json.loads(config.payload)["o"]
