"""Checks the load of the gateway's benchmark: what it must notice, and what it counts as the server's."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gateway import plans
from tests.harness.stack import NODE

LOAD = Path(plans.__file__).parent / "load"
REFERENCE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
FIRST_VERSION = 100_000
STATUS, FAILED, COMPLETED = "payment-status", "payment-failed", "payment-completed"
OPENED = ['0{"sid":"a"}', '40{"sid":"b"}']
TRACKED = '431[{"ok":true}]'
FEED = """
import { readFileSync } from "node:fs";
const { Browser } = await import(`${process.argv[1]}/browser.mjs`);
const { Payment } = await import(`${process.argv[1]}/frames.mjs`);
const { payment: identity, changes, begins, published, chunks } = JSON.parse(readFileSync(0, "utf8"));
const payment = new Payment(identity, changes);
const complaints = [];
const sent = [];
const browser = new Browser(payment, (text) => complaints.push(text));
browser.send = (bytes) => sent.push(bytes.toString("hex"));
let rest = Buffer.alloc(0);
function feed(hex) {
  const bytes = Buffer.concat([rest, Buffer.from(hex, "hex")]);
  rest = bytes.subarray(browser.take(bytes, bytes.length));
}
begins.forEach(feed);
for (const change of published) payment.change(change);
chunks.forEach(feed);
const { seen, events } = browser;
console.log(JSON.stringify({ complaints, sent, seen, events, rest: rest.length }));
"""


def frame(payload: str, opcode: int = 0x81) -> bytes:
    body = payload.encode()
    size = bytes([len(body)]) if len(body) < 126 else bytes([126]) + len(body).to_bytes(2, "big")
    return bytes([opcode]) + size + body


def event(name: str, version: int, *, reference: str = REFERENCE, change: str = "one", amount: str = "5000") -> bytes:
    body = plans.changes()[change]["template"].replace("REFERENCE", reference).replace("VERSION", str(version))
    return frame(f'42["{name}",{body.replace("5000", amount)}]')


def one(version: int, **other: str) -> bytes:
    return event(STATUS, FIRST_VERSION + version, **other)


def three(version: int, *names: str) -> bytes:
    return b"".join(event(name, FIRST_VERSION + version, change="three") for name in names)


SNAPSHOT = one(0)
HEAD = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def begins(*frames: bytes) -> list[bytes]:
    return [HEAD + b"".join(frame(packet) for packet in OPENED), *frames]


TRACKING = begins(SNAPSHOT, frame(TRACKED))


def take(chunks: list[bytes], *, published: list[str], begin: list[bytes] | None = None) -> dict[str, Any]:
    """Lets a browser track, publishes, and feeds it with what the server sends. Returns what it noticed and sent."""
    orders = {
        "payment": {"reference": REFERENCE, "token": "token"},
        "changes": plans.changes(),
        "begins": [chunk.hex() for chunk in (TRACKING if begin is None else begin)],
        "published": published,
        "chunks": [chunk.hex() for chunk in chunks],
    }
    command = [NODE, "--input-type=module", "-e", FEED, str(LOAD)]
    done = subprocess.run(command, input=json.dumps(orders), capture_output=True, text=True, check=True)
    taken: dict[str, Any] = json.loads(done.stdout)
    return taken


def test_a_browser_takes_what_was_published_in_whatever_pieces_it_comes() -> None:
    joined = one(1) + one(2)
    for chunks in ([joined], [bytes([byte]) for byte in joined]):
        taken = take(chunks, published=["one", "one"])
        assert taken["complaints"] == []
        assert (taken["seen"], taken["events"], taken["rest"]) == (FIRST_VERSION + 2, 2, 0)


def test_a_version_of_three_events_counts_once_all_three_have_come() -> None:
    two = take([three(1, STATUS, FAILED)], published=["three"])
    assert (two["complaints"], two["seen"], two["events"]) == ([], FIRST_VERSION, 2)
    all_three = take([three(1, STATUS, FAILED, COMPLETED)], published=["three"])
    assert (all_three["complaints"], all_three["seen"], all_three["events"]) == ([], FIRST_VERSION + 1, 3)


@pytest.mark.parametrize(
    ("chunk", "published"),
    [
        pytest.param(one(2), ["one", "one"], id="lost"),
        pytest.param(one(1) + one(1), ["one"], id="doubled, the newest"),
        pytest.param(one(1) + one(1) + one(2), ["one", "one"], id="doubled"),
        pytest.param(one(2) + one(1), ["one", "one"], id="out of order"),
        pytest.param(one(1, reference=OTHER), ["one"], id="another payment's"),
        pytest.param(one(1, amount="5001"), ["one"], id="changed"),
        pytest.param(one(1), [], id="never published"),
        pytest.param(three(1, STATUS, COMPLETED), ["three"], id="one of three lost"),
        pytest.param(three(1, STATUS, COMPLETED, FAILED), ["three"], id="three out of order"),
        pytest.param(frame("", 0x88), ["one"], id="closed"),
        pytest.param(frame("41"), ["one"], id="disconnected"),
        pytest.param(bytes([0x81, 0xFF]), ["one"], id="masked"),
    ],
)
def test_a_browser_complains_about_what_is_not_due(chunk: bytes, published: list[str]) -> None:
    assert take([chunk], published=published)["complaints"] != []


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(begins(frame(TRACKED)), id="no snapshot"),
        pytest.param(begins(one(1), frame(TRACKED)), id="another version"),
        pytest.param(begins(SNAPSHOT, frame('431[{"ok":false,"code":"invalid_token"}]')), id="refused"),
        pytest.param([b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], id="handshake refused"),
    ],
)
def test_a_browser_complains_where_tracking_begins_otherwise(begin: list[bytes]) -> None:
    assert take([], published=[], begin=begin)["complaints"] != []


def test_a_browser_connects_tracks_and_answers_pings() -> None:
    taken = take([frame("2"), frame("abc", 0x89)], published=[])
    assert taken["complaints"] == []
    assert [payload(bytes.fromhex(sent)) for sent in taken["sent"]] == [
        (0x81, "40"),
        (0x81, f'421["track-payment",{{"reference":"{REFERENCE}","token":"token"}}]'),
        (0x81, "3"),
        (0x8A, "abc"),
    ]


def payload(sent: bytes) -> tuple[int, str]:
    """Reads a frame of a browser. Returns its opcode and payload."""
    assert sent[1] & 0x80, "a browser masks its frames"
    mask = 4 if sent[1] & 0x7F == 126 else 2
    body = sent[mask + 4 :]
    assert len(body) == (int.from_bytes(sent[2:4], "big") if mask == 4 else sent[1] & 0x7F)
    return sent[0], bytes(byte ^ sent[mask + at % 4] for at, byte in enumerate(body)).decode()


BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"


@pytest.fixture
def parent(request: pytest.FixtureRequest) -> Iterator[int]:
    """Runs a process whose child computes for a while. Yields its id once the child has done so, or has ended."""
    child = BUSY + "print(flush=True)\n" + ("" if request.param else "time.sleep(60)\n")
    wait = "child.wait(); print(flush=True)" if request.param else "print(child.stdout.readline(), flush=True)"
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n{wait}\n"
        "sys.stdin.read()\nchild.kill()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


@pytest.mark.parametrize("parent", [False, True], indirect=True, ids=["running", "ended"])
def test_the_processor_time_of_a_servers_processes_is_the_servers(parent: int) -> None:
    program = f'import {{ cpuSeconds }} from "{LOAD}/processes.mjs"; console.log(cpuSeconds({parent}))'
    done = subprocess.run([NODE, "--input-type=module", "-e", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) >= 0.25  # the kernel rounds user and system time down to 10 ms each
