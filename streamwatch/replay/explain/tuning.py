"""Zone and thresholds: what each one means, what this recording shows about it, and what to try."""

from html import escape
from itertools import pairwise

from streamwatch.core.model import Box
from streamwatch.gate import Why
from streamwatch.replay.explain.cards import advised, frame_of, outline, scene, unsent_objects
from streamwatch.replay.explain.objects import ObjectTrace
from streamwatch.replay.explain.replay_settings import Answers, ReplaySettings
from streamwatch.replay.explain.trace import Trace

MOST_BOXES = 150
NOISY = 0.5  # part of min_area from which the noise of an empty scene is too large


def zone_picture(trace: Trace, used: ReplaySettings) -> str:
    """Return the scene with the zone, the places of vehicles and other objects, and the smallest area that counts."""
    width, height = trace.size
    lines = "".join(f"M{width * n / 4:.0f},0V{height}M0,{height * n / 4:.0f}H{width}" for n in (1, 2, 3))
    things = [obj for obj in unsent_objects(trace) if set(obj.whys) != {Why.TOO_SHORT}]
    unsent = [_scaled(obj, trace.size) for obj in things]
    came = [_scaled(trace.objects[s.number], trace.size) for s in trace.passages.values() if s.number in trace.objects]
    boxes = "".join(frame_of(box, "unsent") for box in unsent[:MOST_BOXES])
    boxes += "".join(frame_of(box, "sent") for box in came[:MOST_BOXES])
    side = (used.min_area * width * height) ** 0.5
    least = frame_of(Box(round(width * 0.02), round(height * 0.97 - side), round(side), round(side)), "least")
    over = f'<path class="grid" d="{lines}"/>{outline(used.zone, trace.size)}{boxes}{least}'
    alt = f"The scene as empty as it was seen, with the zone, {len(came)} vehicles and {len(unsent)} other objects"
    numbers = "".join(
        f'<span class="x" style="left:{n * 25}%">{n / 4:g}</span><span class="y" style="top:{n * 25}%">{n / 4:g}</span>'
        for n in range(5)
    )
    keys = (
        '<li><i class="key zone"></i>zone</li><li><i class="key sent"></i>vehicle</li>'
        '<li><i class="key unsent"></i>other objects</li><li><i class="key least"></i>min_area</li>'
    )
    return (
        f'<figure class="map"><div class="rulers">{scene(trace.scene, alt, over, trace.size, "zoned")}{numbers}</div>'
        f'<figcaption><ul class="legend">{keys}</ul></figcaption></figure>'
    )


def zone_editor(used: ReplaySettings) -> str:
    """Return the zone as a line for config.yaml. With the script of the page, its corners can be set by mouse."""
    points = used.zone or ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    text = "zone: [" + ", ".join(f"[{x:g}, {y:g}]" for x, y in points) + "]"
    whole = "" if used.zone else " No zone is set: all of the picture is watched."
    return (
        f'<div class="editor"><label for="zone">For <code>cameras.{escape(used.camera)}</code> in config.yaml</label>'
        f'<textarea id="zone" rows="3" spellcheck="false">{escape(text)}</textarea>'
        f'<p class="note" id="zone-says">Corners as [x, y] in fractions of the picture.{whole}</p>'
        '<p class="buttons" hidden><button type="button" id="zone-new">Draw a new zone</button> '
        '<button type="button" id="zone-undo">Take the last corner back</button></p></div>'
    )


def settings_table(trace: Trace, used: ReplaySettings) -> str:
    """Return a table of all thresholds of the gate."""
    rows = [
        (
            "gate.threshold",
            f"{used.threshold}",
            "Grey levels by which a pixel must differ from the empty scene.",
            *_noise(trace, used),
        ),
        (
            "gate.min_area",
            f"{used.min_area:g}",
            "Part of the picture that a region must fill to be looked at.",
            *_areas(trace, used),
        ),
        (
            "gate.patience",
            f"{used.patience:g} s",
            "A view is sent when it has not become better for this time.",
            *_waits(trace),
        ),
        (
            "gate.close_after",
            f"{used.close_after:g} s",
            "A passage ends when its vehicle has not been seen for this time.",
            *_gaps(trace),
        ),
        (
            "gate.max_calls",
            f"{used.max_calls}",
            f"{used.reading.capitalize()}s for one passage at most.",
            *_calls(trace, used),
        ),
        (
            used.settled_by,
            f"{used.min_confidence:g}",
            f"A reading below makes no sighting by itself, and a second {used.reading} may follow.",
            *_confidence(trace, used),
        ),
    ]
    body = "".join(
        f'<div class="setting"><dt><code>{escape(used.place_of(key))}</code><b>{value}</b></dt>'
        f"<dd><p>{escape(what)}</p>"
        f'<p class="seen">{escape(seen)}</p>{advised(advice)}</dd></div>'
        for key, value, what, seen, advice in rows
    )
    return f'<dl class="settings">{body}</dl>'


