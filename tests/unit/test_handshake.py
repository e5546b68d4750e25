"""Tests which requests for a WebSocket the gateway's engine takes, and which it leaves to uvicorn."""

import pytest

from socket_gateway.engine.handshake import Handshake, answer_to, read_handshake
from socket_gateway.protocols import MAX_HEAD_BYTES

ORIGIN = "https://shop.example"
ORIGINS = frozenset({ORIGIN.encode()})
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The example of RFC 6455, section 1.3."""
PATH = "/socket.io/?EIO=4&transport=websocket"
LINE = f"GET {PATH} HTTP/1.1"
HOST = "Host: gateway.shop.example"
UPGRADE = "Upgrade: websocket"
CONNECTION = "Connection: Upgrade"
VERSION = "Sec-WebSocket-Version: 13"
SHOP = f"Origin: {ORIGIN}"
HEADERS = (HOST, UPGRADE, CONNECTION, VERSION, f"Sec-WebSocket-Key: {KEY}", SHOP)

CHROME = """\
GET /socket.io/?EIO=4&transport=websocket&sid=aZ-_09 HTTP/1.1
Host: gateway.shop.example
Connection: Upgrade
Pragma: no-cache
Cache-Control: no-cache
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36
Upgrade: websocket
Origin: https://shop.example
Sec-WebSocket-Version: 13
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9,fr;q=0.8
Cookie: AWSALB=Zm9v+/bar==; AWSALBCORS=Zm9v+/bar==; session=a%20b; name="caf\u00e9"
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
X-Forwarded-For: 203.0.113.7
X-Forwarded-Proto: https
X-Forwarded-Port: 443
X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678

