"""One message to a broker."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAYLOAD_VERSION = 1
"""It grows if the meaning of a field changes."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published. retain: True if the broker keeps it for those who come later: states, never events."""

    topic: str
    payload: str
    retain: bool = False


def flat(fields: Mapping[str, Any]) -> str:
    """Return fields as flat JSON with the version of the payload.

    What is not known is an empty text: some consumers keep the old value if a field is null or missing. Lists become
    texts with commas.
    """
    return json.dumps(
        {"payload_version": PAYLOAD_VERSION, **{name: _plain(value) for name, value in fields.items()}},
        ensure_ascii=False,
    )


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(str(_plain(item)) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return value
