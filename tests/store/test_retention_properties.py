"""Retention over generated rows: unsettled keyframes stay, the limits hold, and rows and files agree."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from records import JPEG, NOON, SqliteDatabase, rows, saved_view
from retaining import Retained, retain

from streamwatch.store import Keep, KeyframeState, open_store

HOUR = timedelta(hours=1)
UNSETTLED = {KeyframeState.WAITING, KeyframeState.SENT, KeyframeState.DOUBTFUL}
STATES = [state for state in KeyframeState if state is not KeyframeState.WAITING]
views = st.lists(
    st.tuples(st.sampled_from([KeyframeState.WAITING, *STATES]), st.integers(0, 48), st.integers(1, 3)), max_size=6
)
limits = st.builds(
    Keep,
    evidence_age=st.one_of(st.none(), st.integers(0, 50).map(lambda hours: hours * HOUR)),
    max_bytes=st.one_of(st.none(), st.integers(0, 8 * len(JPEG))),
)


@given(views, limits, st.integers(1, 3))
@settings(max_examples=15)
def test_no_limit_takes_what_is_not_settled_and_each_takes_all_that_it_may(
    made: list[tuple[KeyframeState, int, int]], keep: Keep, batch: int
) -> None:
    with TemporaryDirectory() as name:
        data = Path(name) / "data"
        database = SqliteDatabase(Path(name) / "gate.db")
        store = open_store(database.url, data)
        try:
            for state, hours, size in made:
                view = saved_view(store, at=NOON + hours * HOUR, jpeg=JPEG * size, closed=True)
                if state is not KeyframeState.WAITING:
                    store.keyframes.set_state(view.key, state)
            database.execute("UPDATE passages SET recorded_at = opened_at")
            steps: list[Retained] = []
            while not steps or steps[-1].more:
                steps.append(retain(store, NOON + 48 * HOUR, keep, batch))
                assert steps[-1].files <= 2 * batch
        finally:
            store.close()
        left = [(row["state"], row["path"], row["bytes"]) for row in rows(database, "SELECT * FROM keyframes")]
        files = {str(file.relative_to(data)) for file in data.rglob("*.jpg")}
        assert {path for _, path, _ in left if path} == files
        assert len(left) == len(made), "rows have no limit here"
        assert all(path for state, path, _ in left if state in UNSETTLED)
        settled = [size for state, path, size in left if path and state not in UNSETTLED]
        if keep.max_bytes is not None and settled:
            assert sum(size for _, path, size in left if path) <= keep.max_bytes
        assert sum(step.files for step in steps) == len(made) - len(files)
