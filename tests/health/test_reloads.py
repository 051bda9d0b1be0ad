"""What a reload has done, in sentences."""

from datetime import UTC, datetime

from streamwatch.health import ReloadReport, reload_sentences

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_each_thing_that_was_done_is_said() -> None:
    report = ReloadReport(
        NOW, ("b", "c"), ("d",), ("a",), in_effect=("budget.day",), needs_restart=("database", "web.port")
    )
    assert reload_sentences(report) == [
        "config.yaml was read again. Cameras: started: d; started anew: b, c; no longer watched: a.",
        "In effect now: budget.day.",
        "In effect after a restart of streamwatch: database, web.port.",
    ]


def test_nothing_to_do_is_said_too() -> None:
    assert reload_sentences(ReloadReport(NOW)) == ["config.yaml was read again; it says what it said before."]


def test_a_problem_says_that_nothing_was_done() -> None:
    report = ReloadReport(NOW, problems=("config.yaml, line 3: `gate` is wrong.", "rtsp://u:hunter2@cam/ too."))
    first, second = reload_sentences(report)
    assert first == (
        "The new config.yaml was not taken in, and everything goes on as before: config.yaml, line 3: `gate` is wrong."
    )
    assert "hunter2" not in second
