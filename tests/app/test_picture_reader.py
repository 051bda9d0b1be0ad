"""The verb `read` with local-first pays only where the local engine is not sure."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import FakeOcrCars, plate
from paying import CODE
from pydantic import SecretStr
from serving_clients import Reader

from streamwatch.app import picture_reader
from streamwatch.cli import read as read_verb
from streamwatch.cli.options import ReadFormat
from streamwatch.config.settings import Settings
from streamwatch.core.errors import StorageFailed
from streamwatch.core.model import PlateText
from streamwatch.pipeline import LocalHelp


@pytest.mark.parametrize(("confidence", "engine", "calls"), [(0.98, "local", 0), (0.96, "ocrcars", 1)])
def test_read_pays_only_where_the_local_engine_is_not_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confidence: float, engine: str, calls: int
) -> None:
    picture = tmp_path / "car.png"
    cv2.imwrite(str(picture), np.full((80, 120, 3), 128, np.uint8))
    local = Reader([PlateText("京AF0236", confidence, None)])
    monkeypatch.setattr(picture_reader, "make_local_help", lambda _: LocalHelp(lambda: local, True, True, 0.97))
    with FakeOcrCars(plate("粤BP57E7"), appcode=CODE) as service:
        ocrcars = {"endpoint": service.endpoint, "appcode": SecretStr(CODE)}
        recognizer = {"engine": "local-first", "ocrcars": ocrcars}
        settings = Settings.model_validate({"data_dir": tmp_path, "recognizer": recognizer})
        with picture_reader.picture_reader(settings) as read:
            found = read(str(picture))
        assert len(service.calls) == calls
    assert (found["engine"], found["error"], len(found["plates"])) == (engine, None, 1)


@pytest.mark.parametrize("ends", [KeyboardInterrupt(), StorageFailed("The database is locked.")])
@pytest.mark.parametrize("format", list(ReadFormat))
def test_what_was_read_is_shown_though_the_rest_was_not_read(
    ends: BaseException,
    format: ReadFormat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read = {"engine": "ocrcars", "plates": [{"plate": "京AF0236", "confidence": 0.9}], "error": None}

    def read_one(image: str) -> dict[str, Any]:
        if image == "c.jpg":
            raise ends
        return {"image": image, **read}

    @contextmanager
    def reader_until(_settings: Settings) -> Iterator[picture_reader.ReadOne]:
        yield read_one

    monkeypatch.setattr(picture_reader, "picture_reader", reader_until)
    (tmp_path / "config.yaml").write_text("recognizer: {engine: local}\n")
    with pytest.raises(type(ends)):
        read_verb.read(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], format, tmp_path / "config.yaml")
    shown = capsys.readouterr().out
    if format is ReadFormat.JSON:
        assert json.loads(shown) == [{"image": "a.jpg", **read}, {"image": "b.jpg", **read}]
    else:
        assert [line.split()[:2] for line in shown.splitlines()[1:]] == [["a.jpg", "京AF0236"], ["b.jpg", "京AF0236"]]
