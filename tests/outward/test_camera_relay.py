"""The relay of a camera opens in the answer to the post of its vehicle, or never."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers.camera_barrier import CameraRelay, CameraRelays

WAIT = 60.0


def later() -> float:
    return time.monotonic() + WAIT


def test_of_two_threads_one_has_the_answer() -> None:
    """Whatever the order in which they come: the answer is given once, and both know by whom."""
    with ThreadPoolExecutor(2) as pool:
        for n in range(200):
            relay, answers = CameraRelay("gate"), list[int]()

            def opens(answers: list[int] = answers) -> bool:
                answers.append(1)
                return True

            until = time.monotonic() + (0.002 if n % 2 else WAIT)
            waiting = pool.submit(relay.wait, "a passage", until, opens)
            opening = pool.submit(relay.open_for, "a passage")
            failed = opening.exception(WAIT)
            assert waiting.result(WAIT) is (failed is None)
            assert len(answers) == (failed is None)
            assert failed is None or isinstance(failed, BarrierError)
            assert n % 2 or failed is None


def test_another_vehicle_is_not_meant() -> None:
    relay = CameraRelay("gate")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(relay.wait, "mine", time.monotonic() + 1.0, lambda: True)
        with pytest.raises(BarrierError, match="does not wait for an answer about this vehicle"):
            relay.open_for("another")
        assert waiting.result(WAIT) is False


def test_a_camera_that_has_hung_up_has_not_opened() -> None:
    relay = CameraRelay("gate")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(relay.wait, "mine", later(), lambda: False)
        with pytest.raises(BarrierError, match="had hung up"):
            relay.open_for("mine")
        assert waiting.result(WAIT) is True, "the answer was given, and must not be given again"


def test_it_neither_opens_by_hand_nor_is_held() -> None:
    relay = CameraRelays().of("gate")
    for refused in (relay.open, relay.hold):
        with pytest.raises(BarrierError, match="camera gate"):
            refused()
    relay.release()
    relay.end()


def test_each_camera_has_one_relay() -> None:
    relays = CameraRelays()
    assert relays.of("in") is relays.of("in")
    assert relays.of("in") is not relays.of("out")