def _scaled(obj: ObjectTrace, size: tuple[int, int]) -> Box:
    """Return the box of an object in pixels of a frame of that size."""
    x, y = size[0] / obj.size[0], size[1] / obj.size[1]
    box = obj.box
    return Box(round(box.x * x), round(box.y * y), round(box.width * x), round(box.height * y))


def _noise(trace: Trace, used: ReplaySettings) -> tuple[str, str]:
    quiet = sorted(look.change for look in trace.frames if look.why in (Why.QUIET, Why.TOO_SMALL))
    if not quiet:
        return "Something was always in view here.", "Try a recording that also shows the empty scene."
    typical = quiet[len(quiet) // 2]
    seen = f"While nothing large was there, {typical:.2%} of what is watched differed (median)."
    if typical > NOISY * used.least_change:
        return seen, f"That is near to min_area: raise threshold, to {round(used.threshold * 1.4)} for a start."
    return seen, "This leaves room. Dark vehicles on dark ground missed? Lower it a little at a time."


def _areas(trace: Trace, used: ReplaySettings) -> tuple[str, str]:
    small = [look.change * used.watched for look in trace.frames if look.why is Why.TOO_SMALL]
    came = [
        trace.objects[passage.number].largest for passage in trace.passages.values() if passage.number in trace.objects
    ]
    told = []
    if came:
        told.append(f"The smallest vehicle filled {min(came):.1%} of the picture at its largest.")
    if small:
        told.append(f"Changes that were too small reached {max(small):.1%} of the picture.")
    advice = "Keep it well below the smallest vehicle. People and shadows looked at too often: raise it towards that."
    return " ".join(told) or "No vehicle came here, and nothing was too small.", advice


def _waits(trace: Trace) -> tuple[str, str]:
    waits = sorted(sent.sent - sent.taken for sent in trace.sent)
    if not waits:
        return "Nothing was sent here.", "Lower it for faster answers, raise it where vehicles come from afar."
    seen = f"From the view to the call it took {waits[len(waits) // 2]:.1f} s (median), {waits[-1]:.1f} s at most."
    return seen, "Lower it for faster answers. Raise it where pictures are sent while the vehicle still comes nearer."


def _gaps(trace: Trace) -> tuple[str, str]:
    longest = 0.0
    for obj in trace.objects.values():
        times = [sample.at for sample in obj.samples]
        longest = max([longest, *(later - at for at, later in pairwise(times))])
    seen = f"The longest time for which an object was out of sight and then seen again was {longest:.1f} s."
    return seen, "One vehicle became two passages, with a pillar or a person before it? Raise it."


def _calls(trace: Trace, used: ReplaySettings) -> tuple[str, str]:
    counts = [len(passage.sent) for passage in trace.passages.values()]
    if not counts:
        return "Nothing was sent here.", ""
    told = [f"{counts.count(n)} with {n}" for n in sorted(set(counts))]
    return (
        f"Passages by their {used.reading}s: {', '.join(told)}.",
        "Lower it to save, raise it only where a later view is read.",
    )


def _confidence(trace: Trace, used: ReplaySettings) -> tuple[str, str]:
    if used.answers is Answers.ASSUMED:
        return "Nothing was really read in this dry run.", ""
    sure = [read.confidence for sent in trace.sent for read in sent.reads or () if read.confidence is not None]
    if not sure:
        return "No reading had a confidence.", ""
    below = sum(confidence < used.min_confidence for confidence in sure)
    seen = f"{below} of {len(sure)} readings were below; the least sure one had {min(sure):.2f}."
    return (
        seen,
        f"Right plates marked unsure? Lower it. Wrong plates logged? Raise it; each may cost a second {used.reading}.",
    )
