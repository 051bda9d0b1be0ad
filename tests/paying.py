"""What the tests of the paid client share: invented credentials, pictures, a client that does not really wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import FakeLedger, FakeOcrCars
from pydantic import SecretStr

from streamwatch.core import errors
from streamwatch.recognition.ocrcars.client import OcrCars
from streamwatch.recognition.ocrcars.credentials import AppCode, AppKey, Credentials

CODE, KEY, SECRET = "invented0appcode0of0a0test", "204000001", "invented-app-secret-of-a-test"
BY_CODE = {"appcode": CODE}
BY_KEY = {"app_key": KEY, "app_secret": SECRET}
URL = "https://img.example.com/gate/1.jpg?e=1767225600&sig=a+b/c=="


def jpeg_of(width: int = 320, height: int = 240, quality: int = 90) -> bytes:
    """Return a picture with enough detail that a smaller one has fewer bytes."""
    noise = np.random.default_rng(7).integers(0, 255, (height // 4, width // 4, 3), np.uint8)
    picture = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


JPEG = jpeg_of()


class Waits:
    """Instead of sleeping: notes the pause. `stop_at` counts the wait at which the program is stopping."""

    def __init__(self, stop_at: int = 0) -> None:
        self.pauses: list[float] = []
        self._stop_at = stop_at

    def __call__(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return len(self.pauses) == self._stop_at


def credentials_of(by: dict[str, str]) -> Credentials:
    if "appcode" in by:
        return AppCode(SecretStr(by["appcode"]))
    return AppKey(SecretStr(by["app_key"]), SecretStr(by["app_secret"]))


@contextmanager
def client_of(
    service: FakeOcrCars | str, by: dict[str, str] = BY_CODE, wait: Callable[[float], bool] | None = None, **more: Any
) -> Iterator[OcrCars]:
    endpoint = service if isinstance(service, str) else service.endpoint
    client = OcrCars(endpoint, credentials_of(by), wait=wait or Waits(), **({"read_timeout": 5.0} | more))
    try:
        yield client
    finally:
        client.close()


def failing(service: FakeOcrCars, ledger: FakeLedger, **more: Any) -> errors.RecognitionError:
    """Return the error of one reading that has to fail."""
    with client_of(service, **more) as client, pytest.raises(errors.RecognitionError) as caught:
        client.read(JPEG, ledger)
    return caught.value


def charges(ledger: FakeLedger) -> list[bool | None]:
    return [result.charged for _, result in ledger.results]
