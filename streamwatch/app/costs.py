"""The cost of calls, the savings and the forecast for the month, for the verb `calls` and the page of costs."""

import math
from dataclasses import dataclass
from datetime import date, datetime
from statistics import stdev

from streamwatch.core.clock import Span, window
from streamwatch.core.sentences import sentence
from streamwatch.store import Calls, CallsReport, KeyframeState, NotCalledRow

LIKELY = 1.2816
"""Standard deviations to both sides of the mean that hold 8 of 10 normal values."""
LEAST_DAYS = 3
"""The number of whole days that a forecast needs to have a range."""

BECAME = {
    KeyframeState.WAITING: "still waiting to be read",
    KeyframeState.SENT: "about to be sent",
    KeyframeState.DOUBTFUL: "waiting for the local engine",
    KeyframeState.ANSWERED: "read without a call",
    KeyframeState.FAILED: "not readable by the local engine",
    KeyframeState.DROPPED: "given up unread",
    KeyframeState.KEPT: "kept for people to look at, not worth a call",
}
"""Words for the states of pictures for which no call was made."""
READ_LOCALLY = "read by the local engine, as configured"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The charge units of the whole current month. low, high: 8 of 10 months end between them; None: too few days.

    since: the begin of the time that it is made from.
    """

    units: float
    low: float | None
    high: float | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Prices:
    """The price of calls, and the times of the report.

    price: of one charge unit, in any currency. begin, end: the time that the report is about. first_use: when
    streamwatch was first used, as far as that is known.
    """

    price: float
    begin: datetime
    end: datetime
    first_use: datetime | None = None

    def cost(self, calls: Calls) -> float:
        """Return the cost of these calls in the price's currency; a doubtful call counts as paid."""
        return (calls.fee + calls.doubtful) * self.price

    def forecast(self, calls: Calls) -> float:
        """Return the charge units of the whole current month, if it goes on as in the time of the report.

        Days before the first use do not count: a box that was set up on the 20th did not idle until then.
        """
        month = window(Span.MONTH, self.end)
        used = month.begin if self.first_use is None else window(Span.DAY, self.first_use).begin
        seconds = max(1.0, (self.end - max(self.begin, month.begin, used)).total_seconds())
        return (calls.fee + calls.doubtful) * (month.end - month.begin).total_seconds() / seconds

    def range(self, report: CallsReport) -> Forecast:
        """Return the forecast with its range, from the whole days of a report that ends now.

        Days are taken for independent and alike, so that the sum of `m` days to come has the variance
        `s² (m + m² / n)` after `n` days with the standard deviation `s`; a small `n` widens it as Student's t does.
        """
        month = window(Span.MONTH, self.end)
        since = max(self.begin, month.begin)
        if self.first_use is not None:
            since = max(since, window(Span.DAY, self.first_use).begin)
        units = self.forecast(report.total)
        days = _whole_days(report, since, self.end)
        if len(days) < LEAST_DAYS:
            return Forecast(units, None, None, since)
        left = (month.end - self.end).total_seconds() / 86400
        spread = stdev(days) * math.sqrt(left + left**2 / len(days))
        wide = LIKELY * (1 + 1.16 / (len(days) - 1)) * spread
        used = float(report.total.fee + report.total.doubtful)
        return Forecast(units, max(used, units - wide), units + wide, since)


def saved_words(row: NotCalledRow) -> tuple[str, str]:
    """Return what became of pictures without a call, and why; the second may be empty."""
    if row.state is KeyframeState.ANSWERED and not row.reason:
        return READ_LOCALLY, ""
    return BECAME[row.state], sentence(row.reason) if row.reason else ""


def _whole_days(report: CallsReport, since: datetime, until: datetime) -> list[float]:
    """Return the charge units of each whole day of local time, also of those without a call."""
    sums: dict[date, float] = {}
    for row in report.rows:
        sums[row.day] = sums.get(row.day, 0.0) + row.calls.fee + row.calls.doubtful
    days = []
    at = window(Span.DAY, since)
    while at.end <= until:
        if at.begin >= since:
            days.append(sums.get(at.begin.astimezone().date(), 0.0))
        at = window(Span.DAY, at.end)
    return days
