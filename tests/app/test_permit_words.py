"""Permits as people write them."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.access.permit_rules import PermitFault, PermitRemark
from streamwatch.app.permit_words import (
    FAULTS,
    REMARKS,
    PermitRefused,
    read_from,
    read_hours,
    read_kind,
    read_lanes,
    read_plates,
    read_spaces,
    read_until,
    read_when_full,
    sentence_of,
    written_from,
    written_hours,
    written_until,
)
from streamwatch.core.codes import PermitKind, WhenFull
from streamwatch.core.permit_terms import Hours
from streamwatch.core.plates import CHINA

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))
HOURS = st.builds(Hours, st.frozensets(st.integers(0, 6), min_size=1), *[st.builds(time, st.integers(0, 23))] * 2)


def test_each_fault_and_remark_has_a_sentence() -> None:
    assert set(FAULTS) == set(PermitFault)
    assert set(REMARKS) == set(PermitRemark)


def test_plates_are_normalised_and_what_can_be_none_is_refused() -> None:
    assert read_plates("京a·12345；粤B 3M5K7 /\n京A12345", CHINA) == ("京A12345", "粤B3M5K7")
    assert read_plates("京AO1234", CHINA) == ("京A01234",)
    assert read_plates(" ", CHINA) == ()
    for text in ("hello", "京A1", "=cmd()", "\x1b[31m", "x" * 9999):
        with pytest.raises(PermitRefused, match="cannot be a plate") as told:
            read_plates(f"京A12345;{text}", CHINA)
        assert "\x1b" not in str(told.value)
        assert len(str(told.value)) < 300


def test_words_for_kinds_and_full_spaces() -> None:
    assert [read_kind(text) for text in ("", "Resident", "月租车", "visitor", "黑名单", "锁车", "员工")] == [
        PermitKind.RESIDENT,
        PermitKind.RESIDENT,
        PermitKind.RESIDENT,
        PermitKind.VISITOR,
        PermitKind.BLOCKED,
        PermitKind.HELD,
        PermitKind.STAFF,
    ]
    assert [read_when_full(text) for text in ("", "allow", "临时车")] == [
        WhenFull.ASK,
        WhenFull.ALLOW,
        WhenFull.VISITOR,
    ]
    with pytest.raises(PermitRefused, match="“king” is no kind"):
        read_kind("king")
    with pytest.raises(PermitRefused, match="“no” does not say"):
        read_when_full("no")


def test_a_day_is_meant_as_a_whole() -> None:
    local = datetime(2026, 1, 31).astimezone()
    assert read_from("2026-01-31") == read_from("2026/1/31") == read_from("2026年1月31日") == local
    assert read_until("2026-01-31") == datetime(2026, 2, 1).astimezone()
    assert read_until("2026-01-31 18:00") == datetime(2026, 1, 31, 18).astimezone()
    assert read_until("") is None
    for text in ("2026-02-30", "7d", "today", "soon", "46053", "08:00"):
        with pytest.raises(PermitRefused, match="is not a time"):
            read_until(text)
    assert read_until("7h", NOW) == NOW + timedelta(hours=7)
    eighth = (NOW.astimezone() + timedelta(days=8)).date()
    assert read_until("7d", NOW) == read_until("+1w", NOW) == datetime.combine(eighth, time()).astimezone()
    assert read_from("8d", NOW) == datetime.combine(eighth, time()).astimezone()
    assert read_from("today", datetime.now(UTC)) is not None


@given(MOMENTS)
def test_times_are_read_as_they_were_written(at: datetime) -> None:
    assert read_from(written_from(at)) == at
    assert read_until(written_until(at)) == at


@given(st.lists(HOURS, max_size=4))
def test_hours_are_read_as_they_were_written(hours: list[Hours]) -> None:
    assert read_hours(written_hours(hours)) == tuple(hours)


def test_hours_as_people_write_them() -> None:
    week, all_days = frozenset(range(5)), frozenset(range(7))
    assert read_hours("Mon-Fri 07:00-19:00; sat,sun 8:00–12:00") == (
        Hours(week, time(7), time(19)),
        Hours(frozenset({5, 6}), time(8), time(12)),
    )
    assert read_hours("周一至周五 07:00-19:00") == (Hours(week, time(7), time(19)),)
    assert read_hours("22:00-06:00") == read_hours("每天 22:00~06:00") == (Hours(all_days, time(22), time(6)),)
    assert read_hours("fri-mon") == (Hours(frozenset({4, 5, 6, 0}), time(), time()),)
    assert read_hours("00:00-24:00") == (Hours(all_days, time(), time()),)
    for text in ("always", "mon-xyz 07:00-08:00", "mon 25:00-26:00", "mon-tue-wed", "07:00"):
        with pytest.raises(PermitRefused, match="are no hours"):
            read_hours(text)


def test_lanes_and_spaces() -> None:
    assert read_lanes("entry；exit", ["entry", "exit"]) == {"entry", "exit"}
    assert read_lanes("", []) is None
    with pytest.raises(PermitRefused, match="“entri” is no lane"):
        read_lanes("entri", ["entry"])
    assert (read_spaces(""), read_spaces(" 12 ")) == (None, 12)
    for text in ("0", "-1", "1.5", "10000", "²", "many"):
        with pytest.raises(PermitRefused, match="is no number of spaces") as told:
            read_spaces(text)
    assert sentence_of(told.value.found[0], lambda text: f"[{text}]").startswith("[“many”")
