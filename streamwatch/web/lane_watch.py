"""Which lanes have changed, for the pages that are open: what is stored, and what the barriers say."""

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from streamwatch.access.may_open import ANSWER_WITHIN
from streamwatch.app.backend import Backend
from streamwatch.store import DatabaseReader
from streamwatch.system.kill_switch import KillSwitch

KILL_SWITCH = ""
"""The name under which a change of the kill switch is told; no lane has it."""

CALLS = 60.0
"""Seconds after which a question calls no more if another vehicle has come to the lane: its own has probably gone."""


@dataclass(frozen=True, slots=True)
class LaneChange:
    """A lane that has changed. revision: grows over all lanes with each change."""

    lane: str
    revision: int


class LaneWatch:
    """Gives lanes numbers that grow with their changes. Threads may share it.

    It compares what it sees with what it saw, and so it notices a change whoever made it: the daemon, another program,
    or the barrier itself. Numbers begin with the time, so that those of an earlier run are smaller.
    """

    def __init__(self, names: Callable[[], Iterable[str]], look: Callable[[str], Hashable]) -> None:
        """names: returns the lanes. look: returns what is to be seen of one; it blocks."""
        self._names, self._look = names, look
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[Hashable, int]] = {}
        self._newest = int(time.time() * 1000)

    def newest(self) -> int:
        """Look at all lanes, and return the highest number."""
        with self._lock:
            names = list(self._names())
            for name in self._seen.keys() - set(names):
                del self._seen[name]
            for name in names:
                found = self._look(name)
                before = self._seen.get(name)
                if before is None or before[0] != found:
                    self._newest += 1
                    self._seen[name] = found, self._newest
            return self._newest

    def since(self, revision: int) -> Sequence[LaneChange]:
        """Return the lanes that have changed after a number, by rising number."""
        with self._lock:
            found = [LaneChange(name, number) for name, (_, number) in self._seen.items() if number > revision]
        return sorted(found, key=lambda change: change.revision)


def watch_lanes(backend: Backend, reader: DatabaseReader, kill_switch: KillSwitch) -> LaneWatch:
    """Return the watch over the lanes of the config, their barriers, and the kill switch."""

    def names() -> list[str]:
        return [KILL_SWITCH, *backend.settings.lanes]

    def look(name: str) -> Hashable:
        if name == KILL_SWITCH:
            return kill_switch.is_on, kill_switch.pressed()
        lane, barriers, now = backend.settings.lanes[name], backend.barriers, datetime.now(UTC)
        decisions, openings = reader.lanes.state(name)
        ages = [(now - decision.captured_at).total_seconds() for decision in decisions]
        late = tuple((age >= CALLS, age >= ANSWER_WITHIN) for age in ages)
        states = () if barriers is None else tuple(one for one in barriers.states() if one.name == lane.barrier)
        return decisions, openings, late, states, lane.mode

    return LaneWatch(names, look)
