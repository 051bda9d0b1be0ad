"""The record of a camera counts its outages."""

from streamwatch.capture.state import CameraRecord
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CameraState


def test_each_loss_and_each_freeze_is_one_outage() -> None:
    record = CameraRecord("gate", SystemClock())
    for state, outages in (
        (CameraState.RECONNECTING, 0),  # it was never online
        (CameraState.ONLINE, 0),
        (CameraState.RECONNECTING, 1),
        (CameraState.RECONNECTING, 1),
        (CameraState.ONLINE, 1),
        (CameraState.FROZEN, 2),
        (CameraState.RECONNECTING, 2),  # the same outage goes on
        (CameraState.ONLINE, 2),
        (CameraState.ENDED, 2),
    ):
        record.enter(state)
        assert record.status(0, 0.0).outages == outages
