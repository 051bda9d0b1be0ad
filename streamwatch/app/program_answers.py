"""What an existing parking program says of a decision, before the barrier opens (ask-before-open)."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from streamwatch.app.permits import lane_rules
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.program_settings import ProgramSettings
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.codes import DecisionReason, LaneMode, Verdict
from streamwatch.core.errors import StoreError
from streamwatch.core.events import DecisionMade
from streamwatch.core.model import Keyframe
from streamwatch.outward.parking_program import ParkingProgram, ProgramQuestion, ProgramSilent
from streamwatch.store import Store

log = logging.getLogger(__name__)

WRITTEN_WITHIN = 1.0
"""Seconds that the writer may take to store what the program has said."""
ABOUT_PERMITS = frozenset(
    {
        DecisionReason.UNKNOWN,
        DecisionReason.OTHER_LANE,
        DecisionReason.NOT_YET_VALID,
        DecisionReason.EXPIRED,
        DecisionReason.USED_UP,
        DecisionReason.OUTSIDE_HOURS,
        DecisionReason.OLD_LIST,
        DecisionReason.PASSED_BACK,
        DecisionReason.FULL,
        DecisionReason.INEXACT,
        DecisionReason.PERMITTED,
    }
)
"""The reasons of which the program may know better: they rest on the list of permits alone. It never overrules that a
vehicle is or may be blocked or held, that the reading is unsure, or that a plate comes too often."""


class ProgramAnswers:
    """Asks the programs of the lanes. `wants` and `decide` may be called by the threads of several lanes."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        picture: Callable[[str], Keyframe],
        writer: WriteQueue,
        store: Store,
        clock: Clock,
    ) -> None:
        """settings: those in force. picture: returns a stored keyframe; it raises StoreError."""
        self._settings, self._picture = settings, picture
        self._writer, self._store, self._clock = writer, store, clock
        self._programs: dict[str, tuple[ProgramSettings, ParkingProgram]] = {}
        self._silent: set[str] = set()

    def wants(self, made: DecisionMade) -> bool:
        """Return True if the program of the lane is to be asked about a decision."""
        lane = self._settings().lanes.get(made.lane)
        if lane is None or lane.ask_program is None or lane.mode is LaneMode.MANUAL:
            return False
        return made.live and made.surely_read and made.reason in ABOUT_PERMITS

    def decide(self, made: DecisionMade) -> DecisionMade:
        """Return the decision that holds after the program was asked, once it is stored.

        It is the same one if the program is silent, or says the same.
        """
        program = self._program(made.lane)
        if program is None:
            return made
        try:
            allows = program.ask(self._question(made))
        except ProgramSilent as error:
            if made.lane not in self._silent:
                log.warning("lane %s: the parking program is silent, so the own decision holds: %s", made.lane, error)
            self._silent.add(made.lane)
            return made
        if made.lane in self._silent:
            log.info("lane %s: the parking program answers again", made.lane)
            self._silent.discard(made.lane)
        verdict = Verdict.ALLOW if allows else Verdict.DENY
        if verdict is made.verdict:
            return made
        reason = DecisionReason.PROGRAM_ALLOWED if allows else DecisionReason.PROGRAM_DENIED
        try:
            revised = self._writer.ask_once(partial(self._overrule, made, verdict, reason), WRITTEN_WITHIN)
        except StoreError as error:
            log.warning("lane %s: what the parking program said was not stored: %s", made.lane, error)
            # Nothing opens that is not stored, and nothing to which the program said no.
            return made if allows else replace(made, verdict=verdict)
        if revised is None:
            log.warning("lane %s: %s comes too often to open for it because the program says so", made.lane, made.plate)
            return made
        return replace(made, verdict=verdict, reason=reason, revised=revised)

    def _overrule(self, made: DecisionMade, verdict: Verdict, reason: DecisionReason) -> int | None:
        """Store what the program says, in the writer's thread. Return None if the plate comes too often for that."""
        settings = self._settings()
        if verdict is Verdict.ALLOW and made.lane in settings.lanes:
            rules = lane_rules(settings, made.lane)
            opened = self._store.decisions.opened(made.plate, made.lane, made.captured_at - rules.opens_within)
            if 0 < rules.max_opens <= len(opened):
                return None
        return self._store.decisions.overrule(made.key, verdict, reason, self._clock.now())

    def _question(self, made: DecisionMade) -> ProgramQuestion:
        try:
            jpeg = self._picture(made.keyframe).jpeg
        except StoreError:
            jpeg = b""
        return ProgramQuestion(made.key, made.plate, made.captured_at, jpeg, made.confidence)

    def _program(self, lane: str) -> ParkingProgram | None:
        """Return the program of a lane; another one after a change of its settings."""
        found = self._settings().lanes.get(lane)
        if found is None or found.ask_program is None:
            return None
        settings, known = found.ask_program, self._programs.get(lane)
        if known is None or known[0] != settings:
            url = settings.url.get_secret_value()
            program = ParkingProgram(url, settings.deadline, settings.device or lane, settings.serial)
            known = self._programs[lane] = settings, program
        return known[1]
