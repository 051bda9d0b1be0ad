"""The timeline of the whole recording, and one of each passage."""

from collections.abc import Sequence
from html import escape

from streamwatch.app.meanings import OUTCOMES, STATES
from streamwatch.core.model import Point
from streamwatch.gate import LEAST_WIDTH, Why
from streamwatch.replay.explain.chart import (
    TimeSpan,
    axis,
    clock,
    curve,
    drawing,
    lane,
    legend,
    legend_of_states,
    level,
    mark,
    reasons,
    states,
    upright,
)
from streamwatch.replay.explain.objects import SAME_FRAME, Sample
from streamwatch.replay.explain.replay_settings import ReplaySettings
from streamwatch.replay.explain.trace import PassageTrace, SentKeyframe, Trace

PIXELS_A_SECOND, PIXELS_A_MARK, WIDEST = (
    1.6,
    80,
    12_000,
)  # px; a long recording scrolls sideways instead of becoming unreadable
SCREEN, ROOM_FOR_TEXT = 1000, 40  # px
LONG_PASSAGE, REST = 20.0, 6.0  # s; of a longer passage only REST seconds after its last call are drawn
OUT_OF_SIGHT = 1.0  # s between two frames of a plate after which a new curve begins
LEAST = f"dashed: {LEAST_WIDTH:.0f} px, below which nothing is paid"
SIGNS = {"good": "●", "doubt": "◆", "bad": "✕"}


