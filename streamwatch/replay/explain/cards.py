"""The cards of the page: vehicles, each picture with its reason and its answer, and objects that were not sent."""

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape

from streamwatch.app.meanings import KEPT, MEANINGS, NOT_SENT, OUTCOMES
from streamwatch.core.model import Box, Corners, Point
from streamwatch.core.sentences import sentence
from streamwatch.gate import CLEARLY_BETTER, Why, plate_width
from streamwatch.replay.explain.album import Thumbnail
from streamwatch.replay.explain.chart import clock
from streamwatch.replay.explain.objects import ObjectTrace
from streamwatch.replay.explain.replay_settings import Answers, ReplaySettings
from streamwatch.replay.explain.timeline import answer, passage_chart
from streamwatch.replay.explain.trace import PassageTrace, SentKeyframe, Trace

MOST_UNSENT = 60  # objects that are shown one by one
POINTS = 120  # most points of a path over a picture
Size = tuple[int, int]
Show = Callable[[Thumbnail | None], bool]
"""True if the page has room for a picture."""


def vehicles(trace: Trace, used: ReplaySettings, show: Show) -> str:
    """Return one card for each passage."""
    if not trace.passages:
        return '<p class="empty">No vehicle was sent. The objects below were looked at.</p>'
    return "".join(_vehicle(trace, used, passage, show) for passage in trace.passages.values())


def unsent(trace: Trace, used: ReplaySettings, show: Show) -> str:
    """Return one card for each object that was followed and never sent."""
    things = [obj for obj in unsent_objects(trace) if _worth_showing(obj)]
    rest = len(unsent_objects(trace)) - min(len(things), MOST_UNSENT)
    cards = "".join(_object(used, obj, show) for obj in things[:MOST_UNSENT])
    body = f'<div class="things">{cards}</div>' if cards else '<p class="empty">Nothing.</p>'
    more = (
        f'<p class="note">{rest} more came too shortly to be looked at, or are left out here.</p>' if rest > 0 else ""
    )
    return body + more


def unsent_objects(trace: Trace) -> list[ObjectTrace]:
    """Return the objects that never became a passage."""
    sent = {passage.number for passage in trace.passages.values()}
    return [obj for obj in trace.objects.values() if obj.number not in sent]


def scene(picture: Thumbnail | None, alt: str, over: str, frame: Size, css: str = "") -> str:
    """Return a whole frame with a drawing over it; `over` is in pixels of a frame of size `frame`."""
    width, height = frame
    drawing = f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">{over}</svg>'
    ratio = f"aspect-ratio:{width}/{height}"
    if picture is None:
        return f'<div class="scene {css} missing" style="{ratio}" role="img" aria-label="{escape(alt)}">{drawing}</div>'
    return (
        f'<div class="scene {css}" style="{ratio}"><img loading="lazy" decoding="async" src="{picture.uri}" '
        f'width="{picture.width}" height="{picture.height}" alt="{escape(alt)}">{drawing}</div>'
    )


def outline(zone: Sequence[Point] | None, frame: Size) -> str:
    """Return the zone as a drawing that darkens what lies outside."""
    if zone is None:
        return ""
    width, height = frame
    points = " ".join(f"{x * width:.0f},{y * height:.0f}" for x, y in zone)
    around = f'<path class="outside" fill-rule="evenodd" d="M0,0H{width}V{height}H0ZM{points}Z"/>'
    return f'{around}<polygon class="zone" points="{points}"/>'


def frame_of(box: Box, css: str) -> str:
    """Return a rectangle over a frame."""
    return f'<rect class="{css}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"/>'


def _plate(corners: Corners | None) -> str:
    """Return the corners of a plate as a drawing over a frame."""
    if corners is None:
        return ""
    points = " ".join(f"{x:.0f},{y:.0f}" for x, y in corners)
    return f'<polygon class="quad" points="{points}"/>'


