"""Tests `make link`: what a shop without a developer gets to send, and what it is told where that is not possible."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.money import Money
from chalicelib.domain.payment_link import LinkStatus
from chalicelib.flows.payment_links import PaymentLinks
from local.embedded import EmbeddedAws
from tests import ROOT
from tests.harness.fakes import HandClock

API = "http://127.0.0.1:8000"


@pytest.fixture
def place(aws: EmbeddedAws, table: str, tmp_path: Path) -> Path:
    known = {"AWS_ENDPOINT_URL": aws.url, "PAYMENTS_TABLE": table, "API_URL": API}
    (tmp_path / "ledger.json").write_text(json.dumps(known))
    return tmp_path


def run(place: Path, **given: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "infra.commands.payment_link",
        *(f"--{name}={value}" for name, value in given.items()),
    ]
    environment = {"PATH": os.environ["PATH"], "RUN_DIR": str(place), "PYTHONUTF8": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50, check=False)


def test_a_link_is_made_found_again_and_cancelled(place: Path, ledger: Ledger, clock: HandClock) -> None:
    links = PaymentLinks(ledger, clock, {"XAF"})
    done = run(place, order="order-1", amount="5000", description="Deux chaises")
    url, french, english = done.stdout.strip().split("\n\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{API}/pay/[a-z2-7]{{26}}", url)
    shown = links.show(url.rpartition("/")[2])
    assert (shown.status, shown.link.money, shown.link.description) == (
        *(LinkStatus.OPEN, Money(5000, "XAF"), "Deux chaises"),
    )
    assert french.startswith(
        f"Bonjour, voici le lien pour payer votre commande order-1 (5\u00a0000\u00a0FCFA)\u00a0: {url}"
    )
    assert english.startswith(f"Hello, here is the link to pay for your order order-1 (FCFA 5,000): {url}")
    for message in (french, english):
        text, _, whatsapp = message.rpartition("\n")
        assert unquote(whatsapp) == f"https://wa.me/?text={text}"
    assert run(place, order="order-1", amount="5000", description="Deux chaises").stdout.startswith(url)
    other = run(place, order="order-1", amount="500")
    assert (other.returncode, other.stdout) == (1, "")
    assert url.rpartition("/")[2] in other.stderr
    assert run(place, cancel=url).stdout == "The link is cancelled. A payment that is on its way goes on.\n"
    assert links.show(shown.link.link_id).status is LinkStatus.CANCELLED


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"order": "order-1", "amount": "5000.5"}, "AMOUNT must be a whole number"),
        ({"order": "", "amount": "0"}, "ORDER must be 1 to 64 characters"),
        ({"order": "order-1", "amount": "5000", "days": "31"}, "DAYS must be from 1 to 30"),
        ({"cancel": "https://shop.example/pay/none"}, "there is no such link"),
        ({"cancel": "a" * 26}, "there is no such link"),
        ({"order": "order-1", "amount": "5000", "stage": "nowhere"}, "nowhere"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(given: dict[str, str], said: str, place: Path) -> None:
    done = run(place, **given)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("make link: ")
    assert said in line


def test_without_a_run_it_asks_for_a_stage(tmp_path: Path) -> None:
    assert "there was no `make run` here" in run(tmp_path, order="order-1", amount="5000").stderr
