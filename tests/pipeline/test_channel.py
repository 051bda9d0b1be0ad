"""The order, the bounds and the end of channels between threads."""

import threading

import pytest

from streamwatch.pipeline import Channel, ChannelClosed


def test_first_in_first_out() -> None:
    channel: Channel[int] = Channel(3)
    assert [channel.put(n) for n in (1, 2, 3)] == [None, None, None]
    assert [channel.get() for _ in range(3)] == [1, 2, 3]


def test_the_least_worthy_gives_way_maybe_the_new_one() -> None:
    channel: Channel[int] = Channel(2, worth=lambda n: n)
    channel.put(5)
    channel.put(3)
    assert channel.put(4) == 3
    assert channel.put(1) == 1
    assert channel.take_all() == [5, 4]
    assert channel.take_all() == []


def test_put_waits_while_full_and_get_while_empty() -> None:
    channel: Channel[int] = Channel(1)
    out: list[int] = []
    taker = threading.Thread(target=lambda: out.extend(channel.get() for _ in range(50)))
    taker.start()
    for n in range(50):
        channel.put(n)
    taker.join(10)
    assert out == list(range(50))


def test_closing_lets_out_what_is_inside_and_wakes_everybody() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    woken: list[str] = []

    def put() -> None:
        with pytest.raises(ChannelClosed):
            channel.put(2)
        woken.append("put")

    waiting = threading.Thread(target=put)
    waiting.start()
    channel.close()
    waiting.join(10)
    assert channel.get() == 1
    with pytest.raises(ChannelClosed):
        channel.get()
    with pytest.raises(ChannelClosed):
        channel.put(3)
    assert woken == ["put"]


def test_an_offer_never_waits() -> None:
    channel: Channel[int] = Channel(1)
    assert channel.offer(1)
    assert not channel.offer(2)
    assert channel.get() == 1
    channel.close()
    assert not channel.offer(3)
