"""What a reload of config.yaml has done, in sentences."""

from collections.abc import Sequence

from streamwatch.health.snapshot import ReloadReport

KEPT = "The new config.yaml was not taken in, and everything goes on as before:"


def reload_sentences(report: ReloadReport) -> list[str]:
    """Return one sentence for each thing that a reload has done, or has not."""
    if report.problems:
        return [f"{KEPT} {problem}" for problem in report.problems]
    done = [
        _of("started", report.added),
        _of("started anew", report.restarted),
        _of("no longer watched", report.removed),
    ]
    sentences = [f"config.yaml was read again. Cameras: {'; '.join(filter(None, done))}."] if any(done) else []
    if report.in_effect:
        sentences.append(f"In effect now: {', '.join(report.in_effect)}.")
    if report.needs_restart:
        sentences.append(f"In effect after a restart of streamwatch: {', '.join(report.needs_restart)}.")
    return sentences or ["config.yaml was read again; it says what it said before."]


def _of(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names)}" if names else ""
