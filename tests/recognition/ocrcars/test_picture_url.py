"""Addresses that the service cannot fetch are refused before anything is paid."""

import pytest
from fakes import FakeLedger, FakeOcrCars
from paying import BY_CODE, client_of

from streamwatch.core import errors


@pytest.mark.parametrize(
    "url",
    [
        "",
        "img.example.com/a.jpg",
        "ftp://img.example.com/a.jpg",
        "file:///etc/passwd",
        "http://",
        "http:///a.jpg",
        "http://user:hush@img.example.com/a.jpg",
        "https://img.example.com/粤.jpg",
        "https://img.example.com/a b.jpg",
        "https://img.example.com/a\n.jpg",
        "https://img.example.com/" + "a" * 1001,
        "https://img.example.com/a.jpg#part",
        "https://[::1/a.jpg",
        "https://img.example.com:port/a.jpg",
        "http://localhost/a.jpg",
        "http://camera/a.jpg",
        "http://camera.local/a.jpg",
        "http://nas.fritz.internal/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://127.1/a.jpg",
        "http://2130706433/a.jpg",
        "http://192.168.1.20/a.jpg",
        "http://169.254.1.1/a.jpg",
        "http://[fd00::1]/a.jpg",
    ],
)
def test_an_address_that_the_service_cannot_fetch_is_not_paid_for(url: str) -> None:
    ledger = FakeLedger()
    with (
        FakeOcrCars(**BY_CODE) as service,
        client_of(service) as client,
        pytest.raises(errors.PictureUrlFailed) as caught,
    ):
        client.read_url(url, ledger)
    assert (service.calls, ledger.events) == ([], [])
    assert "hush" not in str(caught.value)