def _path(obj: ObjectTrace) -> str:
    """Return the way of a plate through the picture as a drawing."""
    step = -(-len(obj.path) // POINTS) or 1
    points = " ".join(f"{x:.0f},{y:.0f}" for x, y in obj.path[::step])
    return f'<polyline class="path" points="{points}"/>' if points else ""


def _picture_of(used: ReplaySettings, obj: ObjectTrace, show: Show, what: str) -> str:
    """Return the best view of an object that was not sent."""
    begin, end = clock(obj.samples[0].at, tenths=True), clock(obj.samples[-1].at, tenths=True)
    over = outline(used.zone, obj.size) + _path(obj) + frame_of(obj.box, "crop") + _plate(obj.plate)
    alt = f"Frame between {begin} and {end}; a box marks what was {what}"
    return scene(obj.picture if show(obj.picture) else None, alt, over, obj.size)


def advised(advice: str) -> str:
    """Return an advice as a paragraph; "" without one."""
    return f'<p class="try">{escape(advice)}</p>' if advice else ""


def _vehicle(trace: Trace, used: ReplaySettings, passage: PassageTrace, show: Show) -> str:
    name, tone, long = OUTCOMES[passage.outcome] if passage.sent else KEPT if passage.kept else NOT_SENT
    if passage.sent and used.answers is Answers.ASSUMED:
        name, long = "assumed read", "In this dry run every picture counts as read."
    plates = " ".join(f'<span class="plate">{escape(plate)}</span>' for plate in passage.plates)
    begin, end = clock(passage.begin, tenths=True), clock(passage.end, tenths=True)
    local = passage.opened_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    obj = trace.objects.get(passage.number)
    chart = passage_chart(trace, passage, used, needed(passage, used)) if obj else ""
    views = "".join(_view(used, obj, sent, show) for sent in passage.sent) or _unpaid(used, obj, passage, show)
    return (
        f'<article class="card" id="p{passage.ordinal}"><header><h3>Vehicle {passage.ordinal} {plates}</h3>'
        f'<span class="badge {tone}" title="{escape(long)}">{escape(name)}</span>'
        f'<p class="when">{begin} to {end} <span class="note">came at {local}</span></p></header>'
        f"{chart}{views}"
        f'<div class="why"><h4>Why no {"further " if passage.sent else ""}{used.reading}</h4>'
        f"<p>{escape(no_further(trace, used, passage))}</p></div></article>"
    )


def needed(passage: PassageTrace, used: ReplaySettings) -> float | None:
    """Return the score from which another call was worth its price; None if the score did not decide that."""
    if not passage.sent or passage.sent[-1].reads != () or _settled(passage) or len(passage.sent) >= used.max_calls:
        return None
    return CLEARLY_BETTER * passage.sent[-1].score


def no_further(trace: Trace, used: ReplaySettings, passage: PassageTrace) -> str:
    """Return why the last call of a passage was the last one, or why it had none."""
    obj = trace.objects.get(passage.number)
    if not passage.sent:
        whys = Counter(sample.why for sample in obj.samples) if obj else Counter[Why]()
        if obj is not None and obj.widths:
            return f"{MEANINGS[obj.verdict].long} {_told(whys)}"
        return f"It was as large as a vehicle, but no plate could be seen in any view. {_told(whys)}"
    last = passage.sent[-1]
    later = [s for s in obj.samples if s.at > last.sent] if obj else []
    if _settled(passage):
        words = f"A plate was read that fits the grammar and is at least {used.min_confidence:.0%} sure: it is settled."
        if used.answers is Answers.ASSUMED:
            words = "Its picture counts as read, so it is settled."
    elif len(passage.sent) >= used.max_calls:
        words = f"It had all the {used.reading}s of one passage (max_calls: {used.max_calls})."
    elif last.reads is None:
        words = "No engine answered, and there was no other view for another try before it went."
    elif last.reads:
        words = "Nothing sure was read, and no view was left for a second opinion: one with the plate in another size."
    else:
        words = _unread(passage, used, [s.best for s in later if s.best is not None])
    if obj is None:
        return words
    return f"{words} {_afterwards(Counter(s.why for s in later))}"


def _unread(passage: PassageTrace, used: ReplaySettings, bests: list[float]) -> str:
    least = needed(passage, used) or 0.0
    words = (
        f"No plate was read, so another view was worth a {used.reading} only from a score of {least:.0f} on: "
        f"{CLEARLY_BETTER:g} times that of the one that was sent."
    )
    return f"{words} The best that came later had {max(bests):.0f}." if bests else f"{words} None came later."


def _afterwards(whys: Counter[Why]) -> str:
    if not whys:
        return "It was not followed any more afterwards."
    return f"In the {_frames(sum(whys.values()))} afterwards: {_listed(whys)}."


def _told(whys: Counter[Why]) -> str:
    return f"Its {_frames(sum(whys.values()))}: {_listed(whys)}." if whys else ""


def _listed(whys: Counter[Why]) -> str:
    return ", ".join(f"{count} × {MEANINGS[why].short}" for why, count in whys.most_common())


def _settled(passage: PassageTrace) -> bool:
    return any(read.good for sent in passage.sent for read in sent.reads or ())


def _view(used: ReplaySettings, obj: ObjectTrace | None, sent: SentKeyframe, show: Show) -> str:
    tone, text = answer(sent)
    at = clock(sent.taken, tenths=True)
    whole = ""
    if show(sent.whole):
        path = _path(obj) if obj is not None and obj.size == sent.frame else ""
        over = outline(used.zone, sent.frame) + path + frame_of(sent.crop, "crop") + _plate(sent.plate)
        alt = (
            f"The frame at {at}; a box marks the part that was sent as view {sent.view} of vehicle {sent.vehicle}, "
            "corners mark the plate"
        )
        caption = (
            f"<figcaption>The frame at {at}: what was sent, the plate, and its way through the picture</figcaption>"
        )
        whole = f"<figure>{scene(sent.whole, alt, over, sent.frame)}{caption}</figure>"
    part = (
        _part(sent.part, f"View {sent.view} of vehicle {sent.vehicle} as it was sent: {text}", "What was sent")
        if show(sent.part)
        else '<p class="note">Picture left out: the page would become too large.</p>'
    )
    waited = sent.sent - sent.taken
    facts = [
        ("why it was sent", sentence(sent.reason).capitalize()),
        ("what came of it", f'<span class="{tone}">{escape(text)}</span>'),
        ("plate", "unknown" if sent.plate is None else f"{plate_width(sent.plate):.0f} px wide"),
        ("score", f"{sent.score:.0f}"),
        ("sent", f"{waited:.1f} s after the view was taken" if waited >= 0.05 else "at once"),
        ("picture", f"{sent.size[0]} × {sent.size[1]} px, {sent.bytes / 1000:.0f} kB"),
    ]
    facts[0] = (facts[0][0], escape(facts[0][1]))
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<section class="view" id="k{sent.number}"><h4>View {sent.view} <span class="note">at {at}</span></h4>'
        f'<div class="shots">{part}{whole}</div><dl>{rows}</dl></section>'
    )


