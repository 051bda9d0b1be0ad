"""Asks for the openings that automatic lanes decide on, in threads of their own, so that the recorder never waits."""

import logging
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from streamwatch.app.program_answers import ProgramAnswers
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.clock import Clock
from streamwatch.core.codes import LaneMode, OpeningCause, OpeningState, Verdict, WithheldReason
from streamwatch.core.events import DecisionMade
from streamwatch.core.sentences import in_words
from streamwatch.pipeline import Channel
from streamwatch.store import OpeningTerms, Store

log = logging.getLogger(__name__)

_SAID = {
    OpeningState.REQUESTED: "was asked to open for",
    OpeningState.DONE: "was opened for",
    OpeningState.FAILED: "could not be opened for",
    OpeningState.UNKNOWN: "may have been opened for",
    OpeningState.WITHHELD: "was not opened for",
}
"""What the log says of an opening, by its state."""

Request = Callable[[str, OpeningCause, DecisionMade], OpeningOutcome]
"""Opens the barrier of a lane once if that is allowed now; it may take some seconds. See `Barriers.request`."""


class LaneOpeners:
    """Hears decisions and has the barrier of an automatic lane opened for each that is `allow`.

    Each lane has a thread and a channel for one decision. Nothing queues: a decision that finds the channel full, or is
    too old once its turn comes, opens nothing, and has a row that says why.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        request: Request,
        writer: WriteQueue,
        store: Store,
        clock: Clock,
        program: ProgramAnswers | None = None,
    ) -> None:
        """settings: those in force, asked for each decision. program: what is asked before a barrier opens."""
        self._settings, self._request, self._program = settings, request, program
        self._writer, self._store, self._clock = writer, store, clock
        self._channels: dict[str, Channel[DecisionMade]] = {}

    def start(self, spawn: Callable[[Callable[[], None], str], object]) -> None:
        """Start the threads of the lanes that have a barrier, unless they run. spawn: starts one, by its name."""
        for name, lane in self._settings().lanes.items():
            if lane.barrier is not None and name not in self._channels:
                channel = self._channels[name] = Channel(1)
                spawn(partial(self._run, channel), f"lane {name}")

    def hear(self, made: DecisionMade) -> None:
        """Take a decision, in the recorder's thread. It returns at once."""
        lane = self._settings().lanes.get(made.lane)
        if lane is None or lane.barrier is None:
            return
        opens = self._opens(made)
        if not opens and (made.again or not self._asks(made)):
            return
        if made.again:
            self._withhold(made, lane.barrier, WithheldReason.OVERTAKEN)
        elif not made.live:
            self._withhold(made, lane.barrier, WithheldReason.NOT_LIVE)
        elif (made.lane not in self._channels or not self._channels[made.lane].offer(made)) and opens:
            self._withhold(made, lane.barrier, WithheldReason.BUSY)

    def stop(self) -> None:
        """End the threads. What waits opens nothing any more."""
        for channel in self._channels.values():
            channel.close()
            for made in channel.take_all():
                lane = self._settings().lanes.get(made.lane)
                if self._opens(made):
                    self._withhold(made, "" if lane is None else lane.barrier or "", WithheldReason.STOPPING)

    def _run(self, channel: Channel[DecisionMade]) -> None:
        """Do the work of a lane's thread, until ChannelClosed is raised."""
        while True:
            made = channel.get()
            if self._program is not None and self._asks(made):
                made = self._program.decide(made)
            if not self._opens(made):
                continue
            outcome = self._request(made.lane, OpeningCause.AUTOMATIC, made)
            log.info("lane %s %s %s%s", made.lane, _SAID[outcome.state], made.plate, _why(outcome))

    def _asks(self, made: DecisionMade) -> bool:
        """Return True if the parking program of the lane is to be asked first."""
        return self._program is not None and self._program.wants(made)

    def _opens(self, made: DecisionMade) -> bool:
        """Return True if a decision lets a vehicle pass, and its lane acts on that."""
        lane = self._settings().lanes.get(made.lane)
        return made.verdict is Verdict.ALLOW and lane is not None and lane.mode is LaneMode.AUTOMATIC

    def _withhold(self, made: DecisionMade, barrier: str, reason: WithheldReason) -> None:
        """Have a row written about an opening that is not even asked for."""
        now = self._clock.now()
        terms = OpeningTerms(uuid4().hex, made.lane, barrier, OpeningCause.AUTOMATIC, now, made.key)
        outcome = OpeningOutcome(terms.key, OpeningState.WITHHELD, reason)
        if self._writer.offer(partial(self._store.openings.ended, terms, outcome, now)) is None:
            log.warning("lane %s was not opened for %s%s", made.lane, made.plate, _why(outcome))


def _why(outcome: OpeningOutcome) -> str:
    """Return the end of a sentence: why nothing was sent, or what went wrong."""
    why = in_words(outcome.reason.value) or outcome.detail
    return f": {why}" if why else ""