def overview(trace: Trace, used: ReplaySettings) -> str:
    """Return change, reasons, passages, plates, keyframes, calls and readings of the whole recording."""
    width = min(WIDEST, round(trace.length * PIXELS_A_SECOND))
    window = TimeSpan(0.0, trace.length, max(12, width // PIXELS_A_MARK))
    keyframes, calls, readings = [], [], []
    for sent in trace.sent:
        name, link, (tone, text) = f"Vehicle {sent.vehicle}, view {sent.view}", f"#k{sent.number}", answer(sent)
        taken, told = f"{name}, taken at {_at(sent.taken)}", f"{name}: {text}"
        keyframes.append(mark(window, sent.taken, "taken-at", "■", taken, link, stop=False))
        calls.append(mark(window, sent.sent, "call", "▲", f"{name}, sent at {_at(sent.sent)}", link))
        readings.append(mark(window, sent.sent, tone, SIGNS[tone], told, link, stop=False))
    short = " short" if width < PIXELS_A_MARK * window.marks / 2 else ""
    rows = [
        lane("change", _change(trace, used, window), f"dashed: min_area, {used.least_change:.1%} of what is watched"),
        lane("reason of each frame", reasons([(look.at, look.why) for look in trace.frames], window, _step(trace))),
        lane("passages", _bars(trace, window, max(width, SCREEN))),
        lane("width of the plates", _plates(trace, window), LEAST),
        lane("keyframes", f'<div class="marks">{"".join(keyframes)}</div>', "when the view was taken"),
        lane(f"{used.reading}s", f'<div class="marks">{"".join(calls)}</div>', "when it was sent"),
        lane("what came of it", f'<div class="marks">{"".join(readings)}</div>', "● read, ◆ unsure, ✕ nothing"),
    ]
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="Timeline of the recording">'
        f'<div class="timeline{short}" style="min-width:{width}px">{"".join(rows)}{axis(window)}</div></div>'
        + legend(sorted(trace.counts, key=list(Why).index))
    )


def passage_chart(trace: Trace, passage: PassageTrace, used: ReplaySettings, needed: float | None) -> str:
    """Return score and reasons of one passage. needed: score from which another call was worth it, None if none was."""
    samples = trace.objects[passage.number].samples if passage.number in trace.objects else []
    window = window_of(passage, samples)
    values = [s.best for s in samples if s.best is not None] + [s.score for s in passage.sent]
    top = 1.08 * max([1.0, *values, needed or 0])
    inside = "".join(curve(best, window, lambda v: v / top, "best") for best in _searches(samples, passage.sent))
    inside += "" if needed is None else level(needed / top, "least")
    inside += "".join(upright(window, s.taken, "taken") + upright(window, s.sent, "sent") for s in passage.sent)
    marks = "".join(
        mark(window, s.taken, "taken-at", "■", f"View {s.view} taken at {_at(s.taken)}", f"#k{s.number}")
        + mark(window, s.sent, "call", "▲", f"View {s.view} sent at {_at(s.sent)}", f"#k{s.number}")
        for s in passage.sent
    )
    signs = f'<div class="marks">{marks}</div>'
    note = "of the best view so far" + ("" if needed is None else f", dashed: needed for another {used.reading}")
    whys, tracked = [(s.at, s.why) for s in samples], [(s.at, s.state) for s in samples if s.state]
    shown = {why for at, why in whys if window.begin <= at <= window.end}
    known = {state for at, state in tracked if window.begin <= at <= window.end}
    widths = trace.objects[passage.number].widths if passage.number in trace.objects else []
    return (
        '<div class="timeline small short">'
        + (lane("best-shot score", drawing(window, inside, "tall") + signs, note) if values else "")
        + (lane("width of the plate", _widths(window, [widths]), LEAST) if widths else "")
        + (lane("state of the track", states(tracked, window, _step(trace))) if known else "")
        + lane("rule that decided each frame", reasons(whys, window, _step(trace)))
        + axis(window)
        + "</div>"
        + (legend_of_states(sorted(known, key=list(STATES).index)) if known else "")
        + legend(sorted(shown, key=list(Why).index))
    )


def _searches(samples: list[Sample], views: list[SentKeyframe]) -> list[list[tuple[float, float]]]:
    """Return the best score so far in each search for a view, which ends when a view is sent or the plate settled."""
    scores = {view.sent: view.score for view in views}
    searches: list[list[tuple[float, float]]] = []
    before: float | None = None
    for sample in samples:
        best = sample.best
        if best is None:
            best = next((score for at, score in scores.items() if abs(at - sample.at) < SAME_FRAME), None)
        if best is not None:
            if before is None or best < before:
                searches.append([])
            searches[-1].append((sample.at, best))
        before = best
    return searches


def window_of(passage: PassageTrace, samples: list[Sample]) -> TimeSpan:
    """Return the part of the timeline to draw for a passage: all, or only the part with the calls if it is long."""
    begin = min([passage.begin, *(s.at for s in samples[:1])])
    last = max(s.sent for s in passage.sent) if passage.sent else begin
    end = max(passage.end, last)
    if end - begin > LONG_PASSAGE:
        end = min(end, last + REST)
    return TimeSpan(begin - 0.2, end + 0.2)


def answer(sent: SentKeyframe) -> tuple[str, str]:
    """Return the tone of an answer, and the answer in words."""
    if sent.reads is None:
        return "bad", f"no answer: {sent.lost}" if sent.lost else "no answer yet"
    if sent.assumed:
        return "good", "assumed: a plate, surely read"
    if not sent.reads:
        return "bad", "no plate found"
    best = max(sent.reads, key=lambda read: (read.good, read.confidence or 0))
    sure = "without a confidence" if best.confidence is None else f"{best.confidence:.0%} sure"
    return ("good", f"{best.plate}, {sure}") if best.good else ("doubt", f"{best.plate}, {sure}: not enough")


def _change(trace: Trace, used: ReplaySettings, window: TimeSpan) -> str:
    """Return the curve of change, as a square root so that min_area and a near vehicle are both visible."""
    points = [(look.at, look.change) for look in trace.frames]
    top = max([4 * used.least_change, *(value for _, value in points)])
    inside = curve(points, window, lambda v: (v / top) ** 0.5, "change", filled=True)
    return drawing(window, inside + level((used.least_change / top) ** 0.5, "least"), "tall")


def _plates(trace: Trace, window: TimeSpan) -> str:
    return _widths(window, [obj.widths for obj in trace.objects.values()])


def _widths(window: TimeSpan, plates: Sequence[list[Point]]) -> str:
    """Return curves of the width of plates over time, with at most as many points as can be seen."""
    top = 1.08 * max([2 * LEAST_WIDTH, *(width for plate in plates for _, width in plate)])
    curves = "".join(
        curve(_fewer(part, window), window, lambda v: v / top, "best") for plate in plates for part in _unbroken(plate)
    )
    return drawing(window, curves + level(LEAST_WIDTH / top, "least"))


def _unbroken(points: list[Point]) -> list[list[Point]]:
    """Return the parts of a curve between which the plate was out of sight."""
    parts: list[list[Point]] = []
    for point in points:
        if not parts or point[0] - parts[-1][-1][0] > OUT_OF_SIGHT:
            parts.append([])
        parts[-1].append(point)
    return parts


def _fewer(points: list[Point], window: TimeSpan) -> list[Point]:
    step = window.length / 900
    widest: dict[int, Point] = {}
    for at, value in points:
        bucket = int((at - window.begin) / step)
        if bucket not in widest or value > widest[bucket][1]:
            widest[bucket] = (at, value)
    return list(widest.values())


def _bars(trace: Trace, window: TimeSpan, pixels: int) -> str:
    """Return passages as bars, in several rows if they overlap. pixels: approximate width of the timeline."""
    free: list[float] = []
    bars = []
    for passage in trace.passages.values():
        row = next((n for n, end in enumerate(free) if end <= passage.begin), len(free))
        free[row : row + 1] = [passage.end]
        name, tone, _ = OUTCOMES[passage.outcome]
        when, plates = f"{_at(passage.begin)} to {_at(passage.end)}", " ".join(passage.plates)
        title = escape(f"Vehicle {passage.ordinal}, {when}: {name} {plates}")
        left, width = window.percent(passage.begin), window.percent(passage.end) - window.percent(passage.begin)
        text = (plates or SIGNS[tone]) if width * pixels / 100 >= ROOM_FOR_TEXT else ""
        place = f"left:{left:.3f}%;width:{width:.3f}%;top:{row * 1.75:.2f}rem"
        bars.append(
            f'<a class="bar {tone}" style="{place}" href="#p{passage.ordinal}" title="{title}" aria-label="{title}">'
            f"<span>{escape(text)}</span></a>"
        )
    return f'<div class="bars" style="height:{max(1, len(free)) * 1.75:.2f}rem">{"".join(bars)}</div>'


def _step(trace: Trace) -> float:
    """Return the seconds that a frame lasts."""
    return trace.length / max(1, len(trace.frames) - 1) if trace.frames else 0.04


def _at(seconds: float) -> str:
    return clock(seconds, tenths=True)