"""


def request(*headers: str, line: str = LINE) -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1")


def with_line(line: str) -> bytes:
    return request(*HEADERS, line=line)


def with_query(query: str) -> bytes:
    return with_line(f"GET /socket.io/?{query} HTTP/1.1")


def with_header(changed: str) -> bytes:
    """Makes a request with this header in the place of the one of its name."""
    name = changed.partition(":")[0].lower()
    assert any(header.lower().startswith(f"{name}:") for header in HEADERS)
    return request(changed, *(header for header in HEADERS if not header.lower().startswith(f"{name}:")))


def without(name: str) -> bytes:
    return request(*(header for header in HEADERS if not header.startswith(f"{name}:")))


def plain(**expected: object) -> Handshake:
    """Returns what is read of a request that says nothing in particular but `expected`."""
    usual: dict[str, object] = {"sid": None, "key": KEY.encode(), "language": "", "forwarded": b""}
    return Handshake(**(usual | expected))  # type: ignore[arg-type]  # each row names fields of it


TAKEN = {
    "plain": (request(*HEADERS), plain()),
    "a-browser-behind-a-load-balancer": (
        CHROME.replace("\n", "\r\n").encode("latin-1"),
        plain(sid="aZ-_09", language="en-GB,en;q=0.9,fr;q=0.8", forwarded=b"203.0.113.7"),
    ),
    "no-slash": (with_line(LINE.replace("/?", "?")), plain()),
    "session": (with_query("EIO=4&transport=websocket&sid=1.a-b_C"), plain(sid="1.a-b_C")),
    "other-order-and-more": (with_query("t=abc.1&transport=websocket&x=&EIO=4&"), plain()),
    "many-connection-options": (with_header("Connection: keep-alive, Upgrade , x"), plain()),
    "any-case": (request(*(header.swapcase() for header in HEADERS[:3]), *HEADERS[3:]), plain()),
    "no-space-and-much": (with_header("Upgrade:websocket"), plain()),
    "blanks-around": (with_header("Upgrade: \t websocket \t "), plain()),
    "no-origin": (without("Origin"), plain()),
    "forwarded-twice": (
        request(*HEADERS, "X-Forwarded-For: 198.51.100.9", "x-forwarded-for: 203.0.113.1, 203.0.113.2"),
        plain(forwarded=b"198.51.100.9,203.0.113.1, 203.0.113.2"),
    ),
    "language-beyond-ascii": (request(*HEADERS, "Accept-Language: fran\u00e7ais"), plain(language="fran\u00e7ais")),
    "empty-header": (request(*HEADERS, "X-Empty:"), plain()),
    "longest": (request(*HEADERS, "X-Long: " + "x" * (MAX_HEAD_BYTES - len(request(*HEADERS, "X-Long: ")))), plain()),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_sound_request_is_taken(name: str) -> None:
    data, expected = TAKEN[name]
    assert read_handshake(data, ORIGINS) == expected


LEFT = {
    "nothing": b"",
    "half-a-head": request(*HEADERS)[:-2],
    "other-end": request(*HEADERS)[:-2] + b"\n\n",
    "bytes-behind-the-head": request(*HEADERS) + b"\x81\x80mask",
    "second-request": request(*HEADERS) * 2,
    "nothing-but-the-line": request(),
    "wrong-path": with_line(LINE.replace("socket.io", "socket_io")),
    "deeper-path": with_line(LINE.replace("/?", "/x?")),
    "longer-name": with_line(LINE.replace("/?", "x?")),
    "two-slashes": with_line(LINE.replace("/?", "//?")),
    "no-query": with_line("GET /socket.io/ HTTP/1.1"),
    "empty-query": with_query(""),
    "whole-address": with_line(LINE.replace("/socket.io", "http://gateway/socket.io")),
    "post": with_line(LINE.replace("GET", "POST")),
    "lower-case-method": with_line(LINE.replace("GET", "get")),
    "http-1x1": with_line(LINE.replace("1.1", "1x1")),
    "http-1.0": with_line(LINE.replace("1.1", "1.0")),
    "line-without-version": with_line(LINE.removesuffix(" HTTP/1.1")),
    "two-spaces": with_line(LINE.replace("GET ", "GET  ")),
    "continued-header": request(*HEADERS, "X-Folded: a", " b"),
    "continued-by-tab": request(*HEADERS, "X-Folded: a", "\tb"),
    "two-hosts": request(*HEADERS, HOST),
    "two-origins": request(*HEADERS, SHOP),
    "two-keys": request(*HEADERS, f"sec-websocket-key: {KEY}"),
    "two-versions": request(*HEADERS, VERSION),
    "two-upgrades": request(*HEADERS, UPGRADE),
    "two-connections": request(*HEADERS, CONNECTION),
    "no-host": without("Host"),
    "no-key": without("Sec-WebSocket-Key"),
    "no-version": without("Sec-WebSocket-Version"),
    "no-upgrade": without("Upgrade"),
    "no-connection": without("Connection"),
    "length": request(*HEADERS, "Content-Length: 0"),
    "chunks": request(*HEADERS, "transfer-encoding: chunked"),
    "key-of-15-bytes": with_header("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"),
    "key-not-base64": with_header(f"Sec-WebSocket-Key: *{KEY}"),
    "key-without-padding": with_header(f"Sec-WebSocket-Key: {KEY.rstrip('=')}"),
    "key-of-another-alphabet": with_header("Sec-WebSocket-Key: " + "é" * 24),
    "version-8": with_header("Sec-WebSocket-Version: 8"),
    "version-13-and-8": with_header("Sec-WebSocket-Version: 13, 8"),
    "other-upgrade": with_header("Upgrade: h2c"),
    "connection-that-only-ends-so": with_header("Connection: no-upgrade"),
    "engine-3": with_query("EIO=3&transport=websocket"),
    "no-engine": with_query("transport=websocket"),
    "no-transport": with_query("EIO=4"),
    "polling": with_query("EIO=4&transport=polling"),
    "jsonp": with_query("EIO=4&transport=websocket&j=0"),
    "jsonp-empty": with_query("EIO=4&transport=websocket&j="),
    "percent-encoded": with_query("EIO=4&transport=websocket&%6a=0"),
    "percent-encoded-session": with_query("EIO=4&transport=websocket&sid=a%41"),
    "name-without-value": with_query("EIO=4&transport=websocket&sid"),
    "two-values": with_query("EIO=4&transport=websocket&sid=a=b"),
    "two-ampersands": with_query("EIO=4&&transport=websocket"),
    "plus": with_query("EIO=4&transport=websocket&sid=a+b"),
    "fragment": with_query("EIO=4&transport=websocket#x"),
    "foreign-origin": with_header("Origin: https://evil.example"),
    "origin-that-begins-so": with_header(f"Origin: {ORIGIN}.evil.example"),
    "origin-in-capitals": with_header(f"Origin: {ORIGIN.upper()}"),
    "null-origin": with_header("Origin: null"),
    "empty-origin": with_header("Origin:"),
    "too-long": request(*HEADERS, "X-Long: " + "x" * (MAX_HEAD_BYTES + 1 - len(request(*HEADERS, "X-Long: ")))),
    "space-in-a-name": request(*HEADERS, "X Name: x"),
    "space-behind-a-name": request(*HEADERS, "X-Name : x"),
    "no-name": request(*HEADERS, ": x"),
    "no-colon": request(*HEADERS, "X-Name"),
    "nul": request(*HEADERS, "X-Name: a\0b"),
    "bare-line-feed": request(*HEADERS, "X-Name: a\nX-Other: b"),
    "bare-carriage-return": request(*HEADERS, "X-Name: a\rX-Other: b"),
    "line-feeds-alone": request(*HEADERS).replace(b"\r\n", b"\n") + b"\r\n\r\n",
    "delete": request(*HEADERS, "X-Name: a\x7f"),
    "empty-line-first": b"\r\n" + request(*HEADERS),
    "empty-line-between": request(HOST, "", *HEADERS[1:]),
}


@pytest.mark.parametrize("data", LEFT.values(), ids=LEFT)
def test_every_other_request_is_left_to_uvicorn(data: bytes) -> None:
    assert read_handshake(data, ORIGINS) is None


HOSTILE = {
    "query": with_query("EIO=4&" + "aaaa=" * 3000 + "!"),
    "query-of-pairs": with_query("EIO=4&" + "a=b&" * 3500 + "!"),
    "blanks": request(*HEADERS, "X-Name:" + " " * 16_000 + "\0"),
    "blanks-behind-a-value": request(*HEADERS, "X-Name: a" + " \t" * 8000 + "\0"),
    "name": request(*HEADERS, "x" * 16_000),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_no_request_takes_longer_than_its_length_demands(data: bytes) -> None:
    """A pattern that can divide a text in several ways tries all of them before it gives up: some take years."""
    assert len(data) <= MAX_HEAD_BYTES
    assert read_handshake(data, ORIGINS) is None


@pytest.mark.parametrize("cut", range(0, len(request(*HEADERS)), 7))
def test_no_piece_of_a_request_is_taken(cut: int) -> None:
    whole = request(*HEADERS)
    assert read_handshake(whole[:cut], ORIGINS) is None
    assert read_handshake(whole[cut:], ORIGINS) is None or cut == 0


def test_the_answer_is_that_of_the_rfc() -> None:
    handshake = read_handshake(request(*HEADERS), ORIGINS)
    assert handshake is not None
    status, *headers = answer_to(handshake).decode().removesuffix("\r\n\r\n").split("\r\n")
    assert status.startswith("HTTP/1.1 101 ")
    assert sorted(headers) == [
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Upgrade: websocket",
    ]
