"""Modbus TCP in the few lines that a relay and an input need.

Modbus Application Protocol V1.1b3, and Messaging on TCP/IP V1.0b, https://modbus.org/specs.php: function 05 writes a
coil, 02 reads inputs. Waveshare and alike: function 05 to register 0x0200 + coil switches it on for N tenths of a
second (`flash on`).
"""

import socket
import struct
import time
from dataclasses import dataclass

from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers.barrier import DEADLINE, connect

READ_INPUTS, WRITE_COIL = 2, 5
ON, OFF = 0xFF00, 0x0000
_WRONG = {1: "it does not know this function", 2: "it has no such coil or input", 3: "it does not take this value"}


@dataclass(frozen=True, slots=True)
class ModbusDevice:
    """A device at a host. unit: 0 to 255."""

    host: str
    port: int
    unit: int

    def ask(self, function: int, register: int, value: int, doubtful: bool) -> bytes:
        """Send one request over a connection of its own and return the data of the answer. Raise BarrierError.

        doubtful: True if the request opens something.
        """
        until = time.monotonic() + DEADLINE
        try:
            connected = socket.create_connection((self.host.strip("[]"), self.port), DEADLINE)
        except OSError as error:
            reason = error.strerror or "it did not answer in time"
            raise BarrierError(f"{self.host} cannot be reached: {reason}.", "Check its power and address.") from None
        with connected:
            if time.monotonic() >= until:  # a slow look-up of the name; nothing was sent
                raise BarrierError(f"{self.host} did not answer within {DEADLINE:g} s.")
            try:
                connected.settimeout(until - time.monotonic())
                number = time.monotonic_ns() & 0xFFFF
                connected.sendall(struct.pack(">HHHBBHH", number, 0, 6, self.unit, function, register, value))
                back, _, length, _, code = struct.unpack(">HHHBB", _exactly(connected, 8, until))
                data = _exactly(connected, min(max(length - 2, 0), 253), until)
            except OSError as error:
                told = error.strerror or "it did not answer in time"
                raise BarrierError(f"{self.host} broke off: {told}.", doubtful=doubtful) from None
        if code == function | 0x80:
            why = _WRONG.get(data[0] if data else 0, "it is busy or faulty")
            raise BarrierError(f"{self.host} refused: {why}.", "Check unit and number.")
        if back != number or code != function:
            raise BarrierError(f"{self.host} does not answer as a Modbus device does.", "Check host and port.")
        return data


def _exactly(connected: socket.socket, count: int, until: float) -> bytes:
    data = b""
    while len(data) < count:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connected.settimeout(left)
        part = connected.recv(count - len(data))
        if not part:
            raise ConnectionResetError(0, "the connection was closed")
        data += part
    return data


class ModbusBarrier:
    """A coil. flash_register: of coil 0, for a pulse that the device times; None: `release` ends the pulse."""

    holds, times_holding = True, False

    def __init__(self, device: ModbusDevice, coil: int, pulse: float, flash_register: int | None) -> None:
        """pulse: seconds."""
        self._device, self._coil, self._pulse, self._flash = device, coil, pulse, flash_register
        self.times_itself = flash_register is not None

    def open(self) -> None:
        """See Barrier."""
        if self._flash is None:
            self._device.ask(WRITE_COIL, self._coil, ON, True)
        else:
            self._device.ask(WRITE_COIL, self._flash + self._coil, max(1, round(self._pulse * 10)), True)

    def hold(self) -> None:
        """See Barrier."""
        self._device.ask(WRITE_COIL, self._coil, ON, True)

    def release(self) -> None:
        """See Barrier."""
        self._device.ask(WRITE_COIL, self._coil, OFF, False)

    def reach(self) -> None:
        """See Barrier."""
        connect(self._device.host, self._device.port)

    def end(self) -> None:
        """See Barrier."""


class ModbusSensor:
    """An input. high, low: what it means while it is on or off; None: nothing."""

    def __init__(self, device: ModbusDevice, number: int, high: Position | None, low: Position | None) -> None:
        self._device, self._number, self._high, self._low = device, number, high, low

    def position(self) -> Position | None:
        """See Sensor."""
        data = self._device.ask(READ_INPUTS, self._number, 1, False)
        if len(data) < 2:
            raise BarrierError(f"{self._device.host} does not answer as a Modbus device does.")
        return self._high if data[1] & 1 else self._low

    def end(self) -> None:
        """See Sensor."""
