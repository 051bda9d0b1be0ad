"""Endpoints of the service, and hosts that are this machine."""

import pytest

from streamwatch.core.endpoint import check_endpoint, is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_hosts_that_are_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("http://example.com/ocrCars", "must begin with https://"),
        ("https://:443/ocrCars", "is not an address"),
        ("https://h:0/ocrCars", "is not an address"),
        ("https://user:hush@h/ocrCars", "must not carry credentials"),
        ("https://h/ocrCars?AppCode=hush", "must not carry credentials"),
        ("https://h/ocrCars?IMG_BASE64=hush", "must not carry a picture"),
    ],
)
def test_an_endpoint_that_is_refused_is_not_repeated(endpoint: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        check_endpoint(endpoint)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["https://h/ocrCars", " https://h:8443/o?a=b ", "http://[::1]:8080/ocrCars"])
def test_an_endpoint_that_is_accepted(endpoint: str) -> None:
    check_endpoint(endpoint)
