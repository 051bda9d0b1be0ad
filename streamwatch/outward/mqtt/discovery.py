"""The description of all entities for Home Assistant, as one device.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. An entity is removed by a description that
holds nothing but its platform, followed by one without it.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from streamwatch.outward.mqtt.facts import Facts
from streamwatch.outward.mqtt.identifiers import identifier
from streamwatch.outward.mqtt.topics import Topics

AUTHORISED_FOR = 60
"""Seconds for which a lane shows `authorised` after a decision that allows."""
OPEN, KILL = "OPEN", "KILL"
"""The payloads of the commands."""
_WITH_TIME = OPEN + " {{ now().isoformat() }}"

Entity = dict[str, Any]


def description(facts: Facts, topics: Topics, commands: Collection[str], console: str = "") -> dict[str, Any]:
    """Return the whole description. commands: those that are allowed, of open and kill. console: its address."""
    device = {
        "ids": [topics.device],
        "name": topics.prefix,
        "mf": "streamwatch",
        "mdl": "parking gate",
        "sw": facts.version,
        **({"cu": console} if console else {}),
    }
    entities = {
        key: {**entity, "unique_id": f"{topics.device}_{key}"} for key, entity in _entities(facts, topics, commands)
    }
    return {
        "dev": device,
        "o": {"name": "streamwatch", "sw": facts.version},
        "availability": [{"topic": topics.status}],
        "state_topic": topics.other("state"),
        "qos": 1,
        "cmps": entities,
    }


def without(old: object, new: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the description to publish first, so that entities of an old one vanish; None if all are still there.

    old: what was read back from the broker, so it may be anything.
    """
    entities = old.get("cmps") if isinstance(old, dict) else None
    if not isinstance(entities, dict):
        return None
    gone = {
        str(key): {"p": entity["p"]}
        for key, entity in entities.items()
        if key not in new["cmps"] and isinstance(entity, dict) and isinstance(entity.get("p"), str)
    }
    return {**new, "cmps": {**new["cmps"], **gone}} if gone else None


def as_payload(told: Mapping[str, Any]) -> str:
    """Return a description as it is published."""
    return json.dumps(told, ensure_ascii=False)


def _entities(facts: Facts, topics: Topics, commands: Collection[str]) -> Iterator[tuple[str, Entity]]:
    if facts.lanes:
        inside = "{{ value_json.inside if value_json.inside != '' else None }}"
        yield "inside", _named("sensor", "Vehicles inside", value_template=inside, icon="mdi:car-multiple")
    if facts.barriers:
        yield (
            "kill_switch",
            _named(
                "binary_sensor", "Kill switch", value_template="{{ value_json.kill_switch }}", icon="mdi:hand-back-left"
            ),
        )
        if "kill" in commands:
            yield (
                "kill",
                _named(
                    "button",
                    "Open nothing more",
                    command_topic=topics.kill,
                    payload_press=KILL,
                    icon="mdi:hand-back-left",
                ),
            )
    for camera in facts.names("cameras"):
        yield from _camera(camera, topics)
    for lane in facts.lanes:
        yield from _lane(lane.name, topics, bool(lane.barrier) and "open" in commands)
    for barrier in facts.names("barriers"):
        yield from _barrier(barrier, topics)


def _camera(camera: str, topics: Topics) -> Iterator[tuple[str, Entity]]:
    key = f"camera_{identifier(camera)}"
    yield f"{key}_plate", _plate(camera, topics.of("cameras", camera, "plate"))
    sighting = topics.of("cameras", camera, "sighting")
    yield (
        f"{key}_sighting",
        _named(
            "event", f"{camera} sighting", state_topic=sighting, event_types=["sighting", "corrected"], icon="mdi:car"
        ),
    )
    state = topics.of("cameras", camera, "state")
    yield (
        f"{key}_connected",
        _named(
            "binary_sensor",
            f"{camera} camera",
            state_topic=state,
            value_template="{{ value_json.online }}",
            device_class="connectivity",
        ),
    )


def _lane(lane: str, topics: Topics, may_open: bool) -> Iterator[tuple[str, Entity]]:
    key = f"lane_{identifier(lane)}"
    yield f"{key}_plate", _plate(lane, topics.of("lanes", lane, "plate"))
    decision = topics.of("lanes", lane, "decision")
    yield (
        f"{key}_decision",
        _named(
            "event", f"{lane} decision", state_topic=decision, event_types=["allow", "deny", "ask"], icon="mdi:gate"
        ),
    )
    authorised = topics.of("lanes", lane, "authorised")
    yield (
        f"{key}_authorised",
        _named("binary_sensor", f"{lane} authorised", state_topic=authorised, off_delay=AUTHORISED_FOR),
    )
    if may_open:
        # Home Assistant adds the time: a command that was held up on its way opens nothing.
        opening = topics.of("lanes", lane, "open")
        yield (
            f"{key}_open",
            _named(
                "button",
                f"Open {lane}",
                command_topic=opening,
                command_template=_WITH_TIME,
                qos=0,
                icon="mdi:gate-open",
            ),
        )


def _barrier(barrier: str, topics: Topics) -> Iterator[tuple[str, Entity]]:
    key, state = f"barrier_{identifier(barrier)}", topics.of("barriers", barrier, "state")
    yield (
        f"{key}_position",
        _named(
            "sensor",
            f"{barrier} position",
            state_topic=state,
            value_template="{{ value_json.position }}",
            icon="mdi:gate",
        ),
    )
    yield (
        f"{key}_fault",
        _named(
            "binary_sensor",
            f"{barrier} fault",
            state_topic=state,
            value_template="{{ value_json.fault }}",
            device_class="problem",
        ),
    )


def _plate(name: str, topic: str) -> Entity:
    return _named(
        "sensor",
        f"{name} last plate",
        state_topic=topic,
        value_template="{{ value_json.plate }}",
        json_attributes_topic=topic,
        icon="mdi:car-info",
    )


def _named(platform: str, name: str, **more: object) -> Entity:
    return {"p": platform, "name": name, **more}
