"""Trials of the installed package: README's commands, and scenes with known truth where the simulator is at hand.

    trials.py --work DIR [--shared DIR]

Scenes are rendered into WORK. The last line says how many checks passed and failed; exit code 1 if any failed.
"""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common import Check, Command
from live_trial import live_trial
from readme_trial import readme_trial

REPOSITORY = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.prefix) / "bin/streamwatch"
AT_ONCE = 2
SCENE_LIMIT = 1200.0  # s
SCENES = ("basic", "drive_through", "long_stop", "night", "parked", "people", "tailgate", "two_lanes", "weather")
# Drawn after real footage, where not every plate is visible.
REAL_TRAFFIC = ("glare", "jam", "low_sun", "shaky_mast", "signs")
SEEDS = (1, 2)
OTHER_STREAMS = (("hevc", "vbr"), ("h264", "cbr"))
OTHER_STREAMS_OF = ("basic", "tailgate", "two_lanes")
MOST_CALLS, MOST_WASTED = 1.10, 0.02  # per passage, per call; over all scenes
LEAST_FOUND = 0.95  # of the vehicles of real traffic, in all its scenes together
MISREAD, MISREAD_OF, MOST_CALLS_MISREAD = 0.15, ("drive_through", "parked", "tailgate"), 1.5  # a service that errs
LIVE = ("basic-1-h264-vbr", "basic-3-hevc-vbr")
ROW = "{:<14} {:>4} {:<5} {:<4} {:>8} {:>6} {:>10} {:>5} {:>8} {:>17} {:>6} {:>11} {:>6}"
FIGURES = ["passages", "recall", "duplicates", "wrong", "rejected", "calls_per_passage", "wasted"]


@dataclass(frozen=True)
class Replay:
    """One scene of the simulator, rendered and replayed."""

    scene: str
    seed: int
    codec: str
    rate: str
    misread: float = 0.0

    def run(self, shared: Path, work: Path) -> dict[str, Any] | str:
        """Return the score, or the error as text."""
        simulator = shared / "gatesim"
        scenario, photos = simulator / f"scenarios/{self.scene}.json", shared / "data/plates"
        command: Command = [sys.executable, simulator / "trial.py", scenario, "--photos", photos, "--work", work]
        options = ["--seed", str(self.seed), "--codec", self.codec, "--rate", self.rate]
        options += ["--misread", str(self.misread), "--command", shlex.quote(str(PROGRAM))]
        try:
            done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=SCENE_LIMIT, check=True)
        except subprocess.CalledProcessError as error:
            return str(error.stderr)[-2000:]
        except subprocess.TimeoutExpired as error:
            return str(error)
        score: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
        return score


