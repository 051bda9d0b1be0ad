"""A small RTSP 1.0 server that plays one clip in a loop, as a camera does, and misbehaves on command.

    with RtspServer(clip) as server:
        open(server.url)
        server.misbehave("frozen")

All clients see one running stream and join it in the middle. Media travel inside the RTSP connection (TCP) or over UDP,
as the client asks. H.264 and H.265 (RFC 6184, RFC 7798), Basic and Digest authentication (RFC 2617).
"""

import base64
import hashlib
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import av
from av.bitstream import BitStreamFilterContext

Mode = Literal["well", "silent", "frozen", "garbage", "noise", "hangup", "lossy", "stuck", "401", "404"]
"""well: as it should be. silent: connections are accepted and nothing is ever answered. frozen: requests are answered
and no picture is sent. garbage: bytes that are no RTP flood the connection. noise: RTP whose pictures no decoder
understands. hangup: the connection is closed after some pictures. lossy: one RTP packet of twenty is lost.
stuck: the clip's first picture is sent again and again, at the right pace and with running time stamps."""

RTP_CLOCK = 90_000
PAYLOAD_SIZE = 1400
REALM = "camera"
NONCE = "5ca1ab1e"


@dataclass
class _Client:
    """One connection. `lock` keeps answers and media from mixing."""

    connection: socket.socket
    lock: threading.Lock = field(default_factory=threading.Lock)
    address: tuple[str, int] | None = None
    media: socket.socket | None = None
    sender: threading.Thread | None = None
    gone: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        self.gone.set()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class RtspServer:
    """A server that listens on 127.0.0.1 from the start. `port` 0 takes a free one, which `restart` keeps."""

    def __init__(
        self,
        clip: Path,
        *,
        port: int = 0,
        user: str | None = None,
        password: str | None = None,
        auth: Literal["digest", "basic"] = "digest",
        began: float | None = None,
    ) -> None:
        """began: as the property; None for now."""
        self._pictures = Pictures(clip)
        self._user, self._password, self._auth = user, password, auth
        self._mode: Mode = "well"
        self._lock = threading.Lock()
        self._clients: list[_Client] = []
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._started = time.monotonic() if began is None else began
        self.port = port
        self.connections = 0
        self.late = 0.0
        """Seconds after its time at which a picture was sent, at worst: a client that does not read holds it up."""
        self.restart()

    def __enter__(self) -> "RtspServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the address of the stream, with the right credentials."""
        login = "" if self._user is None else f"{quote(self._user, safe='')}:{quote(self._password or '', safe='')}@"
        return f"rtsp://{login}127.0.0.1:{self.port}/gate"

    @property
    def began(self) -> float:
        """Return the monotonic seconds at which the stream showed the clip's first picture for the first time."""
        return self._started

    @property
    def playing(self) -> int:
        """Return the number of the picture within the clip that the stream shows now."""
        return self._position() % len(self._pictures.units)

    def misbehave(self, mode: Mode) -> None:
        """Misbehave from now on, on connections old and new; "well" makes it behave again."""
        self._mode = mode

    def stop(self) -> None:
        """Stop as if killed: nothing listens any more and every connection is cut."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            clients, threads = self._clients, self._threads
            self._clients, self._threads = [], []
        for client in clients:
            client.close()
        for thread in threads:
            thread.join()

    def restart(self) -> None:
        """Listen again on the same port."""
        self._listener = listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._spawn(self._accept, listener)

    def _position(self) -> int:
        return int((time.monotonic() - self._started) * self._pictures.rate)

    def _spawn(self, target: object, *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        with self._lock:
            self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                client = _Client(connection)
                with self._lock:
                    self.connections += 1
                    self._clients.append(client)
                    stopped = self._listener is not listener
                if stopped:
                    client.close()
                self._spawn(self._serve, client)

    def _serve(self, client: _Client) -> None:
        """Answer requests until the connection ends."""
        try:
            with client.connection.makefile("rb") as incoming, suppress(OSError):
                while self._answer_one(client, incoming):
                    pass
        finally:
            client.close()
            if client.sender is not None:
                client.sender.join()
            if client.media is not None:
                client.media.close()
            client.connection.close()

    def _answer_one(self, client: _Client, incoming: object) -> bool:
        first = incoming.read(1)  # type: ignore[attr-defined]
        if first == b"$":
            _, size = struct.unpack(">BH", incoming.read(3))  # type: ignore[attr-defined]
            incoming.read(size)  # type: ignore[attr-defined]
            return True
        request = (first + incoming.readline()).decode().split()  # type: ignore[attr-defined]
        if len(request) != 3:
            return False
        headers = {}
        while line := incoming.readline().decode().strip():  # type: ignore[attr-defined]
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if self._mode == "garbage":
            self._flood(client)
            return True
        if self._mode != "silent":
            self._answer(client, request[0], request[1], headers)
        return request[0] != "TEARDOWN"

    def _answer(self, client: _Client, method: str, url: str, headers: dict[str, str]) -> None:
        status, more, body = "200 OK", {}, b""
        if self._mode == "404":
            status = "404 Not Found"
        elif self._mode == "401" or not self._knows(method, headers.get("authorization", "")):
            status = "401 Unauthorized"
            digest = f'Digest realm="{REALM}", nonce="{NONCE}"'
            more["WWW-Authenticate"] = digest if self._auth == "digest" else f'Basic realm="{REALM}"'
        elif method == "OPTIONS":
            more["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        elif method == "DESCRIBE":
            body = self._pictures.description().encode()
            more = {"Content-Type": "application/sdp", "Content-Base": url + "/"}
        elif method == "SETUP":
            more = {"Transport": self._set_up(client, headers["transport"]), "Session": "1;timeout=60"}
        elif method == "PLAY":
            more = {"Session": "1", "Range": "npt=0-"}
        more |= {"CSeq": headers.get("cseq", "0"), "Content-Length": str(len(body))}
        lines = [f"RTSP/1.0 {status}", *(f"{name}: {value}" for name, value in more.items()), "", ""]
        with client.lock:
            client.connection.sendall("\r\n".join(lines).encode() + body)
        if method == "PLAY" and status == "200 OK" and client.sender is None:
            client.sender = self._spawn(self._play, client)

    def _set_up(self, client: _Client, transport: str) -> str:
        ports = re.search(r"client_port=(\d+)", transport)
        if ports is None:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        client.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.media.bind(("127.0.0.1", 0))
        client.address = ("127.0.0.1", int(ports[1]))
        own = client.media.getsockname()[1]
        return f"RTP/AVP;unicast;client_port={ports[1]}-{int(ports[1]) + 1};server_port={own}-{own + 1}"

    def _knows(self, method: str, authorization: str) -> bool:
        if self._user is None:
            return True
        if self._auth == "basic":
            return authorization == "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        said = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        who = _md5(f"{self._user}:{REALM}:{self._password}")
        what = _md5(f"{method}:{said.get('uri', '')}")
        right = _md5(f"{who}:{NONCE}:{what}")
        return said.get("username") == self._user and said.get("response") == right

    def _play(self, client: _Client) -> None:
        """Send pictures at their own pace, from the one that is shown now."""
        number, sequence, sent = self._position(), 0, 0
        with suppress(OSError):
            while not client.gone.is_set():
                if self._mode in ("frozen", "silent"):
                    client.gone.wait(0.02)
                    number = self._position()
                    continue
                if self._mode == "garbage":
                    self._flood(client)
                    continue
                if self._mode == "hangup" and sent >= 10:
                    client.close()
                    continue
                wait = self._started + number / self._pictures.rate - time.monotonic()
                if wait > 0 and client.gone.wait(wait):
                    break
                self.late = max(self.late, -wait)
                for header, payload in self._pictures.packets(number, 0 if self._mode == "stuck" else number):
                    sequence += 1
                    if self._mode == "lossy" and sequence % 20 == 0:
                        continue
                    if self._mode == "noise":
                        payload = b"\x41" + bytes(reversed(payload[1:]))
                    self._send(
                        client, struct.pack(">BBHII", 0x80, header[0], sequence & 0xFFFF, header[1], 7) + payload
                    )
                number, sent = number + 1, sent + 1

    def _send(self, client: _Client, packet: bytes) -> None:
        if client.media is not None and client.address is not None:
            client.media.sendto(packet, client.address)
            return
        with client.lock:
            client.connection.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)

    def _flood(self, client: _Client) -> None:
        with client.lock:
            client.connection.sendall(b"\x00garbage\xff\r\n" * 100)
        client.gone.wait(0.02)


class Pictures:
    """A clip's coded pictures, cut into RTP payloads. `units`: one list of NAL units for each picture."""

    def __init__(self, clip: Path) -> None:
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            self.codec = stream.codec_context.name
            self.rate = float(stream.average_rate or 25)
            to_annex_b = BitStreamFilterContext(f"{self.codec}_mp4toannexb", stream)
            filtered = [out for packet in container.demux(stream) for out in to_annex_b.filter(packet) if out.size]
            base = stream.time_base or 1 / RTP_CLOCK
            self.units = [_nal_units(bytes(packet)) for packet in filtered]
            self._times = [round((packet.pts or 0) * base * RTP_CLOCK) for packet in filtered]

    def description(self) -> str:
        """Return the SDP text."""
        if self.codec == "h264":
            wanted, name = {7, 8}, "H264"
            sets = [unit for unit in self.units[0] if unit[0] & 0x1F in wanted]
            texts = ",".join(base64.b64encode(unit).decode() for unit in sets)
            parameters = f"packetization-mode=1;sprop-parameter-sets={texts}"
        else:
            kinds, name = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}, "H265"
            sets = [unit for unit in self.units[0] if unit[0] >> 1 & 0x3F in kinds]
            parameters = ";".join(f"{kinds[u[0] >> 1 & 0x3F]}={base64.b64encode(u).decode()}" for u in sets)
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=gate",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            "a=control:*",
            "m=video 0 RTP/AVP 96",
            f"a=rtpmap:96 {name}/{RTP_CLOCK}",
            f"a=fmtp:96 {parameters}",
            "a=control:track1",
        ]
        return "\r\n".join([*lines, ""])

    def packets(self, number: int, shown: int) -> list[tuple[tuple[int, int], bytes]]:
        """Yield ((marker and payload type, RTP time), payload) of the picture `shown` at the time of picture `number`.

        Both count on through all loops.
        """
        loops, index = divmod(number, len(self.units))
        period = round(len(self.units) * RTP_CLOCK / self.rate)
        rtp_time = (loops * period + self._times[index]) & 0xFFFFFFFF
        payloads = [part for unit in self.units[shown % len(self.units)] for part in self._split(unit)]
        last = len(payloads) - 1
        return [((0x80 * (n == last) | 96, rtp_time), payload) for n, payload in enumerate(payloads)]

    def _split(self, unit: bytes) -> list[bytes]:
        if len(unit) <= PAYLOAD_SIZE:
            return [unit]
        if self.codec == "h264":
            size, kind, indicator = 1, unit[0] & 0x1F, bytes([unit[0] & 0xE0 | 28])
        else:
            size, kind, indicator = 2, unit[0] >> 1 & 0x3F, bytes([unit[0] & 0x81 | 49 << 1, unit[1]])
        parts = [unit[n : n + PAYLOAD_SIZE] for n in range(size, len(unit), PAYLOAD_SIZE)]
        last = len(parts) - 1
        return [indicator + bytes([0x80 * (n == 0) | 0x40 * (n == last) | kind]) + p for n, p in enumerate(parts)]


def _nal_units(annex_b: bytes) -> list[bytes]:
    return [unit.rstrip(b"\x00") for unit in annex_b.split(b"\x00\x00\x01") if unit.strip(b"\x00")]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
