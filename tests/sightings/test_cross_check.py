"""The trust in paid readings, after the local engine and other views have been heard."""

import pytest

from streamwatch.core.model import JudgedPlate, PlateText, Trust
from streamwatch.sightings.cross_check import REMEMBERED, CrossCheck

Said = tuple[str, float | None]
CONFIRMED, UNCHECKED, DOUBTED, CONTRADICTED = Trust


def text(said: Said) -> PlateText:
    return PlateText(*said, None)


@pytest.mark.parametrize(
    ("paid", "local", "trust", "seen"),
    [
        pytest.param(("皖QA2825", 0.97), [("闽QA2825", 0.1)], CONFIRMED, [("皖QA2825", 0.1)], id="unsure province"),
        pytest.param(("皖Q0686学", 0.96), [("赣Q06869", 0.3)], CONFIRMED, [("皖Q0686学", 0.3)], id="unsure mark"),
        pytest.param(("皖QA282", 0.96), [("闽QA2825", 0.3)], CONTRADICTED, [("皖QA2825", 0.3)], id="another length"),
        pytest.param(("皖QA2B25", 0.97), [("闽QA2825", 0.3)], CONTRADICTED, [("皖QA2825", 0.3)], id="the rest differs"),
        pytest.param(("皖QA2B25", 0.97), [("皖QA2825", 0.09)], UNCHECKED, [], id="an objection that is hardly sure"),
        pytest.param(("皖QA2B25", None), [("闽QA2825", 0.2)], CONTRADICTED, [("皖QA2825", 0.2)], id="no confidence"),
        pytest.param(("皖QA2B25", None), [("闽QA2825", 0.02)], DOUBTED, [], id="no assent to one without confidence"),
        pytest.param(("皖QA2B25", 0.97), [("皖QX2B95", 0.9)], DOUBTED, [("皖QX2B95", 0.9)], id="two wrong characters"),
        pytest.param(("湘GR0L16", 0.96), [("浙GR0L16", 0.97)], DOUBTED, [], id="sure of another province"),
        pytest.param(("湘GR0L16", 0.96), [("湘GR0L16", 0.97)], CONFIRMED, [("湘GR0L16", 0.97)], id="the same"),
        pytest.param(("湘GR0L16", 0.96), [("川B99887", 0.97)], UNCHECKED, [], id="another vehicle"),
        pytest.param(("湘GR0L16", 0.96), [], UNCHECKED, [], id="nothing seen"),
        pytest.param(("AB1234", 0.96), [("AB1284", 0.97)], CONTRADICTED, [("AB1284", 0.97)], id="no province at all"),
    ],
)
def test_the_local_engine_is_heard_but_for_its_chinese_characters(
    paid: Said, local: list[Said], trust: Trust, seen: list[Said]
) -> None:
    checked = CrossCheck().judge("p", [text(paid)], [text(said) for said in local])
    assert checked.plates == (JudgedPlate(text(paid), trust),), "the reading itself stays as it was"
    assert checked.seen == tuple(text(said) for said in seen)
    assert checked.contradicted == ((text(paid),) if trust is CONTRADICTED else ())


def trust_in(check: CrossCheck, passage: str, paid: Said, local: list[PlateText] | None) -> Trust:
    (judged,) = check.judge(passage, [text(paid)], local).plates
    return judged.trust


def test_what_was_read_in_two_views_of_a_vehicle_is_confirmed() -> None:
    check = CrossCheck()
    sure_of_another = [text(("浙GR0L16", 0.99))]
    assert trust_in(check, "p", ("湘GR0L16", 0.96), sure_of_another) is DOUBTED
    assert trust_in(check, "p", ("湘GR0L16", None), sure_of_another) is CONFIRMED
    assert trust_in(check, "q", ("湘GR0L16", None), sure_of_another) is DOUBTED, "another vehicle says nothing"


def test_without_a_local_engine_a_missing_confidence_counts_where_there_are_others() -> None:
    check = CrossCheck()
    assert trust_in(check, "p", ("湘GR0L16", None), None) is UNCHECKED
    trust_in(check, "q", ("京AF0236", 0.97), None)
    assert trust_in(check, "r", ("湘GR0L16", None), None) is DOUBTED


def test_old_passages_are_forgotten() -> None:
    check = CrossCheck()
    for number in range(REMEMBERED + 1):
        trust_in(check, str(number), ("湘GR0L16", None), [])
    assert trust_in(check, "0", ("湘GR0L16", None), []) is DOUBTED
    assert trust_in(check, str(REMEMBERED), ("湘GR0L16", None), []) is CONFIRMED
