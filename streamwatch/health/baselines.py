"""Compares each camera with its own weeks before: silence, a read rate that fell, plates of another size or place.

Pure: counts and the present time in, findings out. Nothing is said before `LEARNING` of data.

- Silence: the expected number of vehicles comes from the same hours of recent weeks, days that were not like others
  left out. Counts of hours are overdispersed, so an empty hour has the probability of a negative binomial variable
  (Farrington et al. 1996, "A statistical algorithm for the early detection of outbreaks", also for leaving out weeks
  with outbreaks; Cameron and Trivedi, "Regression Analysis of Count Data", 3.3). How busy this day is as a whole is
  unknown: it may be a holiday. It is weighed by Bayes' rule with what came earlier on this day and at the other
  cameras of the site, so that a quiet holiday is no silence.
- Read rate: the likelihood ratio of a binomial variable with one change at an unknown time, whose maximum also dates
  the change (Hinkley and Hinkley 1970, "Inference about the change-point in a sequence of binomial variables"; it is
  the CUSUM of Page 1954 without a known rate afterwards). Days and nights have rates of their own.
- Sizes: a shift of the median of daily medians against their median absolute deviation, dated by the division with the
  smallest sum of absolute deviations (Huber and Ronchetti, "Robust Statistics"; Bai 1995, "Least absolute deviation
  estimation of a shift").
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from itertools import accumulate
from statistics import fmean, median

from streamwatch.core.codes import FindingCode
from streamwatch.health.snapshot import CameraFinding

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEARNING = timedelta(days=14)
"""No finding before so much data of a camera."""
HISTORY = timedelta(days=56)
"""What is older is not looked at: traffic and light change with the seasons."""
RECENT = timedelta(days=28)
"""A change is reported for so long; then it is how the camera is now."""

SILENT_FOR = timedelta(hours=1)
"""The shortest silence that is reported."""
UNLIKELY, UNLIKELY_LONG, LONG = 1e-7, 3e-5, timedelta(hours=12)
"""The probability below which a silence is reported. There are many short gaps in a year, and few that are longer than
`LONG`, so that these may be more probable each."""
LIVELIEST, QUIETEST, CLOSED = 2.0, 0.03, 0.002
"""Traffic of a day as part of the usual one: the most and the least that is thought possible, and a site that is
closed, which is only believed if its other cameras see nothing either."""
LONGEST_CLOSED = timedelta(days=10)
"""A silence of all cameras is reported after it."""
SURE = 20.0
"""Number of vehicles as which any evidence about a day counts at most, because cameras differ."""

FELL_BY = ((timedelta(days=3.5), 0.08, 12.0), (timedelta(days=1.5), 0.15, 12.0), (timedelta(0), 0.2, 20.0))
"""Fall of a read rate, and logarithm of the likelihood ratio, that are reported once the fall has lasted for a time.
Rain and snow seldom last for three days."""
LESS_SURE = 4.0
"""What the logarithm must be larger for the night alone, because that is looked at besides."""
MENDED = 8.0
"""Logarithm of the likelihood ratio from which on a rise after a fall is believed."""
LEAST_ANSWERED = 30
"""Vehicles since the change from which on it is believed."""
WEATHER = 0.015
"""Least standard deviation of a day's read rate that is reckoned with."""

CHANGED_BY, CHANGED_BY_SOON, MOVED_BY = 0.15, 0.2, 1.0
"""Change of the median width as part of it, the same on the first day or by night only, and move of the centre in
widths of a plate."""
LEAST_OF_DAY, LEAST_READINGS, LEAST_DAYS = 5, 20, 10
"""Readings of a day that counts, readings since the change, and days before it."""
NIGHTS = 3
"""Nights that a change by night only must have lasted: they have few readings."""


@dataclass(frozen=True, slots=True)
class HourCount:
    """Passages that opened in one hour. hour: its begin, aware.

    answered: closed ones of which an engine said something. read: those of them whose plate was read.
    """

    hour: datetime
    opened: int
    answered: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True)
class DaySizes:
    """Medians of the plates of one day in pixels of the frame: width, and the centre.

    night_width: of those seen by night; None if there was none.
    """

    day: date
    readings: int
    width: float
    x: float = 0.0
    y: float = 0.0
    night_readings: int = 0
    night_width: float | None = None


@dataclass(frozen=True, slots=True)
class CameraWatch:
    """What is known of a camera at this moment.

    last: time when the last passage opened. since: the camera has been watched without a break since then; None: it is
    not watched now, so that silence means nothing.
    """

    last: datetime | None
    since: datetime | None


