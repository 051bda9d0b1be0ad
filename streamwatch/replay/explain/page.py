"""The page that explains a replay: one file with styles, a short script and all pictures inside."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from pathlib import Path

from streamwatch.app.meanings import MEANINGS
from streamwatch.core.errors import PageError
from streamwatch.gate import Why
from streamwatch.replay.explain.account import ASSUMPTION, cost
from streamwatch.replay.explain.album import Thumbnail, with_room
from streamwatch.replay.explain.cards import advised, unsent, vehicles
from streamwatch.replay.explain.chart import clock
from streamwatch.replay.explain.replay_settings import Answers, ReplaySettings
from streamwatch.replay.explain.savings import Savings, read_free, readings_of, savings_of
from streamwatch.replay.explain.timeline import overview
from streamwatch.replay.explain.trace import Trace
from streamwatch.replay.explain.tuning import settings_table, zone_editor, zone_picture
from streamwatch.store import PassageOutcome

SECTIONS = (
    ("timeline", "Timeline"),
    ("vehicles", "Vehicles"),
    ("unsent", "Not sent"),
    ("reasons", "Frames by reason"),
    ("savings", "What was saved"),
    ("tuning", "Zone and thresholds"),
)
MOST_NAMES = 4
HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>'
)
"""The beginning of each page."""
ELSEWHERE = "Name another place with --explain."


class PageFile:
    """The file that the page is written to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, page: str) -> None:
        """Write the page; characters that are not UTF-8 become `?`. Raise PageError if it cannot be written."""
        try:
            self._path.write_text(page, encoding="utf-8", errors="replace")
        except OSError as error:
            raise _unwritable(self._path, error) from None


def refuse_place(path: Path, inputs: Iterable[Path]) -> None:
    """Raise PageError if the page would overwrite one of the inputs, or a file that is not such a page.

    If a user forgets the name of the page, the option takes the name of the first video for it.
    """
    try:
        if path.exists() and any(other.exists() and path.samefile(other) for other in inputs):
            raise PageError(f"The page would overwrite {path}, which is to be read.", ELSEWHERE)
        if path.is_file() and not _may_be_replaced(path):
            raise PageError(f"The page would overwrite {path}, which is not such a page.", ELSEWHERE)
    except OSError as error:
        raise _unwritable(path, error) from None


def _may_be_replaced(path: Path) -> bool:
    """True if a file is such a page, or empty: a replay that was killed may leave an empty file."""
    head = HEAD.encode()
    with path.open("rb") as file:
        return file.read(len(head)) in (head, b"")


@contextmanager
def page_place(path: Path | None) -> Iterator[PageFile | None]:
    """Make sure, before anything is paid, that the page can be written; raise PageError if it cannot.

    If the replay fails, a file that was not there before is removed.
    """
    if path is None:
        yield None
        return
    new = not path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield PageFile(path)
    except BaseException:
        if new:
            path.unlink(missing_ok=True)
        raise


def page_of(trace: Trace, used: ReplaySettings) -> str:
    """Return the whole page as HTML. All texts from outside are escaped: plates, names of cameras and files."""
    savings = savings_of(trace, used.least_change)
    show = _room(trace)
    bodies = {
        "timeline": _timeline(trace, used),
        "vehicles": vehicles(trace, used, show),
        "unsent": "<p>Objects that were followed for a while and never sent, each with the reason that decided.</p>"
        + unsent(trace, used, show),
        "reasons": _reasons(trace),
        "savings": _saved(trace, savings, used),
        "tuning": f'<div class="tuning"><div>{zone_picture(trace, used)}{zone_editor(used)}</div>'
        f"{settings_table(trace, used)}</div>",
    }
    nav = "".join(f'<a href="#{name}">{title}</a>' for name, title in SECTIONS)
    main = "".join(
        f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{title}</h2>{bodies[name]}</section>'
        for name, title in SECTIONS
    )
    title = f"{used.camera}: why {used.reading}s were made" if not used.dry else f"{used.camera}: dry run"
    return (
        f"{HEAD}{escape(title)}</title><style>{_part('page.css')}</style></head><body>"
        f'{_head(trace, used, savings)}<nav aria-label="Parts of the page"><div>{nav}</div></nav><main>{main}</main>'
        f"<script>{_part('page.js')}</script></body></html>\n"
    )


def _unwritable(path: Path, error: OSError) -> PageError:
    return PageError(f"The page {path} cannot be written: {error.strerror}.", ELSEWHERE)


def _part(name: str) -> str:
    return (files("streamwatch.replay.explain") / name).read_text(encoding="utf-8")


def _room(trace: Trace) -> Callable[[Thumbnail | None], bool]:
    """Return a function that is True for a picture that fits on the page.

    Sent pictures come first, then kept ones, others, and whole frames.
    """
    sent = trace.sent
    kept = with_room(
        [
            trace.scene,
            *(s.part for s in sent),
            *(passage.kept.part for passage in trace.passages.values() if passage.kept is not None),
            *(obj.picture for obj in trace.objects.values()),
            *(s.whole for s in sent),
        ]
    )
    return lambda picture: picture is not None and id(picture) in kept


