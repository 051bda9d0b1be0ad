"""Threads that make progress, and threads that hang."""

import threading

import pytest

from streamwatch.system.heartbeat import Heartbeats


class FakeTime:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def heartbeats(time: FakeTime) -> Heartbeats:
    return Heartbeats(time)


def test_who_does_not_beat_is_named_the_longest_first(time: FakeTime, heartbeats: Heartbeats) -> None:
    with (
        heartbeats.register("camera gate", 10),
        heartbeats.register("recorder", 10) as recorder,
        heartbeats.register("reader 1", 10) as reader,
    ):
        time.now += 5
        recorder.beat()
        time.now += 5
        reader.beat()
        assert heartbeats.stalled() == []
        time.now += 6
        assert heartbeats.stalled() == ["camera gate", "recorder"]
        recorder.beat()
        assert heartbeats.stalled() == ["camera gate"]


def test_a_heartbeat_has_its_own_patience(time: FakeTime, heartbeats: Heartbeats) -> None:
    with heartbeats.register("reader 1", 120), heartbeats.register("recorder"):
        time.now += 61
        assert heartbeats.stalled() == ["recorder"]
        time.now += 60
        assert heartbeats.stalled() == ["recorder", "reader 1"]


def test_who_waits_for_work_may_wait_for_ever(time: FakeTime, heartbeats: Heartbeats) -> None:
    with heartbeats.register("recorder", 10) as recorder:
        with recorder.resting():
            time.now += 100_000
            assert heartbeats.stalled() == []
        assert heartbeats.stalled() == [], "waking up is progress"
        time.now += 11
        assert heartbeats.stalled() == ["recorder"]


def test_a_rest_that_ends_in_an_error_has_ended(time: FakeTime, heartbeats: Heartbeats) -> None:
    with heartbeats.register("recorder", 10) as recorder:
        with pytest.raises(KeyError), recorder.resting():
            raise KeyError
        time.now += 11
        assert heartbeats.stalled() == ["recorder"]


def test_a_thread_need_not_know_its_heartbeat(time: FakeTime, heartbeats: Heartbeats) -> None:
    heartbeats.beat()
    with heartbeats.resting():
        """A thread that is not watched does nothing with it."""
    with heartbeats.register("reader 1", 10):
        time.now += 8
        with heartbeats.register("another of this thread", 10):
            time.now += 8
            heartbeats.beat()
            with heartbeats.resting():
                time.now += 5
        assert heartbeats.stalled() == ["reader 1"], "the innermost beats"
        heartbeats.beat()
        assert heartbeats.stalled() == []
        with heartbeats.resting():
            time.now += 100
            assert heartbeats.stalled() == []
        time.now += 11
        assert heartbeats.stalled() == ["reader 1"]


def test_who_has_ended_is_not_missed(time: FakeTime, heartbeats: Heartbeats) -> None:
    with pytest.raises(KeyError), heartbeats.register("camera gate", 10):
        raise KeyError
    time.now += 100
    assert heartbeats.stalled() == []
    with heartbeats.register("camera gate", 10):
        assert heartbeats.stalled() == [], "a new start is progress"


def test_two_of_one_name_would_hide_each_other(heartbeats: Heartbeats) -> None:
    with (
        heartbeats.register("recorder"),
        pytest.raises(ValueError, match="recorder"),
        heartbeats.register("recorder"),
    ):
        pass


def test_threads_that_come_and_go_do_not_disturb_the_look(time: FakeTime, heartbeats: Heartbeats) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            while not stop.is_set():
                with heartbeats.register(name) as heartbeat, heartbeat.resting():
                    heartbeat.beat()
        except RuntimeError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"worker {n}",)) for n in range(4)]
    with heartbeats.register("hangs", 10):
        time.now += 11
        for thread in threads:
            thread.start()
        looks = [heartbeats.stalled() for _ in range(2000)]
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert all(look == ["hangs"] for look in looks)