def replay_all(replays: list[Replay], shared: Path, work: Path) -> Iterator[tuple[Replay, dict[str, Any] | str]]:
    """Yield the score of each replay and print its line of the table; two run at a time."""
    print(ROW.format("scene", "seed", "codec", "rate", *FIGURES, "lag", "speed"), flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for replay, score in zip(replays, pool.map(lambda one: one.run(shared, work), replays), strict=True):
            print(_line(replay, score), flush=True)
            yield replay, score


def _line(replay: Replay, score: dict[str, Any] | str) -> str:
    if isinstance(score, str):
        return f"{replay}: {score}"
    lag = "{} {}".format(*score["first_seen_lag"]) if score["first_seen_lag"] else "-"
    figures = [str(score[name]) for name in FIGURES]
    return ROW.format(replay.scene, replay.seed, replay.codec, replay.rate, *figures, lag, score["replay_speed"])


def judge(replay: Replay, score: dict[str, Any] | str) -> Check:
    """Return the check of one scene."""
    name = f"{replay.scene} seed {replay.seed} {replay.codec} {replay.rate}"
    name += f" misread {replay.misread}" if replay.misread else ""
    if isinstance(score, str):
        return Check(name, False, "the trial itself failed")
    holds = {
        "recall": score["recall"] == 1.0 or replay.scene in REAL_TRAFFIC,
        "duplicates": score["duplicates"] == 0,
        "wrong": score["wrong"] == 0,
        "rejected": score["rejected"] == 0,
        "calls per passage": score["calls_per_passage"] <= 2,
        "median lag": bool(score["first_seen_lag"]) and score["first_seen_lag"][0] <= 1.0,
    }
    broken = [figure for figure, good in holds.items() if not good]
    if broken:
        return Check(name, False, f"{', '.join(broken)}; missed {score['missed']}, wrong {score['wrong_plates']}")
    return Check(name, True, f"{score['found']} vehicles, {score['calls']} calls")


def cost(what: str, scores: list[dict[str, Any]], most_calls: float) -> Check:
    """Return the check of the cost of several scenes together."""
    passages, calls, wasted = (sum(score[name] for score in scores) for name in ("passages", "calls", "wasted"))
    cheap = calls <= most_calls * passages and wasted <= MOST_WASTED * calls
    return Check(what, cheap, f"{calls} calls for {passages} vehicles, {wasted} wasted")


def found(what: str, scores: list[dict[str, Any]]) -> Check:
    """Return the check of the part of the vehicles found in several scenes."""
    passages, seen = (sum(score[name] for score in scores) for name in ("passages", "found"))
    missed = [plate for score in scores for plate in score["missed"]]
    return Check(what, seen >= LEAST_FOUND * passages, f"{seen} of {passages}, missed {missed}")


def scene_trials(shared: Path, work: Path) -> Iterator[Check]:
    """Yield the checks of the replays. The live trials use the scenes rendered here."""
    _say("Scenes replayed (lag: median and worst, s; calls: for a passage; speed: times real time)")
    replays = [Replay(scene, seed, "h264", "vbr") for scene in SCENES + REAL_TRAFFIC for seed in SEEDS]
    replays += [Replay(scene, 3, codec, rate) for scene in OTHER_STREAMS_OF for codec, rate in OTHER_STREAMS]
    replays += [Replay(scene, 1, "h264", "vbr", MISREAD) for scene in MISREAD_OF]
    results = list(replay_all(replays, shared, work))
    yield from [judge(*result) for result in results]
    real = [score for replay, score in results if replay.scene in REAL_TRAFFIC and not isinstance(score, str)]
    yield found("vehicles of real traffic", real)
    scores = [(replay.misread, score) for replay, score in results if not isinstance(score, str)]
    yield cost("calls of all scenes", [score for misread, score in scores if not misread], MOST_CALLS)
    yield cost("calls where it misreads", [score for misread, score in scores if misread], MOST_CALLS_MISREAD)


def waiting_trials(shared: Path, work: Path, live: Iterable[str]) -> Iterator[Check]:
    """Yield the checks of README's commands and of the live trials, which run at once because they mostly wait."""
    _say(" · ".join(["README's commands", *(f"live over RTSP: {name}" for name in live)]))
    trials = [partial(readme_trial, REPOSITORY, work)]
    trials += [partial(live_trial, PROGRAM, shared / "gatesim", work / name, work / f"live-{name}") for name in live]
    with ThreadPoolExecutor(len(trials)) as pool:
        for checks in pool.map(lambda trial: list(trial()), trials):
            yield from checks


def all_trials(shared: Path, work: Path) -> Iterator[Check]:
    """Yield all checks that can be made here."""
    scenes = (shared / "gatesim/trial.py").exists()
    if scenes:
        yield from scene_trials(shared, work)
    yield from waiting_trials(shared, work, LIVE if scenes else ())


def _say(what: str) -> None:
    print(f"\n== {what}", flush=True)


def main() -> None:
    """Run all trials and count the checks."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--shared", type=Path, required=True)
    options = arguments.parse_args()
    # An exception leaves the blocks in order, which end the processes that they started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, checks = time.monotonic(), []
    for check in all_trials(options.shared.resolve(), options.work.resolve()):
        print(check, flush=True)
        checks.append(check)
    failed = sum(not check.passed for check in checks)
    _say(f"{time.monotonic() - began:.0f} s")
    print(f"{len(checks) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
