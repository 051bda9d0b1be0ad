"""Counts since the start, for status pages."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """passages: by (camera, outcome), and under "opened" all of a camera. calls: by outcome. dropped: keyframes."""

    passages: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
