"""Barriers and sensors at the GPIO lines of this machine, by the extra `gpio` (gpiod 2)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError

if TYPE_CHECKING:
    import gpiod

CONSUMER = "streamwatch"
"""The name by which gpioinfo shows who uses a line."""
INSTALL_GPIO = "In the clone of streamwatch run: pip install '.[gpio]'."


@dataclass(frozen=True, slots=True)
class GpioLine:
    """A line of a chip, such as /dev/gpiochip0."""

    chip: Path
    line: int
    active_low: bool

    def request(self, output: bool) -> "gpiod.LineRequest":
        """Take the line for this process, as an inactive output or as an input. Raise BarrierError."""
        try:
            import gpiod
            from gpiod.line import Direction, Value
        except ImportError:
            raise BarrierError("The driver gpio needs the extra `gpio`.", INSTALL_GPIO) from None
        with self._translated():
            settings: Any = gpiod.LineSettings(
                direction=Direction.OUTPUT if output else Direction.INPUT,
                output_value=Value.INACTIVE,
                active_low=self.active_low,
            )
            return gpiod.request_lines(str(self.chip), consumer=CONSUMER, config={self.line: settings})

    def set(self, request: "gpiod.LineRequest", active: bool) -> None:
        """Set an output. Raise BarrierError."""
        from gpiod.line import Value

        with self._translated():
            request.set_value(self.line, Value.ACTIVE if active else Value.INACTIVE)

    def get(self, request: "gpiod.LineRequest") -> bool:
        """Return True if an input is active. Raise BarrierError."""
        from gpiod.line import Value

        with self._translated():
            return bool(request.get_value(self.line) is Value.ACTIVE)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it has no such line"
            raise BarrierError(
                f"Line {self.line} of {self.chip} cannot be used: {reason}.",
                "Check the number, and that this user may use the chip.",
            ) from None


class GpioBarrier:
    """A line that this program switches on and off. The kernel has no pulse, so `release` ends it."""

    times_itself, holds, times_holding = False, True, False

    def __init__(self, line: GpioLine) -> None:
        self._line = line
        self._request: Any = None

    def open(self) -> None:
        """See Barrier."""
        self._line.set(self._taken(), True)

    def hold(self) -> None:
        """See Barrier."""
        self.open()

    def release(self) -> None:
        """Switch the line off; taking it for the first time does that, too."""
        self._line.set(self._taken(), False)

    def reach(self) -> None:
        """Do nothing: there is nothing to ask."""

    def end(self) -> None:
        """Give the line back, off."""
        if self._request is not None:
            with suppress(BarrierError):
                self._line.set(self._request, False)
            self._request.release()
            self._request = None

    def _taken(self) -> Any:
        if self._request is None:
            self._request = self._line.request(output=True)
        return self._request


class GpioSensor:
    """A line that is read. high, low: what it means while it is active or not; None: nothing."""

    def __init__(self, line: GpioLine, high: Position | None, low: Position | None) -> None:
        self._line, self._high, self._low = line, high, low
        self._request: Any = None

    def position(self) -> Position | None:
        """See Sensor."""
        if self._request is None:
            self._request = self._line.request(output=False)
        return self._high if self._line.get(self._request) else self._low

    def end(self) -> None:
        """See Sensor."""
        if self._request is not None:
            self._request.release()
            self._request = None
