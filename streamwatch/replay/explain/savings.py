"""Calculates how many calls each rule of the gate saved, compared with a naive watcher.

The naive watcher sends one picture per second while something is there.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from streamwatch.app.meanings import SENTENCES
from streamwatch.core.model import Engine
from streamwatch.gate import Why
from streamwatch.replay.explain.replay_settings import Answers, ReplaySettings
from streamwatch.replay.explain.trace import FrameTrace, Trace

EVERY = 1.0  # s between two pictures of the naive watcher
NOTHING_THERE = {Why.QUIET, Why.LEARNING}  # what the naive watcher does not send either
STANDS = "this vehicle was sent already, and it stands"


@dataclass(frozen=True, slots=True)
class Saving:
    """One rule. frames: those that it held back; naive: those of them that the naive watcher would have paid for."""

    rule: str
    why: Why
    frames: int
    naive: int


@dataclass(frozen=True, slots=True)
class Savings:
    """The savings of a replay. calls: pictures that the gate sent; naive: pictures of the naive watcher."""

    calls: int
    naive: int
    rules: tuple[Saving, ...]


def savings_of(trace: Trace, least: float) -> Savings:
    """Return what each rule saved. least: change (0 to 1) of the watched part from which the naive watcher sends.

    Each picture of the naive watcher counts for the reason why the gate did not send the same frame. If the gate sent a
    view in the same second, the picture counts as not saved: `Why.SENT`.
    """
    frames = Counter((rule_of(look), look.why) for look in trace.frames)
    naive = Counter((rule_of(look), look.why) for look in _naive(trace, least))
    rules = [Saving(rule, why, count, naive[rule, why]) for (rule, why), count in frames.items()]
    rules += [Saving(rule, why, 0, count) for (rule, why), count in naive.items() if (rule, why) not in frames]
    rules.sort(key=lambda saving: (-saving.naive, -saving.frames))
    return Savings(len(trace.sent), sum(naive.values()), tuple(rules))


def readings_of(trace: Trace, used: ReplaySettings) -> int:
    """Return the number of calls, or of readings of the local engine if calls are free (see `ReplaySettings.reading`).

    In a dry run each picture that was sent counts as a call.
    """
    return sum(sent.called for sent in trace.sent) if used.answers is Answers.SERVICE else len(trace.sent)


def read_free(trace: Trace, used: ReplaySettings) -> int:
    """Return the number of pictures that the local engine read instead of a paid call."""
    free = (sent for sent in trace.sent if sent.engine is Engine.LOCAL and not sent.called)
    return len(list(free)) if used.answers is Answers.SERVICE else 0


def rule_of(look: FrameTrace) -> str:
    """Return the reason of a frame; parked vehicles have one of their own."""
    return STANDS if look.why is Why.KNOWN and look.parked else SENTENCES[look.why]


def _naive(trace: Trace, least: float) -> Iterator[FrameTrace]:
    """Return the frames that the naive watcher sends; if the gate sent in that second, the frame at which it did."""
    sent = [look for look in trace.frames if look.why is Why.SENT]
    last, n = float("-inf"), 0
    for look in trace.frames:
        if look.why in NOTHING_THERE or look.change < least or look.at - last < EVERY:
            continue
        last = look.at
        while n < len(sent) and sent[n].at < last:
            n += 1
        yield sent[n] if n < len(sent) and sent[n].at < last + EVERY else look
