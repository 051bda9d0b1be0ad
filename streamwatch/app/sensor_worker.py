"""The threads that look at a barrier now and then: where it is, and if its relay is still there."""

import logging
import threading
from collections.abc import Callable

from streamwatch.app.barrier_faults import FaultKind, Faults
from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers.barrier import Sensor

log = logging.getLogger(__name__)

REACHED_EVERY = 30.0
"""Seconds between two looks if a relay is there."""


class SensorWorker:
    """Asks a sensor again and again. position: as it said last; None once it does not answer."""

    def __init__(self, barrier: str, sensor: Sensor, every: float, faults: Faults) -> None:
        """every: seconds."""
        self._barrier, self._sensor, self._every, self._faults = barrier, sensor, every, faults
        self._stopping = threading.Event()
        self.position: Position | None = None

    def run(self) -> None:
        """Work until `stop`."""
        try:
            while not self._stopping.is_set():
                self._look()
                self._stopping.wait(self._every)
        finally:
            self._sensor.end()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()

    def _look(self) -> None:
        try:
            self.position = self._sensor.position()
        except BarrierError as error:
            self.position = None
            self._faults.set(FaultKind.SENSOR, f"The sensor does not answer. {error}")
        except Exception as error:
            self.position = None
            if not self._faults.has(FaultKind.SENSOR):
                log.critical("the sensor of barrier %s failed unexpectedly", self._barrier, exc_info=error)
            self._faults.set(FaultKind.SENSOR, f"The sensor failed unexpectedly ({type(error).__name__}).")
        else:
            self._faults.clear(FaultKind.SENSOR)


class ReachWorker:
    """Finds out now and then if a relay is there, so that people know before a vehicle stands there."""

    def __init__(self, barrier: str, reach: Callable[[], None], faults: Faults) -> None:
        """reach: see `Barrier`."""
        self._barrier, self._reach, self._faults = barrier, reach, faults
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._stopping.is_set():
            try:
                self._reach()
            except BarrierError as error:
                self._faults.set(FaultKind.REACHING, str(error))
            except Exception as error:
                log.critical("looking for barrier %s failed unexpectedly", self._barrier, exc_info=error)
                return
            else:
                self._faults.clear(FaultKind.REACHING)
            self._stopping.wait(REACHED_EVERY)

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
