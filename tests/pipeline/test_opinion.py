"""How far paid readings are believed, after the local engine and other views have been heard."""

import pytest

from streamwatch.core.model import PlateText
from streamwatch.pipeline.opinion import REMEMBERED, Opinions

Said = tuple[str, float | None]


def text(said: Said) -> PlateText:
    return PlateText(*said, None)


@pytest.mark.parametrize(
    ("paid", "local", "belief", "seen"),
    [
        pytest.param(("皖QA2825", 0.97), [("闽QA2825", 0.1)], 1.0, [("皖QA2825", 0.1)], id="unsure province"),
        pytest.param(("皖Q0686学", 0.96), [("赣Q06869", 0.3)], 1.0, [("皖Q0686学", 0.3)], id="unsure of the mark"),
        pytest.param(("皖QA282", 0.96), [("闽QA2825", 0.3)], 0.0, [("皖QA2825", 0.3)], id="another length"),
        pytest.param(("皖QA2B25", 0.97), [("闽QA2825", 0.3)], 0.0, [("皖QA2825", 0.3)], id="the rest differs"),
        pytest.param(("皖QA2B25", 0.97), [("皖QA2825", 0.09)], 0.97, [], id="an objection that is hardly sure"),
        pytest.param(("皖QA2B25", None), [("闽QA2825", 0.2)], 0.0, [("皖QA2825", 0.2)], id="against no confidence"),
        pytest.param(("皖QA2B25", None), [("闽QA2825", 0.02)], 0.0, [], id="no assent to one without confidence"),
        pytest.param(("湘GR0L16", 0.96), [("浙GR0L16", 0.97)], 0.0, [], id="sure of another province"),
        pytest.param(("湘GR0L16", 0.96), [("湘GR0L16", 0.97)], 1.0, [("湘GR0L16", 0.97)], id="the same"),
        pytest.param(("湘GR0L16", 0.96), [("川B99887", 0.97)], 0.96, [], id="another vehicle"),
        pytest.param(("湘GR0L16", 0.96), [], 0.96, [], id="nothing seen"),
        pytest.param(("AB1234", 0.96), [("AB1284", 0.97)], 0.0, [("AB1284", 0.97)], id="no province at all"),
    ],
)
def test_the_local_engine_is_heard_but_for_its_chinese_characters(
    paid: Said, local: list[Said], belief: float, seen: list[Said]
) -> None:
    weighed = Opinions().weigh("p", [text(paid)], [text(said) for said in local])
    assert weighed.plates == (text((paid[0], belief)),)
    assert weighed.seen == tuple(text(said) for said in seen)


def test_what_was_read_in_two_views_of_a_vehicle_is_believed() -> None:
    opinions = Opinions()
    contradicted = [text(("浙GR0L16", 0.99))]
    first, second = (opinions.weigh("p", [text(("湘GR0L16", c))], contradicted) for c in (0.96, None))
    assert [weighed.plates[0].confidence for weighed in (first, second)] == [0.0, 1.0]
    other = opinions.weigh("q", [text(("湘GR0L16", None))], contradicted)
    assert other.plates[0].confidence == 0.0, "another vehicle's reading says nothing"


def test_without_a_local_engine_a_missing_confidence_counts_where_there_are_others() -> None:
    opinions = Opinions()
    assert opinions.weigh("p", [text(("湘GR0L16", None))], None).plates[0].confidence is None
    opinions.weigh("q", [text(("京AF0236", 0.97))], None)
    assert opinions.weigh("r", [text(("湘GR0L16", None))], None).plates[0].confidence == 0.0


def test_old_passages_are_forgotten() -> None:
    opinions = Opinions()
    for number in range(REMEMBERED + 1):
        opinions.weigh(str(number), [text(("湘GR0L16", None))], [])
    assert opinions.weigh("0", [text(("湘GR0L16", None))], []).plates[0].confidence == 0.0
    assert opinions.weigh(str(REMEMBERED), [text(("湘GR0L16", None))], []).plates[0].confidence == 1.0
