"""The index finds exactly the plates that a look at each of them would find."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.core.plates import unlikeness
from streamwatch.store import Store, open_store
from streamwatch.store.plate_parts import add_plate, parts_of, plates_like, plates_matching, tolerance
from streamwatch.store.tables import StoredPlatePart

# Few characters, so that many plates are alike; some of them are confused and some are not.
PLATE = st.text(alphabet="京琼津A408BD1L7", min_size=1, max_size=9)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("parts")
    opened = open_store(f"sqlite:///{folder}/a.db", folder)
    yield opened
    opened.close()


@given(st.lists(PLATE, max_size=20), PLATE)
def test_look_alikes(store: Store, plates: list[str], part: str) -> None:
    """Mutants of the part are among the plates, so that something is found."""
    plates = [
        *plates,
        *(part[:i] + part[i + 1 :] for i in range(len(part))),
        *(part[:i] + "8" + part[i:] for i in range(9)),
    ]
    with store.transaction() as session:
        session.query(StoredPlatePart).delete()
        for plate in plates:
            add_plate(session, plate)
        gaps = {plate: unlikeness(part, plate)[0] for plate in plates if plate}
        wanted = {plate: gap for plate, gap in gaps.items() if gap <= tolerance(part)}
        assert plates_like(session, part) == wanted
        assert set(plates_matching(session, part, f"%{part}%") or ()) == {plate for plate in plates if part in plate}


def test_the_index_is_of_a_form_that_a_migration_made() -> None:
    """A change here needs a migration that makes `plate_parts` anew."""
    assert parts_of("琼A1Z3SO8") == sorted(["京A123508", "A123508", "123508", "23508", "3508", "508", "08", "8"])
    assert parts_of("湘MBUK6GQ") == sorted(["津M8UK660", "M8UK660", "8UK660", "UK660", "K660", "660", "60", "0"])
    assert parts_of("") == []
    assert max(map(len, parts_of("1" * 255))) == 16
