"""The check that the service can be reached: over real sockets, and free of charge."""

import socket
import threading

import pytest

from streamwatch.core.errors import NotSent
from streamwatch.recognition.ocrcars.reach import reach


def endpoint_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/ocrCars"


def test_a_service_that_says_nothing_is_told_with_the_time() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(NotSent, match=r"^127\.0\.0\.1:\d+ did not answer within 0\.2 s\. Check the network"),
    ):
        reach(endpoint_of(listener), 0.2)


def test_a_service_that_is_not_there_is_told_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = endpoint_of(listener)
    with pytest.raises(NotSent, match=r"^127\.0\.0\.1:\d+ cannot be reached \(Connection refused\)\. Check recognizer"):
        reach(endpoint, 20)


def test_any_answer_shows_that_it_is_reached() -> None:
    def answer() -> None:
        peer, _ = listener.accept()
        with peer:
            request = peer.recv(10_000)
            asked.append(request)
            peer.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    asked = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        assert reach(endpoint_of(listener), 20) == 401
        thread.join()
    assert asked[0].startswith(b"GET /ocrCars HTTP/1.1\r\n")
    assert b"authorization" not in asked[0].lower()
