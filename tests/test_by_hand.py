"""The verb `read` with local-first: what the local engine is sure of is not paid for."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import FakeOcrCars, plate
from paying import CODE
from pydantic import SecretStr
from serving_clients import Reader

from streamwatch import by_hand
from streamwatch.model import PlateText
from streamwatch.pipeline import LocalHelp
from streamwatch.settings import Settings


@pytest.mark.parametrize(("confidence", "engine", "calls"), [(0.98, "local", 0), (0.96, "ocrcars", 1)])
def test_read_pays_only_where_the_local_engine_is_not_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confidence: float, engine: str, calls: int
) -> None:
    picture = tmp_path / "car.png"
    cv2.imwrite(str(picture), np.full((80, 120, 3), 128, np.uint8))
    local = Reader([PlateText("京AF0236", confidence, None)])
    monkeypatch.setattr(by_hand, "make_local_help", lambda _: LocalHelp(lambda: local, True, True, 0.97))
    with FakeOcrCars(plate("粤BP57E7"), appcode=CODE) as service:
        ocrcars = {"endpoint": service.endpoint, "appcode": SecretStr(CODE)}
        recognizer = {"engine": "local-first", "ocrcars": ocrcars}
        settings = Settings.model_validate({"data_dir": tmp_path, "recognizer": recognizer})
        with by_hand.by_hand(settings) as read:
            found = read(str(picture))
        assert len(service.calls) == calls
    assert (found["engine"], found["error"], len(found["plates"])) == (engine, None, 1)
