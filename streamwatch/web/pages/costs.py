"""The page of costs: calls, money and what was saved, per camera and day, budget, forecast, and the ledger."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from babel.numbers import format_decimal
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.app.costs import Forecast, Prices, saved_words
from streamwatch.core.clock import Span, window
from streamwatch.core.codes import CallOutcome, Role
from streamwatch.core.times import parse_time
from streamwatch.health import BudgetUse
from streamwatch.store import Calls, CallsReport, DatabaseReader, KeyframeState, LedgerRow, NotCalledDay
from streamwatch.store.statistics import LONGEST
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import render, texts_of
from streamwatch.web.catalogue import N_, Texts
from streamwatch.web.charts import Chart, Series
from streamwatch.web.context import console_of
from streamwatch.web.health_words import WINDOWS
from streamwatch.web.passage_view import plate_for
from streamwatch.web.routing import page
from streamwatch.web.sentences import CALL_OUTCOMES
from streamwatch.web.templating import Wording

PERIODS = {"7d": N_("7 days"), "month": N_("This month"), "quarter": N_("3 months")}
CHARGES: dict[str, tuple[str, frozenset[bool | None]]] = {
    "yes": (N_("charged"), frozenset({True})),
    "no": (N_("not charged"), frozenset({False})),
    "unknown": (N_("perhaps charged"), frozenset({None})),
}
BY_HAND = "-"
"""In the address: calls of the verb `read`."""
ROWS = 50
"""Calls on one page of the ledger."""
MOST_COLUMNS = 62
"""Days in a chart; a longer time is shown by weeks."""
MOST_SERIES = 6
"""Cameras and rules with a colour of their own in a chart; the rest is one series together."""


@dataclass(frozen=True, slots=True)
class CostsPeriod:
    """The time that is asked about. name: of `PERIODS`; empty for from–to.

    since, until: as they were typed. error: why they are not possible.
    """

    begin: datetime
    end: datetime
    name: str = ""
    since: str = ""
    until: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class CameraCosts:
    """One row of the table of cameras."""

    name: str
    calls: Calls
    cost: float
    saved: int


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A call with its words. tone: of its badge."""

    row: LedgerRow
    outcome: str
    tone: str
    charge: str
    plates: str
    latency: str


def costs(request: Request) -> Response:
    """Show what was paid in a period."""
    principal, texts, now = principal_of(request), texts_of(request), datetime.now(UTC)
    console, asked = console_of(request), request.query_params
    reader, price = console.reader, console.backend.settings.calls.price
    period = period_of(asked.get("period", ""), asked.get("from", ""), asked.get("to", ""), now, texts)
    first_use = reader.first_use()
    report = _seen(reader.calls_report(period.begin, period.end), principal)
    saved = [
        day
        for day in reader.statistics.not_called_by_day(period.begin, period.end)
        if principal is not None and principal.sees(day.row.camera) and day.row.state is KeyframeState.ANSWERED
    ]
    prices = Prices(price, period.begin, period.end, first_use)
    month = Prices(price, window(Span.MONTH, now).begin, now, first_use)
    forecast = month.range(_seen(reader.calls_report(month.begin, now), principal))
    charts = Charts(texts, prices, report, saved)
    ledger, older = _ledger(request, period, texts, principal)
    return render(
        request,
        "costs.html",
        period=period,
        periods=PERIODS,
        total=report.total,
        cost=prices.cost(report.total),
        price=price,
        money=lambda value: money(value, texts),
        saved=sum(day.row.keyframes for day in saved),
        forecast=forecast,
        budget=_budget(request, reader, principal, now),
        windows=WINDOWS,
        charts=[chart for chart in charts.all() if not chart.empty],
        cameras=_by_camera(report, saved, prices, texts),
        ledger=ledger,
        older=older,
        known=[name for name in console.backend.settings.cameras if principal is not None and principal.sees(name)],
        outcomes=CALL_OUTCOMES,
        charges=CHARGES,
        chosen={name: asked.get(name, "") for name in ("camera", "outcome", "charged")},
        by_hand=BY_HAND,
        since_first_use=first_use,
        whole_month=_written(forecast, Wording(texts)),
    )


def money(value: float, texts: Texts) -> str:
    """Return a sum of money without a currency, with two digits behind the point."""
    return str(format_decimal(value, "#,##0.00", locale=texts.locale))


def period_of(name: str, since: str, until: str, now: datetime, texts: Texts) -> CostsPeriod:
    """Return the period that an address asks for; this month, with an error, for one that is not possible."""
    _ = texts.gettext
    month = CostsPeriod(window(Span.MONTH, now).begin, now, "month", since, until)
    if name == "7d":
        return replace(month, begin=window(Span.DAY, now - timedelta(days=6)).begin, name=name)
    if name == "quarter":
        begin = month.begin
        for _month in range(2):
            begin = window(Span.MONTH, begin - timedelta(days=1)).begin
        return replace(month, begin=begin, name=name)
    if name or not (since or until):
        return month
    try:
        begin = parse_time(since, now) if since else month.begin
        end = min(now, parse_time(until, now, end=True)) if until else now
    except ValueError:
        said = _("This is not a time. Write 2026-01-31, yesterday, 08:00, or how long ago: 2h, 7d, 2w.")
        return replace(month, error=said)
    if begin >= end:
        return replace(month, error=_("The time ends before it begins, or lies in the future."))
    if end - begin > LONGEST:
        said = _("The time is too long: ask for %(days)s days at most.") % {"days": LONGEST.days}
        return replace(month, error=said)
    return CostsPeriod(begin, end, "", since, until)


