"""An existing parking program that is asked about a vehicle, as a camera of Zhenshi asks it.

Source: the vendors' public descriptions of the HTTP push (AlarmInfoPlate, Response_AlarmInfoPlate).
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers.exchange import Exchange, LogIn, Request

_TRIGGER = 1


@dataclass(frozen=True, slots=True)
class ProgramQuestion:
    """A vehicle before a lane. key: the same whenever it is asked again. picture: JPEG, empty if there is none."""

    key: str
    plate: str
    captured_at: datetime
    picture: bytes = b""
    confidence: float | None = None


class ProgramSilent(Exception):
    """The program has not answered in time, or nothing that is an answer. Its text is a sentence."""


class ParkingProgram:
    """Asks one program; each question has a connection of its own. device, serial: by which it knows the camera."""

    def __init__(self, url: str, deadline: float, device: str, serial: str) -> None:
        """deadline: seconds for the whole exchange."""
        self._url, self._deadline, self._device, self._serial = url, deadline, device, serial
        self._exchange = Exchange(LogIn("", None), doubtful=False)

    def ask(self, question: ProgramQuestion) -> bool:
        """Return True if the program lets the vehicle pass, False if it does not. Raise ProgramSilent."""
        request = Request(self._url, "POST", {"Content-Type": "application/json"}, self._body(question))
        try:
            return _understood(self._exchange.send(request, self._deadline))
        except BarrierError as error:
            raise ProgramSilent(error.message) from None

    def _body(self, question: ProgramQuestion) -> str:
        at = question.captured_at.timestamp()
        result = {
            "license": question.plate,
            "colorType": 0,
            "type": 0,
            "confidence": round(100 * (question.confidence or 0.0)),
            "direction": 0,
            "location": {"RECT": {"left": 0, "top": 0, "right": 0, "bottom": 0}},
            "timeStamp": {"Timeval": {"sec": int(at), "usec": int(at % 1 * 1e6)}},
            "triggerType": _TRIGGER,
            "plateid": crc32(question.key.encode()) >> 1,  # programs keep it in 31 bits
            "isoffline": 0,
            "imageFile": base64.b64encode(question.picture).decode(),
            "imageFileLen": len(question.picture),
        }
        alarm = {"channel": 0, "deviceName": self._device, "ipaddr": "", "serialno": self._serial}
        return json.dumps({"AlarmInfoPlate": {**alarm, "result": {"PlateResult": result}}}, ensure_ascii=False)


def _understood(answer: str) -> bool:
    """Return what an answer says. Raise ProgramSilent."""
    try:
        said = json.loads(answer)["Response_AlarmInfoPlate"]["info"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProgramSilent("It answers something else than a parking program.") from None
    if said not in ("ok", "no"):
        raise ProgramSilent("It answers neither ok nor no.")
    return bool(said == "ok")
