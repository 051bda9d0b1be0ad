"""Barriers that are opened by HTTP requests, and sensors that are asked by HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urlsplit

from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers.barrier import HELD_FOR, connect
from streamwatch.outward.barriers.exchange import Exchange, LogIn, Request
from streamwatch.outward.barriers.readout import Readout

ISAPI_BODY = (
    '<IOPortData version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema"><outputState>{}</outputState></IOPortData>'
)
"""What Hikvision's alarm outputs take at `/ISAPI/System/IO/outputs/<n>/trigger`: ISAPI, IO port."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What a relay is told. hold, release: None if it cannot be. says_yes: False for an answer that refuses.

    times_itself, times_holding: see `Barrier`.
    """

    open: Request
    hold: Request | None = None
    release: Request | None = None
    times_itself: bool = True
    times_holding: bool = False
    says_yes: Callable[[str], bool] = lambda _: True


class HttpBarrier:
    """Sends one request for each thing that it is told."""

    def __init__(self, requests: Requests, log_in: LogIn) -> None:
        self._requests = requests
        self._sending, self._releasing = Exchange(log_in, doubtful=True), Exchange(log_in, doubtful=False)
        self.times_itself, self.times_holding = requests.times_itself, requests.times_holding
        self.holds = requests.hold is not None

    def open(self) -> None:
        """See Barrier."""
        self._check(self._sending.send(self._requests.open))

    def hold(self) -> None:
        """See Barrier."""
        if self._requests.hold is None:
            raise BarrierError("This barrier cannot be held open.")
        self._check(self._sending.send(self._requests.hold))

    def release(self) -> None:
        """See Barrier."""
        if self._requests.release is not None:
            self._check(self._releasing.send(self._requests.release))

    def reach(self) -> None:
        """See Barrier."""
        url = urlsplit(self._requests.open.url)
        connect(url.hostname or "", url.port or (443 if url.scheme == "https" else 80))

    def end(self) -> None:
        """See Barrier."""
        self._sending.close()
        self._releasing.close()

    def _check(self, answer: str) -> None:
        if not self._requests.says_yes(answer):
            raise BarrierError("The relay refused what it was told.", "Check its number, user and password.")


class HttpSensor:
    """Asks by GET and looks for the position in the answer."""

    def __init__(self, request: Request, log_in: LogIn, readout: Readout) -> None:
        self._request, self._readout = request, readout
        self._exchange = Exchange(log_in, doubtful=False)

    def position(self) -> Position | None:
        """See Sensor."""
        return self._readout.position(self._exchange.send(self._request))

    def end(self) -> None:
        """See Sensor."""
        self._exchange.close()


def shelly(address: str, generation: int, channel: int, pulse: float) -> Requests:
    """Return what a Shelly is told: `Switch.Set` with `toggle_after`; the first generation `/relay/N` with `timer`.

    https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch#switchset
    """

    def request(on: bool, seconds: float | None) -> Request:
        if generation == 1:
            timer = {} if seconds is None else {"timer": f"{seconds:g}"}
            return Request(f"{address}/relay/{channel}?{urlencode({'turn': 'on' if on else 'off', **timer})}")
        after = {} if seconds is None else {"toggle_after": f"{seconds:g}"}
        return Request(f"{address}/rpc/Switch.Set?{urlencode({'id': channel, 'on': str(on).lower(), **after})}")

    return Requests(request(True, pulse), request(True, HELD_FOR), request(False, None), times_holding=True)


def tasmota(address: str, relay: int, pulse: float, log_in: LogIn) -> Requests:
    """Return what Tasmota is told: the length of the pulse and `on` in one `Backlog0`, which waits for nothing between.

    PulseTime counts tenths of a second up to 111, and from 112 on seconds plus 100:
    https://tasmota.github.io/docs/Commands/#control
    """

    def request(command: str) -> Request:
        password = "" if log_in.password is None else log_in.password.get_secret_value()
        who = {"user": log_in.user, "password": password} if log_in.user else {}
        return Request(f"{address}/cm?{urlencode({**who, 'cmnd': command}, quote_via=quote)}")

    def on(seconds: float) -> Request:
        tenths = max(1, round(seconds * 10))
        return request(f"Backlog0 PulseTime{relay} {tenths if tenths < 112 else round(seconds) + 100}; Power{relay} ON")

    return Requests(
        on(pulse),
        on(HELD_FOR),
        request(f"Power{relay} OFF"),
        times_holding=True,
        says_yes=lambda answer: "WARNING" not in answer,  # Tasmota's word to a wrong password, with status 200
    )


def isapi(address: str, output: int) -> Requests:
    """Return what a Hikvision camera is told; it times the pulse as its own settings say."""
    return Requests(
        Request(
            f"{address}/ISAPI/System/IO/outputs/{output}/trigger",
            "PUT",
            {"Content-Type": "application/xml"},
            ISAPI_BODY.format("high"),
        )
    )


def any_request(open: Request, hold_url: str | None, release_url: str | None, times_itself: bool) -> Requests:
    """Return what any relay is told: the other addresses get the same method and headers, without a body."""

    def at(url: str | None) -> Request | None:
        return None if url is None else replace(open, url=url, body=None)

    return Requests(open, at(hold_url), at(release_url), times_itself)