def _seen(report: CallsReport, principal: Principal | None) -> CallsReport:
    """Return the part of a report that this person may see. Calls by hand are nobody's but all cameras' manager's."""
    if principal is None or principal.cameras is None:
        return report
    rows = [row for row in report.rows if row.camera is not None and principal.sees(row.camera)]
    return CallsReport(rows, sum((row.calls for row in rows), Calls()))


def _budget(request: Request, reader: DatabaseReader, principal: Principal | None, now: datetime) -> list[BudgetUse]:
    """Return the limits with their use, as the daemon counts; without a daemon, as the ledger says."""
    backend = console_of(request).backend
    snapshot = backend.snapshot()
    if snapshot is not None:
        uses = list(snapshot.budget)
    else:
        limits = [("", backend.settings.budget), *((n, c.budget) for n, c in backend.settings.cameras.items())]
        uses = [
            BudgetUse(span.value, camera, reader.spent(window(span, now).begin, camera or None), limit)
            for camera, budget in limits
            for span in Span
            if (limit := getattr(budget, span.value)) is not None
        ]
    return [use for use in uses if principal is not None and (not use.camera or principal.sees(use.camera))]


def _by_camera(report: CallsReport, saved: Sequence[NotCalledDay], prices: Prices, texts: Texts) -> list[CameraCosts]:
    """Return the sums of each camera, the dearest first."""
    sums: dict[str | None, Calls] = {}
    for row in report.rows:
        sums[row.camera] = sums.get(row.camera, Calls()) + row.calls
    spared: dict[str | None, int] = {}
    for day in saved:
        spared[day.row.camera] = spared.get(day.row.camera, 0) + day.row.keyframes
    found = [
        CameraCosts(_name(name, texts), calls, prices.cost(calls), spared.get(name, 0))
        for name in {**sums, **spared}
        for calls in [sums.get(name, Calls())]
    ]
    return sorted(found, key=lambda row: (-row.calls.calls, row.name))


def _name(camera: str | None, texts: Texts) -> str:
    return texts.gettext("(by hand)") if camera is None else camera


def _ledger(
    request: Request, period: CostsPeriod, texts: Texts, principal: Principal | None
) -> tuple[list[LedgerLine], str | None]:
    """Return one page of the ledger, and the address of the older one."""
    asked, statistics = request.query_params, console_of(request).reader.statistics
    scope = None if principal is None else principal.cameras
    camera, outcome, charged = asked.get("camera", ""), asked.get("outcome", ""), asked.get("charged", "")
    rows = statistics.ledger_page(
        period.begin,
        period.end,
        cameras=_asked_cameras(camera, scope),
        outcomes=frozenset({CallOutcome(outcome)}) if outcome in set(CallOutcome) else None,
        charged=CHARGES[charged][1] if charged in CHARGES else None,
        older_than=_key(asked.get("before", "")),
        limit=ROWS + 1,
    )
    older = None
    if len(rows) > ROWS:
        last = rows[ROWS - 1]
        query = {name: value for name, value in asked.items() if name != "before" and value}
        older = f"?{urlencode(query | {'before': f'{last.started_at.isoformat()}~{last.id}'})}#ledger"
    return [_line(row, texts, principal) for row in rows[:ROWS]], older


def _asked_cameras(camera: str, scope: frozenset[str] | None) -> frozenset[str | None] | None:
    """Return the cameras whose calls are shown; None for all."""
    if not camera:
        return None if scope is None else frozenset(scope)
    wanted: str | None = None if camera == BY_HAND else camera
    return frozenset({wanted}) if scope is None or wanted in scope else frozenset()


def _key(text: str) -> tuple[datetime, int] | None:
    at, _, number = text.partition("~")
    try:
        found = datetime.fromisoformat(at), int(number[:18])
    except ValueError:
        return None
    return found if found[0].utcoffset() is not None else None


def _line(row: LedgerRow, texts: Texts, principal: Principal | None) -> LedgerLine:
    _ = texts.gettext
    if row.outcome is None:
        outcome, tone = _("under way"), "info"
    else:
        outcome = _(CALL_OUTCOMES[row.outcome])
        tone = {CallOutcome.READ: "good", CallOutcome.NO_PLATE: "warn"}.get(row.outcome, "bad")
    charge = next(word for word, kinds in CHARGES.values() if row.charged in kinds)
    plates = " ".join(plate_for(principal, plate) for plate in row.plates or ())
    latency = "" if row.latency is None else f"{row.latency:.1f} s"
    return LedgerLine(row, outcome, tone, _(charge), plates, latency)


