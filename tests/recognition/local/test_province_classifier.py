"""The classifier of blurred provinces: what it recognises, and that it is used with no other network."""

import numpy as np
import pytest
from draw_lookalikes import worn

from streamwatch.core import plates
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.networks import network_name, open_network
from streamwatch.recognition.local.province_classifier import ProvinceClassifier, load_classifier


@pytest.fixture(scope="module")
def alphabet() -> list[str]:
    return ["", *open_network("rec", 1).get_modelmeta().custom_metadata_map["character"].splitlines(), " "]


def look(province: str, chance: np.random.Generator) -> np.ndarray:
    picture, corners = worn(province + "A12345", chance)
    piece = quads.part(corners, 0.022, 0.284, 0.13, 0.87)
    cutting = quads.set_upright(picture, piece, 80, 48).astype(np.float32) / 127.5 - 1
    return open_network("rec", 1).run(None, {"x": np.ascontiguousarray(cutting.transpose(2, 0, 1)[None])})[0][0]


def test_recognises_most_provinces_of_worn_plates(alphabet: list[str]) -> None:
    classifier, chance = load_classifier(network_name("rec"), alphabet), np.random.default_rng(5)
    assert isinstance(classifier, ProvinceClassifier)
    said = [plates.PROVINCES[classifier.provinces(look(one, chance)).argmax()] for one in plates.PROVINCES]
    assert sum(a == b for a, b in zip(said, plates.PROVINCES, strict=True)) >= 24


def test_is_not_used_with_another_network(alphabet: list[str]) -> None:
    assert load_classifier("PP-OCRv9_rec_small.onnx", alphabet) is None
    assert load_classifier(network_name("rec"), ["", "A", "B"]) is None


def test_networks_are_shared_while_they_are_used() -> None:
    assert open_network("rec", 1) is not open_network("rec", 2)
    one = open_network("det", 1)
    assert open_network("det", 1) is one
