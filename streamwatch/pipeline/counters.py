"""Counts since the start, for status pages."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatch.gate import Why


@dataclass
class Counters:
    """Numbers that the recorder and the gates keep up to date.

    passages: by (camera, outcome), and all passages of a camera under "opened". calls: by outcome. dropped: keyframes.
    evidence: bytes of all pictures on disk. frames: by camera, and by the reason why they were sent or not; each is the
    gate's own mapping, in which it goes on counting.
    """

    passages: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    evidence: int = 0
    frames: dict[str, Mapping[Why, int]] = field(default_factory=dict)
