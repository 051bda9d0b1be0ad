"""SIGKILL at a dozen random moments: nothing is lost, nothing is paid twice (five hundred: benchmarks/kill_500.py)."""

from collections import Counter
from pathlib import Path

from killing import kill_many


def test_a_dozen_kills_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    outcomes, service = kill_many(tmp_path, daemons=2, kills=6)
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome.integrity == "ok"
        assert outcome.paid_twice == 0, outcome
        assert outcome.lost == 0, outcome
        assert outcome.sightings == outcome.plates, outcome
    assert all(outcome.answered for outcome in outcomes), "the daemons lived long enough to be worth killing"
    assert service.complaints == []
    ledger = sum((outcome.ledger for outcome in outcomes), Counter[str]())
    assert not service.digests - ledger, "every call that reached the service has its row"