def _unpaid(used: ReplaySettings, obj: ObjectTrace | None, passage: PassageTrace, show: Show) -> str:
    """Return the kept picture of a passage that nothing was paid for, and a whole frame that shows it."""
    kept, figures = passage.kept, ""
    if kept is not None and show(kept.part):
        caption = f"Kept, not paid, at {clock(kept.taken, tenths=True)}: {sentence(kept.reason)}"
        figures = _part(kept.part, f"Vehicle {passage.ordinal} as it was kept", caption)
    if obj is not None and show(obj.picture):
        figures += f'<figure class="best">{_picture_of(used, obj, show, "recorded")}</figure>'
    return f'<div class="shots">{figures}</div>' if figures else ""


def _part(picture: Thumbnail | None, alt: str, caption: str) -> str:
    assert picture is not None
    return (
        f'<figure class="part"><img loading="lazy" decoding="async" src="{picture.uri}" width="{picture.width}" '
        f'height="{picture.height}" alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def _worth_showing(obj: ObjectTrace) -> bool:
    return not set(obj.whys) <= {Why.TOO_SHORT, Why.NO_PLATE}


def _object(used: ReplaySettings, obj: ObjectTrace, show: Show) -> str:
    why = obj.verdict
    ended = obj.whys.most_common()
    meaning = MEANINGS[why]
    begin, end = clock(obj.samples[0].at, tenths=True), clock(obj.samples[-1].at, tenths=True)
    picture = _picture_of(used, obj, show, "followed and not sent")
    widest = max((width for _, width in obj.widths), default=0)
    plate = f"Its plate was at most {widest:.0f} px wide. " if widest else ""
    counted = ", ".join(f"{count} × {MEANINGS[reason].short}" for reason, count in ended)
    return (
        f'<article class="thing">{picture}<div><h3><i class="w-{why.name}"></i>{escape(meaning.short)} '
        f"<code>{why.name}</code></h3>"
        f'<p class="when">{begin} to {end}</p><p>{escape(meaning.long)}</p>'
        f'<p class="note">{plate}It filled at most {obj.largest:.1%} of the picture. '
        f"{_frames(len(obj.samples))}: {counted}.</p>"
        f"{advised(meaning.advice)}</div></article>"
    )


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
