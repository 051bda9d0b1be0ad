"""The account of a dry run for the terminal: what it would have cost, and what each rule saved."""

from typing import TextIO

from streamwatch.core.text import printable
from streamwatch.gate import Why
from streamwatch.replay.explain.replay_settings import Answers, ReplaySettings
from streamwatch.replay.explain.savings import Saving, savings_of
from streamwatch.replay.explain.trace import Trace

ASSUMPTION = "one picture per second while at least min_area of what is watched differs from the empty scene"


def print_account(trace: Trace, used: ReplaySettings, out: TextIO) -> None:
    """Print a dry run as a few lines and a table."""
    savings = savings_of(trace, used.least_change)
    vehicles = len(trace.passages)
    played = printable(f"dry run of {', '.join(used.videos)} at camera {used.camera}")
    out.write(f"{played}: nothing was paid, nothing was written\n")
    out.write(f"assumed: {used.answers}; no budget, no outage, no earlier run\n\n")
    out.write(
        f"these settings     {_calls(savings.calls, used)}  {cost(savings.calls, used)}  for {_vehicles(vehicles)}\n"
    )
    out.write(f"a naive watcher    {_calls(savings.naive, used)}  {cost(savings.naive, used)}  {ASSUMPTION}\n\n")
    out.write(f"{f'saved {used.reading}s':>11}  {'frames':>7}  why they were not sent\n")
    for rule in savings.rules:
        if rule.why is not Why.SENT:
            out.write(f"{rule.naive:>11}  {rule.frames:>7}  {rule.rule}\n")
    out.write(_rest(savings.rules, len(trace.frames)))


def cost(calls: int, used: ReplaySettings) -> str:
    """Return the cost of a number of calls, in words."""
    if used.answers is Answers.LOCAL:
        return "free"
    return f"cost {calls * used.price:.2f}" if used.price else "cost unknown (calls.price is 0)"


def _rest(rules: tuple[Saving, ...], frames: int) -> str:
    sent = [rule for rule in rules if rule.why is Why.SENT]
    together = sum(rule.naive for rule in sent)
    return (
        f"{'':>11}  {sum(rule.frames for rule in sent):>7}  frames at which a view was sent; "
        f"the naive watcher pays {together} in the same seconds\n{'':>11}  {frames:>7}  frames in all\n"
    )


def _calls(count: int, used: ReplaySettings) -> str:
    return f"{count:>5} {used.reading}{' ' if count == 1 else 's'}"


def _vehicles(count: int) -> str:
    return "1 vehicle" if count == 1 else f"{count} vehicles"
