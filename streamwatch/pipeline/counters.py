"""Counts since the start, for status pages."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatch.gate import Why


@dataclass
class Counters:
    """passages: by (camera, outcome), and under "opened" all of a camera. calls: by outcome. dropped: keyframes.

    evidence: bytes of all pictures. frames: of each camera, by why they were sent or not; the gate counts on in them.
    """

    passages: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    evidence: int = 0
    frames: dict[str, Mapping[Why, int]] = field(default_factory=dict)
