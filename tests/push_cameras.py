"""Stand-ins for cameras that read by themselves and post what they have seen, as those of Zhenshi and Hikvision do."""

import base64
import http.client
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import cv2
import numpy as np
from drawing import draw_plate, gate

SECRET_OF_PUSH = "invented-push-secret-1"


@cache
def picture(plate: str = "", kind: str = "blue") -> bytes:
    """Return the JPEG of a gate with a plate before it, or of the empty gate."""
    scene = gate((1280, 720))
    if plate:
        drawn = draw_plate(plate, kind, 240)
        height, width = drawn.shape[:2]
        cv2.rectangle(scene, (440, 330), (840, 620), (90, 90, 90), -1)
        scene[500 : 500 + height, 520 : 520 + width] = drawn
    done, jpeg = cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return np.asarray(jpeg).tobytes()


@dataclass
class Reply:
    """What the other side answered. status 0: nothing came."""

    status: int
    body: bytes = b""

    @property
    def said(self) -> dict[str, Any]:
        """Return what stands inside Response_AlarmInfoPlate; empty if there is none."""
        try:
            found: dict[str, Any] = json.loads(self.body)["Response_AlarmInfoPlate"]
        except (ValueError, KeyError):
            return {}
        return found

    @property
    def opens(self) -> bool:
        return self.status == 200 and self.said.get("info") == "ok"

    @property
    def stops(self) -> bool:
        return self.status == 200 and self.said.get("content") == "retransfer_stop"


def post(port: int, path: str, body: bytes, timeout: float = 60.0, **headers: str) -> Reply:
    """Post a body as a camera does; a connection that fails is a reply of status 0."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return Reply(answer.status, answer.read())
    except (OSError, http.client.HTTPException):
        return Reply(0)
    finally:
        connection.close()


@dataclass
class ZhenshiCamera:
    """A camera of Zhenshi. relay: the plates for which its relay was pulsed. waiting: records that were not stopped."""

    port: int
    path: str
    serial: str = "a1b2c3d4-e5f6"
    relay: list[str] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    taken: int = 0

    def sees(
        self, plate: str, jpeg: bytes | None = None, at: float | None = None, offline: bool = False, **result: Any
    ) -> dict[str, Any]:
        """Return the record of a vehicle, and keep it until it is stopped. at: seconds since 1970."""
        self.taken += 1
        at = time.time() if at is None else at
        seen: dict[str, Any] = {
            "license": plate or "_无_",
            "colorType": 1,
            "type": 1,
            "confidence": 96,
            "direction": 4,
            "location": {"RECT": {"left": 520, "top": 500, "right": 760, "bottom": 576}},
            "timeStamp": {"Timeval": {"sec": int(at), "usec": int(at % 1 * 1e6)}},
            "triggerType": 8,
            "plateid": self.taken,
            "isoffline": int(offline),
            "imageFile": base64.b64encode(picture(plate) if jpeg is None else jpeg).decode(),
        }
        alarm = {
            "channel": 0,
            "deviceName": "IVS",
            "ipaddr": "192.0.2.17",
            "serialno": self.serial,
            "result": {"PlateResult": seen | result},
        }
        record = {"AlarmInfoPlate": alarm}
        self.waiting.append(record)
        return record

    def send(self, record: dict[str, Any], timeout: float = 60.0) -> Reply:
        """Post a record once, and obey the answer."""
        reply = post(self.port, self.path, json.dumps(record, ensure_ascii=False).encode(), timeout)
        result = record["AlarmInfoPlate"]["result"]["PlateResult"]
        if reply.opens:
            self.relay.append(result["license"])
        if reply.stops and record in self.waiting:
            self.waiting.remove(record)
        return reply

    def send_all(self, tries: int = 100) -> None:
        """Post what waits, the oldest first, again and again until it is stopped."""
        for _ in range(tries):
            if not self.waiting:
                return
            if not self.send(self.waiting[0]).stops:
                time.sleep(0.1)
        raise AssertionError(f"{len(self.waiting)} records were never stopped")

    def beat(self) -> Reply:
        """Post a heartbeat."""
        return post(self.port, self.path, f"device_name=IVS&ipaddr=192.0.2.17&serialno={self.serial}".encode())


@dataclass
class HikvisionCamera:
    """An ANPR camera of Hikvision."""

    port: int
    path: str
    sent: int = 0

    def body(self, plate: str, jpeg: bytes | None = None, xml: bytes | None = None, **said: str) -> bytes:
        self.sent += 1
        values = {
            "eventType": "ANPR",
            "dateTime": datetime.now(UTC).astimezone().isoformat(timespec="milliseconds"),
            "UUID": f"6f1a-{self.sent}",
            "isDataRetransmission": "false",
            **said,
        }
        document = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
        anpr = f"<ANPR><licensePlate>{plate}</licensePlate><line>1</line><direction>forward</direction>"
        anpr += "<confidenceLevel>97</confidenceLevel><plateColor>blue</plateColor></ANPR>"
        space = "http://www.hikvision.com/ver20/XMLSchema"
        head = f'<?xml version="1.0" encoding="UTF-8"?><EventNotificationAlert version="2.0" xmlns="{space}">'
        whole = f"{head}<channelID>1</channelID>{document}{anpr}</EventNotificationAlert>".encode()
        image = picture(plate) if jpeg is None else jpeg
        return b"".join(
            [
                _part("anpr.xml", "text/xml", whole if xml is None else xml),
                _part("licensePlatePicture.jpg", "image/jpeg", picture(plate)[:2000]),
                _part("detectionPicture.jpg", "image/jpeg", image),
                b"--7e13971310878--\r\n",
            ]
        )

    def send(self, plate: str, **more: Any) -> Reply:
        """Post a vehicle."""
        return self.post(self.body(plate, **more))

    def post(self, body: bytes, **headers: str) -> Reply:
        kind = "multipart/form-data; boundary=7e13971310878"
        return post(self.port, self.path, body, Content_Type=kind, **headers)


def _part(name: str, kind: str, content: bytes) -> bytes:
    head = f'--7e13971310878\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
    return (
        head.encode() + f"Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content + b"\r\n"
    )
