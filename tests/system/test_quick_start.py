"""Runs the commands of the quick start in French as they stand, in the terminals that it tells of."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.embedded import LOOPBACK, free_port
from tests import ROOT
from tests.harness.markdown import blocks
from tests.unit.test_french import AMISS

PAGE = (ROOT / "docs" / "demarrage-rapide.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
SHOP = "http://localhost:3000"


ALONE, WITH_SHOP, SIGN, PAY = blocks(PAGE, "sh")


@pytest.fixture
def ports() -> dict[str, str]:
    return {name: str(free_port()) for name in ("API_PORT", "GATEWAY_PORT", "SIMULATOR_PORT")}


@pytest.fixture
def first_terminal(ports: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Starts everything as the page says, but on free ports, and with this Python in the place of make's."""
    runner = subprocess.Popen(
        ["/bin/bash", "-c", WITH_SHOP.replace("make run", f"exec {sys.executable} -m local")],
        cwd=ROOT,
        env={**os.environ, **ports, "SIMULATOR_APPROVE_AFTER": "0.1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield runner
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=20)


def line_with(text: str, terminal: subprocess.Popen[str]) -> str:
    """Reads the output up to the line that contains the text; fails if it ends before."""
    assert terminal.stdout is not None
    for line in terminal.stdout:
        if text in line:
            return line.rstrip()
    raise AssertionError(f"never said: {text}")


def origin_allowed(address: str, method: str, path: str, origin: str) -> str | None:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request(method, path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    allowed = connection.getresponse().headers["Access-Control-Allow-Origin"]
    connection.close()
    return allowed


def test_its_commands_make_a_payment_for_a_shop_on_another_port(
    first_terminal: subprocess.Popen[str], ports: dict[str, str], tmp_path: Path
) -> None:
    line_with("Ready", first_terminal)
    api, gateway = (f"{LOOPBACK}:{ports[name]}" for name in ("API_PORT", "GATEWAY_PORT"))
    assert origin_allowed(api, "OPTIONS", "/api/payment/initiate", SHOP) == SHOP
    assert origin_allowed(gateway, "GET", "/socket.io/?EIO=4&transport=polling", SHOP) == SHOP
    commands = f"{SIGN}\n{PAY}".replace(".venv/bin/python", sys.executable).replace("localhost:8000", api)
    second_terminal = subprocess.run(
        ["/bin/bash", "-euc", commands], cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=60
    )
    assert second_terminal.returncode == 0, second_terminal.stderr
    assert json.loads(second_terminal.stdout)["status"] == "PENDING"
    line_with("order event payment.successful commande-1", first_terminal)


def test_it_says_the_same_as_the_readme() -> None:
    assert ALONE.strip() in blocks(README, "sh")[0]
    assert WITH_SHOP in blocks(README, "sh")
    assert blocks(PAGE, "tsx") == blocks(README, "tsx")


def test_it_is_set_as_french_is() -> None:
    words = re.sub(r"```.*?```|`[^`]*`|<http[^>]*>|\]\([^)]*\)|^\|[-|]+$", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert AMISS.findall(words) == []
    assert len(re.findall("\N{NO-BREAK SPACE}", words)) > 10