@dataclass(frozen=True)
class CameraHistory:
    """The past of one camera, the oldest first; hours without a passage may be left out. zone: None: the machine's."""

    hours: Sequence[HourCount]
    sizes: Sequence[DaySizes] = ()
    zone: tzinfo | None = None

    def learned(self, now: datetime) -> bool:
        """Return True if there are enough data to know what is usual."""
        return bool(self.hours) and now - self.hours[0].hour >= LEARNING


@dataclass(frozen=True)
class Profile:
    """The usual traffic of one camera.

    counts: passages of the usual days by hour of the week (Monday 0:00 is 0), added up; weeks: the number of these days
    by weekday. spread: variance of an hour's count beyond chance as part of the squared mean, 1/k of the negative
    binomial. factors: traffic of the last days as part of the usual one, the newest last.
    """

    counts: Sequence[float]
    weeks: Sequence[int]
    spread: float
    factors: Sequence[float]
    zone: tzinfo | None = None

    def expected(self, begin: datetime, end: datetime) -> float:
        """Return the usual number of passages from `begin` to `end`."""
        return sum(part * mean for part, mean, _ in self._cells(begin, end))

    def none_came(self, begin: datetime, end: datetime, factors: Sequence[float]) -> list[float]:
        """Return the logarithm of the probability of no passage from `begin` to `end`, for each traffic of the day.

        That the usual number is only estimated from some weeks is part of it: with `n` weeks, the predictive
        distribution behind a Poisson one has `n log(1 + f / n)` in place of `f`.
        """
        sums = [0.0] * len(factors)
        k = 1 / self.spread
        for part, mean, weeks in self._cells(begin, end):
            if mean:
                for number, factor in enumerate(factors):
                    vehicles = mean * weeks * math.log1p(factor * part / weeks)
                    sums[number] -= k * math.log1p(vehicles / k)
        return sums

    @cached_property
    def prior(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return possible traffic of a day as part of the usual one, and the probability of each.

        A day is usual, or like one of the last days, or a holiday.
        """
        grid = [QUIETEST * (LIVELIEST / QUIETEST) ** (step / 23) for step in range(24)]
        usual = min(LIVELIEST, max(0.1, median(self.factors[-14:]))) if self.factors else 1.0
        week = [min(LIVELIEST, max(QUIETEST, factor)) for factor in self.factors[-7:]] or [usual]
        likeness = [[_near(at, usual) for at in grid], *([_near(at, day) for at in grid] for day in week)]
        quiet = [1.0 if at <= 1 else 0.0 for at in grid]
        parts = [(0.6, likeness[0]), *((0.3 / len(week), part) for part in likeness[1:]), (0.1, quiet)]
        chances = [sum(weight * part[n] / sum(part) for weight, part in parts) for n in range(len(grid))]
        return tuple(grid), tuple(chances)

    def _cells(self, begin: datetime, end: datetime) -> Iterator[tuple[float, float, int]]:
        """Yield for each hour the part of it that lies within, its usual number of passages, and of weeks."""
        while begin < end:
            local = begin.astimezone(self.zone)
            left = 3600 - local.minute * 60 - local.second - local.microsecond / 1e6
            until = min(end, begin + timedelta(seconds=left))
            weeks = self.weeks[local.weekday()]
            mean = self.counts[local.weekday() * 24 + local.hour] / weeks
            yield (until - begin).total_seconds() / 3600, mean, weeks
            begin = until


def findings(
    histories: Mapping[str, CameraHistory], watches: Mapping[str, CameraWatch], now: datetime
) -> list[CameraFinding]:
    """Return all that is unlike the weeks before, camera by camera."""
    profiles = {name: profile_of(past, now) for name, past in histories.items() if past.learned(now)}
    found: list[CameraFinding] = []
    for name in profiles:
        silent = silence(name, histories, profiles, watches, now)
        found += [silent] if silent else []
        found += camera_findings(name, histories[name], now)
    return found


def camera_findings(camera: str, past: CameraHistory, now: datetime) -> list[CameraFinding]:
    """Return the changes of read rate and sizes of one camera."""
    if not past.learned(now):
        return []
    changes = rate_change(camera, past, now), size_change(camera, past, now)
    return [change for change in changes if change is not None]


# Silence


def profile_of(past: CameraHistory, now: datetime) -> Profile:
    """Return the usual traffic, from the whole days before `now`."""
    today = now.astimezone(past.zone).date().toordinal()
    days: dict[int, list[int]] = {}
    for count in past.hours:
        local = count.hour.astimezone(past.zone)
        ordinal = local.date().toordinal()
        if today - HISTORY.days <= ordinal < today:
            days.setdefault(ordinal, [0] * 24)[local.hour] += count.opened
    if days:
        # A day without any passage counts, too; the first day is cut off by the limit or by the first start.
        days = {ordinal: days.get(ordinal, [0] * 24) for ordinal in range(min(days) + 1, today)}
    totals: list[list[int]] = [[] for _ in range(7)]
    for ordinal, hours in days.items():
        totals[(ordinal + 6) % 7].append(sum(hours))
    usual = [median(total) if total else 0.0 for total in totals]
    factors = [(sum(hours) + 0.5) / (usual[(ordinal + 6) % 7] + 0.5) for ordinal, hours in days.items()]
    kept = [
        (ordinal, hours)
        for (ordinal, hours), factor in zip(days.items(), factors, strict=True)
        if 0.4 <= factor <= 2.5 or usual[(ordinal + 6) % 7] < 5
    ]
    counts, weeks = [0.0] * 168, [0] * 7
    for ordinal, hours in kept:
        weekday = (ordinal + 6) % 7
        weeks[weekday] += 1
        for hour, number in enumerate(hours):
            counts[weekday * 24 + hour] += number
    weeks = [max(1, number) for number in weeks]
    return Profile(counts, weeks, _spread(kept, counts, weeks), factors, past.zone)


def silence(
    camera: str,
    histories: Mapping[str, CameraHistory],
    profiles: Mapping[str, Profile],
    watches: Mapping[str, CameraWatch],
    now: datetime,
) -> CameraFinding | None:
    """Return a finding if no vehicle has come for longer than chance and a holiday explain.

    profiles: of the cameras that have learned; watches: of those that are watched now.
    """
    watch, profile = watches.get(camera), profiles[camera]
    if watch is None or watch.since is None or watch.last is None:
        return None
    begin = max(watch.last, watch.since, now - RECENT)
    if now - begin < SILENT_FOR or (expected := profile.expected(begin, now)) < 3:
        return None
    others = [(histories[name], profiles[name], begin) for name in profiles if name != camera]
    midnight = _midnight(begin, 0, profile.zone)
    tomorrow = _midnight(begin, 1, profile.zone)
    own = [(histories[camera], profile, midnight)]
    chance = _chance(profile, begin, min(now, tomorrow), own, others, now)
    if tomorrow < now:  # the next day is as likely to be like the first as to be one of its own
        alone = chance * _chance(profile, tomorrow, now, [], others, now)
        chance = (alone + _chance(profile, begin, now, own, others, now)) / 2
    if chance >= (UNLIKELY if now - begin < LONG else UNLIKELY_LONG):
        return None
    lately = max(begin, now - 3 * HOUR)
    rate = profile.expected(lately, now) / ((now - lately) / HOUR)
    per_day = expected / max(1.0, (now - begin) / DAY)
    return CameraFinding(
        FindingCode.NO_VEHICLE, camera, max(watch.last, watch.since), rate if rate >= 1 else per_day / 24, 0.0
    )


def _chance(
    profile: Profile,
    begin: datetime,
    end: datetime,
    own: Iterable[tuple[CameraHistory, Profile, datetime]],
    others: Sequence[tuple[CameraHistory, Profile, datetime]],
    now: datetime,
) -> float:
    """Return the probability of no passage from `begin` to `end`.

    own: this camera's day until then; others: the other cameras of the site in the time of the silence.
    """
    grid, chances = profile.prior
    if others and now - begin < LONGEST_CLOSED:
        grid, chances = (*grid, CLOSED), (*chances, 0.01)
    weights = [math.log(chance) if chance else -math.inf for chance in chances]
    evidence = [(past, usual, since, begin) for past, usual, since in own]
    evidence += [(past, usual, max(since, begin), end) for past, usual, since in others]
    for past, usual, since, until in evidence:
        came, expected = _came(past, since, until), usual.expected(since, until)
        damped = min(1.0, SURE / max(came, expected, 1e-9))
        if expected:
            weights = [
                weight + damped * (came * math.log(factor) - factor * expected)
                for weight, factor in zip(weights, grid, strict=True)
            ]
    most = max(weights)
    likely = [math.exp(weight - most) for weight in weights]
    none = profile.none_came(begin, end, grid)
    return sum(part * math.exp(log) for part, log in zip(likely, none, strict=True)) / sum(likely)


def _came(past: CameraHistory, since: datetime, until: datetime) -> float:
    """Return the passages from `since` to `until`; of the hours at both ends, only a part counts."""
    came = 0.0
    for count in reversed(past.hours):
        if count.hour + HOUR <= since:
            break
        within = min(until, count.hour + HOUR) - max(since, count.hour)
        came += count.opened * max(0.0, within / HOUR)
    return came


def _midnight(at: datetime, days: int, zone: tzinfo | None) -> datetime:
    """Return the begin of the local day of a time, or of a day after it."""
    day = at.astimezone(zone).date() + timedelta(days=days)
    local = datetime.combine(day, time(), zone)
    return local.astimezone(UTC)


def _near(at: float, middle: float) -> float:
    return math.exp(-(math.log(at / middle) ** 2) / (2 * 0.35**2))


def _spread(days: Iterable[tuple[int, list[int]]], counts: Sequence[float], weeks: Sequence[int]) -> float:
    """Return the variance of an hour's count beyond chance as part of the squared mean, by moments.

    It is kept from 0.05 to 0.5: two weeks say little about it.
    """
    beyond = squared = 0.0
    for ordinal, hours in days:
        weekday = (ordinal + 6) % 7
        if weeks[weekday] < 2:
            continue
        for hour, number in enumerate(hours):
            mean = counts[weekday * 24 + hour] / weeks[weekday]
            beyond += (number - mean) ** 2 * weeks[weekday] / (weeks[weekday] - 1) - mean
            squared += mean**2
    return min(0.5, max(0.05, beyond / squared if squared else 0.0))


# Read rate


@dataclass(frozen=True, slots=True)
class _Rates:
    """Answered and read passages of hours, one stratum each; sums of those before an index are prefix sums."""

    hours: Sequence[HourCount]
    answered: Sequence[float]
    read: Sequence[float]

    @classmethod
    def of(cls, hours: Sequence[HourCount], counts: Sequence[bool]) -> "_Rates":
        """counts: False for hours that are left out."""
        answered = [hour.answered if keep else 0 for hour, keep in zip(hours, counts, strict=True)]
        read = [hour.read if keep else 0 for hour, keep in zip(hours, counts, strict=True)]
        return cls(hours, [0.0, *accumulate(answered)], [0.0, *accumulate(read)])

    def without(self, begin: int, end: int) -> "_Rates":
        """Return the same without the hours from index `begin` to before `end`."""

        def skipped(sums: Sequence[float]) -> list[float]:
            gap = sums[end] - sums[begin]
            return [
                total - (0 if n <= begin else gap if n >= end else total - sums[begin]) for n, total in enumerate(sums)
            ]

        return _Rates(self.hours, skipped(self.answered), skipped(self.read))

    def before(self, index: int) -> tuple[float, float]:
        return self.answered[index], self.read[index]

    def after(self, index: int) -> tuple[float, float]:
        return self.answered[-1] - self.answered[index], self.read[-1] - self.read[index]

    def ratio(self, index: int) -> float:
        """Return the logarithm of the likelihood ratio of a fall at this index; 0 if the rate has not fallen."""
        (n0, r0), (n1, r1) = self.before(index), self.after(index)
        if not n0 or not n1 or r1 / n1 >= (usual := (r0 + 0.5) / (n0 + 1)):
            return 0.0
        return _information(n1, r1, usual)

    def rise(self, begin: int, index: int) -> float:
        """Return the logarithm of the likelihood ratio of a rise at an index, of the hours since `begin`."""
        (n, r), (n1, r1) = self.after(begin), self.after(index)
        n0, r0 = n - n1, r - r1
        if not n0 or not n1 or r1 / n1 <= r0 / n0:
            return 0.0
        return _information(n0, r0, r / n) + _information(n1, r1, r / n)


def _information(number: float, read: float, usual: float) -> float:
    """Return the logarithm of how much likelier `read` of `number` are with their own rate than with the usual one."""
    failed = number - read
    own = read * math.log(read / number / usual) if read else 0.0
    return own + (failed * math.log(failed / number / (1 - usual)) if failed else 0.0)


def rate_change(camera: str, past: CameraHistory, now: datetime) -> CameraFinding | None:
    """Return a finding if the read rate has fallen, by day and night or by night only, and has not recovered."""
    hours = [hour for hour in past.hours if hour.answered and now - HISTORY <= hour.hour < now]
    if not hours:
        return None
    earliest = max(hours[0].hour + LEARNING, now - RECENT)
    candidates = [index for index, hour in enumerate(hours) if hour.hour >= earliest]
    if not candidates:
        return None
    nights = [not 6 <= hour.hour.astimezone(past.zone).hour < 20 for hour in hours]
    night = _Rates.of(hours, nights)
    both = [_Rates.of(hours, [not dark for dark in nights]), night]
    by_day = fell = _fall(both, candidates, past.zone, timedelta(0))
    if fell is not None:
        index = fell[0]
        (n0, r0), (n1, r1) = both[0].before(index), both[0].after(index)
        by_day = fell if n1 and n0 and r0 / n0 - r1 / n1 >= FELL_BY[0][1] / 2 else None
    code = FindingCode.READ_RATE_FELL
    if by_day is None and (dark := _fall([night], candidates, past.zone, FELL_BY[1][0])):
        code, fell = FindingCode.READ_RATE_FELL_AT_NIGHT, dark
    if fell is None:
        return None
    index, before, after = fell
    return CameraFinding(code, camera, hours[index].hour, before, after)


def _fall(
    strata: Sequence[_Rates], candidates: Sequence[int], zone: tzinfo | None, shortest: timedelta
) -> tuple[int, float, float] | None:
    """Return the index where a fall began, and the rates before and after; None if there is none.

    shortest: the time that it must have lasted.
    """
    while True:
        ratios = [sum(stratum.ratio(index) for stratum in strata) for index in candidates]
        if not ratios or (best := max(ratios)) < FELL_BY[0][2]:
            return None
        index, hours = candidates[ratios.index(best)], strata[0].hours
        if (mended := _mended(strata, index)) is None:
            break
        strata = [stratum.without(index, mended) for stratum in strata]
        candidates = [candidate for candidate in candidates if candidate >= mended]
    answered, read = (sum(parts) for parts in zip(*(stratum.after(index) for stratum in strata), strict=True))
    usual = sum(_usual(stratum, index) * stratum.after(index)[0] for stratum in strata) / answered
    rate = read / answered
    days = len({hour.hour.astimezone(zone).date() for hour in hours[index:]})
    lasted = hours[-1].hour - hours[index].hour
    enough, ratio = next((fall, ratio) for time, fall, ratio in FELL_BY if lasted >= time)
    if lasted < shortest or best < ratio + (LESS_SURE if len(strata) == 1 else 0):
        return None
    least = max(enough, 4 * _weather(strata, index, zone) / math.sqrt(days))
    if answered < LEAST_ANSWERED or usual - rate < least or not _lasts(strata, index, (usual + rate) / 2):
        return None
    return index, usual, rate


def _usual(stratum: _Rates, index: int) -> float:
    answered, read = stratum.before(index)
    return read / answered if answered else 0.0


def _mended(strata: Sequence[_Rates], index: int) -> int | None:
    """Return the index since which the rate has risen again after a fall at an index; None if it has not."""
    rises = [sum(stratum.rise(index, end) for stratum in strata) for end in range(index + 1, len(strata[0].hours))]
    if not rises or (best := max(rises)) < MENDED:
        return None
    end = index + 1 + rises.index(best)
    before, after = (_pooled([stratum.before(index) for stratum in strata]), _pooled([s.after(end) for s in strata]))
    bad = _pooled([(s.after(index)[0] - s.after(end)[0], s.after(index)[1] - s.after(end)[1]) for s in strata])
    return end if after >= (before + bad) / 2 else None


def _pooled(counts: Iterable[tuple[float, float]]) -> float:
    answered, read = (sum(parts) for parts in zip(*counts, strict=True))
    return read / answered if answered else 0.0


def _lasts(strata: Sequence[_Rates], index: int, bound: float) -> bool:
    """Return True if the rate has not risen above a bound again: neither the last vehicles nor the last three days."""
    hours, few = strata[0].hours, False
    for start in range(len(hours) - 1, index - 1, -1):
        answered, read = (sum(parts) for parts in zip(*(stratum.after(start) for stratum in strata), strict=True))
        if answered < LEAST_ANSWERED * 2 / 3:
            continue
        if not few and read / answered >= bound:
            return False
        few = True
        if hours[-1].hour - hours[start].hour >= 3 * DAY:
            return bool(read / answered < bound)
    return True


def _weather(strata: Sequence[_Rates], index: int, zone: tzinfo | None) -> float:
    """Return the standard deviation of a day's rate before the fall beyond chance, from the absolute deviations."""
    days: dict[date, list[float]] = {}
    for number, hour in enumerate(strata[0].hours[:index]):
        for stratum in strata:
            n = stratum.answered[number + 1] - stratum.answered[number]
            r = stratum.read[number + 1] - stratum.read[number]
            day = days.setdefault(hour.hour.astimezone(zone).date(), [0.0, 0.0])
            day[0] += n
            day[1] += r
    rates = [(n, r / n) for n, r in days.values() if n >= 10]
    if len(rates) < 5:
        return 2 * WEATHER
    middle = median(rate for _, rate in rates)
    deviation = 1.4826 * median(abs(rate - middle) for _, rate in rates)
    chance = fmean(middle * (1 - middle) / n for n, _ in rates)
    return max(WEATHER, math.sqrt(max(0.0, deviation**2 - chance)))


# Sizes


def size_change(camera: str, past: CameraHistory, now: datetime) -> CameraFinding | None:
    """Return a finding if plates have become larger or smaller, by day and night or by night only, or have moved."""
    today = now.astimezone(past.zone).date()
    days = [day for day in past.sizes if today - HISTORY <= day.day <= today and day.readings >= LEAST_OF_DAY]
    dark = [
        DaySizes(day.day, day.night_readings, day.night_width)
        for day in days
        if day.night_width is not None and day.night_readings >= LEAST_OF_DAY
    ]
    codes = FindingCode.PLATES_SHRUNK, FindingCode.PLATES_GROWN
    at_night = FindingCode.PLATES_SHRUNK_AT_NIGHT, FindingCode.PLATES_GROWN_AT_NIGHT
    for rows, (smaller, larger), lasting in ((days, codes, 1), (dark, at_night, NIGHTS)):
        if (change := _shift(rows, [day.width for day in rows], today, lasting=lasting)) is not None:
            day, before, after = change
            return CameraFinding(smaller if after < before else larger, camera, _begin(day, past.zone), before, after)
    return _move(camera, days, today, past.zone)


def _move(camera: str, days: Sequence[DaySizes], today: date, zone: tzinfo | None) -> CameraFinding | None:
    if not days:
        return None
    width = median(day.width for day in days)
    for values in ([day.x for day in days], [day.y for day in days]):
        if (change := _shift(days, values, today, MOVED_BY * width)) is not None:
            day, before, after = change
            moved = round(abs(after - before))
            return CameraFinding(FindingCode.PLATES_MOVED, camera, _begin(day, zone), 0.0, moved)
    return None


def _begin(day: date, zone: tzinfo | None) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _shift(
    days: Sequence[DaySizes], values: Sequence[float], today: date, least: float | None = None, lasting: int = 1
) -> tuple[date, float, float] | None:
    """Return the day since which values are others, and the medians before and after; None if they are as before.

    least: the smallest difference that counts; None for `CHANGED_BY` of the median before. lasting: the days that it
    must have lasted at least.
    """
    if len(days) <= LEAST_DAYS or days[-1].day < today - timedelta(days=3):
        return None
    earliest = max(days[0].day + LEARNING, today - RECENT)
    middles = [n for n, day in enumerate(days) if n >= LEAST_DAYS and day.day >= earliest]
    if not middles or not _differs(values, middles[0], least):
        return None
    costs = [_deviation(values[:n]) + _deviation(values[n:]) for n in middles]
    n = middles[costs.index(min(costs))]
    before, after = median(values[:n]), median(values[n:])
    noise = max(1.4826 * median(abs(value - before) for value in values[:n]), 0.02 * abs(before))
    number, readings = len(days) - n, sum(day.readings for day in days[n:])
    part = CHANGED_BY if number > 1 and lasting == 1 else CHANGED_BY_SOON
    enough = max(
        part * before if least is None else least, (5 if number > 1 else 6) * noise / math.sqrt(min(number, 4))
    )
    if number < lasting or readings < LEAST_READINGS or abs(after - before) < enough:
        return None
    if abs(values[-1] - before) < enough / 2:  # as before again
        return None
    return days[n].day, before, after


def _differs(values: Sequence[float], first: int, least: float | None) -> bool:
    """Return False if no division can bring out a difference that counts, without trying them all."""
    before = median(values[:first])
    enough = CHANGED_BY * before if least is None else least
    return any(abs(value - before) > enough / 2 for value in values[-2:])


def _deviation(values: Sequence[float]) -> float:
    middle = median(values)
    return sum(abs(value - middle) for value in values)