def _head(trace: Trace, used: ReplaySettings, savings: Savings) -> str:
    passages, calls, free = len(trace.passages), readings_of(trace, used), read_free(trace, used)
    read = sum(passage.outcome is PassageOutcome.READ for passage in trace.passages.values())
    begins = trace.time.parts[0][1].astimezone().strftime("%Y-%m-%d %H:%M:%S %z") if trace.time.parts else ""
    dry = '<span class="badge doubt">dry run: nothing was paid</span>' if used.dry else ""
    tiles = [
        (f"{passages}", "vehicle" if passages == 1 else "vehicles"),
        (f"{calls}", used.reading if calls == 1 else f"{used.reading}s"),
        (f"{calls / passages:.2f}" if passages else "–", f"{used.reading}s per vehicle"),
        *([(f"{free}", "read free, by the local engine")] if free else []),
        (f"{read} of {passages}", "with a plate"),
        *_cost(calls, used),
        (f"{savings.naive}", f"{used.reading}s at one picture per second"),
    ]
    cells = "".join(f"<div><b>{escape(value)}</b><span>{escape(label)}</span></div>" for value, label in tiles)
    return (
        f'<header class="top"><p class="over">streamwatch · camera <b>{escape(used.camera)}</b> {dry}</p>'
        f"<h1>Why {used.reading}s were made, and why not</h1>"
        f"<p>{escape(_names(used.videos))} · {clock(trace.length)} min · {len(trace.frames)} frames of "
        f"{trace.size[0]} × {trace.size[1]} px · from {escape(begins)}</p>"
        f'<p class="note">{escape(used.answers[0].upper() + used.answers[1:])}.</p>'
        f'<div class="tiles">{cells}</div></header>'
    )


def _cost(calls: int, used: ReplaySettings) -> list[tuple[str, str]]:
    if used.answers is Answers.LOCAL:
        return []
    return [(f"{calls * used.price:.2f}", "cost") if used.price else ("–", "cost: calls.price is not set")]


def _names(videos: tuple[str, ...]) -> str:
    if len(videos) <= MOST_NAMES:
        return ", ".join(videos)
    return f"{', '.join(videos[: MOST_NAMES - 1])} and {len(videos) - MOST_NAMES + 1} more"


def _timeline(trace: Trace, used: ReplaySettings) -> str:
    if not trace.frames:
        return '<p class="empty">There was no frame.</p>'
    parts = "".join(
        f"<li>{clock(begin)}: {time.astimezone().strftime('%Y-%m-%d %H:%M:%S')}</li>"
        for begin, time in trace.time.parts
    )
    several = f'<p class="note">The time between the recordings is left out:</p><ul class="parts">{parts}</ul>'
    hint = '<p class="note">Minutes and seconds of the recording. Each mark leads to its picture.</p>'
    return hint + overview(trace, used) + (several if len(trace.time.parts) > 1 else "")


def _reasons(trace: Trace) -> str:
    """Return the table of reasons. Every frame has exactly one reason, so the column adds up."""
    total, most = len(trace.frames), max(trace.counts.values(), default=1)
    rows = "".join(_reason(why, trace.counts[why], total, most) for why in Why if trace.counts[why])
    return (
        "<p>Each frame has exactly one reason. With several plates in view the rule nearest to a call counts. The "
        "rules stand in docs/gate.md.</p>"
        '<table class="reasons"><thead><tr><th scope="col">reason</th><th scope="col" class="n">frames</th>'
        '<th scope="col" class="n">part</th><td class="barcell"></td><th scope="col">what it means, what to try</th>'
        f'</tr></thead><tbody>{rows}</tbody><tfoot><tr><th scope="row">all</th><td class="n">{total}</td>'
        '<td class="n"></td><td class="barcell"></td><td class="long"></td></tr></tfoot></table>'
    )


def _reason(why: Why, count: int, total: int, most: int) -> str:
    meaning = MEANINGS[why]
    return (
        f'<tr><th scope="row"><i class="w-{why.name}"></i>{escape(meaning.short)}</th>'
        f'<td class="n">{count}</td><td class="n">{count / total:.1%}</td>{_bar(why, count, most)}'
        f'<td class="long"><p><code>{why.name}</code> {escape(meaning.long)}</p>{advised(meaning.advice)}</td></tr>'
    )


def _bar(why: Why, count: int, most: int) -> str:
    return f'<td class="barcell"><span class="w-{why.name}" style="width:{100 * count / most:.1f}%"></span></td>'


def _saved(trace: Trace, savings: Savings, used: ReplaySettings) -> str:
    most = max([1, *(rule.naive for rule in savings.rules)])
    rows = "".join(
        f'<tr><th scope="row"><i class="w-{rule.why.name}"></i>{escape(rule.rule)}</th><td class="n">{rule.naive}</td>'
        f'{_bar(rule.why, rule.naive, most)}<td class="n">{rule.frames}</td></tr>'
        for rule in savings.rules
        if rule.why is not Why.SENT and rule.naive
    )
    same = sum(rule.naive for rule in savings.rules if rule.why is Why.SENT)
    calls, paid = readings_of(trace, used), used.price and used.answers is not Answers.LOCAL
    price = f" ({cost(savings.naive, used)} instead of {cost(calls, used)})" if paid else ""
    return (
        f"<p>Compared with a naive watcher that sends {escape(ASSUMPTION)}: <b>{savings.naive} {used.reading}s</b> "
        f"instead of <b>{calls}</b>{escape(price)}. Each of its pictures counts for the reason why the gate did not "
        f"send that frame; {same} fall into a second in which the gate sent one, too.</p>"
        '<table class="saved"><thead><tr><th scope="col">rule</th><th scope="col" class="n">saved</th>'
        '<td class="barcell"></td><th scope="col" class="n">frames</th></tr></thead>'
        f'<tbody>{rows}</tbody><tfoot><tr><th scope="row">together</th><td class="n">{savings.naive - same}</td>'
        '<td class="barcell"></td><td class="n"></td></tr></tfoot></table>'
    )