def _written(forecast: Forecast, words: Wording) -> dict[str, str]:
    return {
        "units": words.number(forecast.units),
        "low": "" if forecast.low is None else words.number(forecast.low),
        "high": "" if forecast.high is None else words.number(forecast.high),
    }


class Charts:
    """Draws the charts of a report, by days or weeks."""

    def __init__(self, texts: Texts, prices: Prices, report: CallsReport, saved: Sequence[NotCalledDay]) -> None:
        self._texts, self._words, self._prices = texts, Wording(texts), prices
        self._report, self._saved = report, saved
        self._columns, self._weekly = _columns(prices.begin, prices.end)

    def all(self) -> list[Chart]:
        """Return all charts: calls by outcome, cost by camera, calls without a plate, what was saved by rule."""
        _ = self._texts.gettext
        kinds: tuple[tuple[str, Callable[[Calls], float], int], ...] = (
            (_("plate read"), lambda calls: calls.read, 0),
            (_("no plate found"), lambda calls: calls.no_plate, 1),
            (_("perhaps charged"), lambda calls: calls.doubtful, 3),
            (_("failed"), lambda calls: calls.failed, 4),
        )
        by_outcome = [
            Series(name, self._sums((row.day, part(row.calls)) for row in self._report.rows), colour)
            for name, part, colour in kinds
        ]
        found = [self._chart("calls", _("Calls by their outcome"), by_outcome)]
        if self._prices.price:
            cost = self._by_camera(self._prices.cost)
            found.append(self._chart("cost", _("Cost by camera"), cost, digits=2))
        else:
            found.append(self._chart("charged", _("Charged calls by camera"), self._by_camera(lambda c: c.fee)))
        found.append(
            self._chart("no-plate", _("Calls without a plate, by camera"), self._by_camera(lambda c: c.no_plate))
        )
        found.append(self._chart("saved", _("Calls saved, by rule"), self._by_rule()))
        return found

    def _chart(self, name: str, title: str, series: list[Series], digits: int = 0) -> Chart:
        _ = self._texts.gettext
        shown = [one for one in series if any(one.values)]
        return Chart(
            name=name,
            title=title,
            about=_("By week.") if self._weekly else _("By day."),
            labels=[f"{day.month}/{day.day}" if self._weekly else str(day.day) for day in self._columns],
            long_labels=[self._words.day(day) for day in self._columns],
            series=shown or series[:1],
            heading=_("Week from") if self._weekly else _("Day"),
            as_table=_("As a table"),
            number=(lambda value: money(value, self._texts)) if digits else self._words.number,
            total=_("All") if len(shown) > 1 else "",
            whole=not digits,
        )

    def _by_camera(self, part: Callable[[Calls], float]) -> list[Series]:
        """Return a series for each camera; a camera has the same colour in all charts."""
        rows = [(_name(row.camera, self._texts), row.day, part(row.calls)) for row in self._report.rows]
        cameras = sorted({name for name, _, _ in rows})
        return [
            replace(one, colour=cameras.index(one.name) if one.name in cameras else None) for one in self._largest(rows)
        ]

    def _by_rule(self) -> list[Series]:
        _ = self._texts.gettext
        rows = []
        for day in self._saved:
            became, why = saved_words(day.row)
            rows.append((_(why or became), day.day, float(day.row.keyframes)))
        return self._largest(rows)

    def _largest(self, rows: Sequence[tuple[str, date, float]]) -> list[Series]:
        """Return a series for each of the largest names, and one for all others together."""
        totals: dict[str, float] = {}
        for name, _, value in rows:
            totals[name] = totals.get(name, 0.0) + value
        names = sorted(totals, key=lambda name: (-totals[name], name))
        kept = names if len(names) <= MOST_SERIES else names[: MOST_SERIES - 1]
        found = [Series(name, self._sums((day, value) for other, day, value in rows if other == name)) for name in kept]
        if len(kept) < len(names):
            rest = self._sums((day, value) for name, day, value in rows if name not in kept)
            found.append(Series(self._texts.gettext("others"), rest))
        return found or [Series("", [0.0] * len(self._columns))]

    def _sums(self, rows: Iterable[tuple[date, float]]) -> list[float]:
        sums = dict.fromkeys(self._columns, 0.0)
        for day, value in rows:
            column = day - timedelta(days=day.weekday()) if self._weekly else day
            if column in sums:
                sums[column] += value
        return list(sums.values())


def _columns(begin: datetime, end: datetime) -> tuple[list[date], bool]:
    """Return the days of a period, or the Mondays of its weeks and True if there are too many days."""
    first, last = begin.astimezone().date(), (end - timedelta(microseconds=1)).astimezone().date()
    weekly = (last - first).days >= MOST_COLUMNS
    step = 7 if weekly else 1
    first -= timedelta(days=first.weekday() if weekly else 0)
    return [first + timedelta(days=n) for n in range(0, (last - first).days + 1, step)], weekly


ROUTES = [page("/costs", costs, role=Role.MANAGER)]
