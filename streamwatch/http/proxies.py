"""Clients and reverse proxies: which proxies are believed, and what is done with requests that come another way."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_OF_A_PROXY = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}
_UNKNOWN = "This request came through a reverse proxy. Set web.behind_proxy to its address, so that people log in.\n"
_PAST = "This address answers only its reverse proxy. Use the address of the proxy.\n"


def behind(app: ASGIApp, networks: Sequence[str], only: bool) -> ASGIApp:
    """Return the application behind reverse proxies, whose X-Forwarded-For and X-Forwarded-Proto are believed.

    networks: of the proxies. only: refuse clients that are none of them.
    """
    # uvicorn's middleware takes any ASGI application; its types are narrower than Starlette's.
    believing: ASGIApp = ProxyHeadersMiddleware(app, list(networks))  # type: ignore[arg-type, assignment]
    if not only:
        return believing
    known = [ip_network(network) for network in networks]

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        client = ip_address(scope["client"][0])
        answer = believing if any(client in network for network in known) else PlainTextResponse(_PAST, 403)
        await answer(scope, receive, send)

    return guarded


def without_proxy(app: ASGIApp) -> ASGIApp:
    """Return the application, which refuses what a proxy passed on.

    Where everybody on this machine may come in without a password, a proxy on this machine would let in the world.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        passed_on = any(name in _OF_A_PROXY for name, _ in scope["headers"])
        await (PlainTextResponse(_UNKNOWN, 403) if passed_on else app)(scope, receive, send)

    return guarded


def with_plain_addresses(app: ASGIApp) -> ASGIApp:
    """Return the application, which sees an IPv4 client as such also on a socket for IPv6 (RFC 4291, 2.5.5.2)."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        host, port = scope["client"]
        address = ip_address(host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            scope["client"] = str(address.ipv4_mapped), port
        await app(scope, receive, send)

    return told
