"""Tests the real commands `chalice local` and `chalice package`, in a shell without settings."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from infra.functions import FUNCTIONS
from local.campay_simulator import CampaySimulator
from local.embedded import LOOPBACK, free_port
from tests import ROOT
from tests.conftest import ORDER
from tests.harness.stack import wait_until

CHALICE = str(Path(sys.executable).with_name("chalice"))
SHELL = {
    **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",  # `chalice local` restarts its server for each new file
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copies what Chalice reads, so that no other test changes it. Nothing is downloaded."""
    folder = tmp_path / "project"
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("deployments", "__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    (folder / "requirements.txt").touch()
    return folder


@contextmanager
def chalice_local(project: Path, log: Path, **environment: str) -> Iterator[str]:
    """Runs `chalice local` with its output in `log`, and yields its URL at once.

    Its server is a child process, which the command restarts when a file changes; both are ended.
    """
    port = free_port()
    with log.open("w") as output:
        command = [CHALICE, "local", "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=project, env=SHELL | environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield f"http://{LOOPBACK}:{port}/api/payment"
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def wait_until_it_serves(log: Path) -> None:
    wait_until(lambda: "Serving on" in log.read_text(), "chalice local serves", 30)


def test_plain_chalice_local_is_development(project: Path, tmp_path: Path) -> None:
    """It once answered 500 to every call; only a trace said that every setting was missing."""
    with chalice_local(project, tmp_path / "log") as url:
        wait_until_it_serves(tmp_path / "log")
        health = requests.get(f"{url}/health", timeout=10)
        assert health.status_code == 200
        assert health.json() | {"timestamp": ""} == {"status": "healthy", "storage": "memory", "timestamp": ""}
        started = requests.post(f"{url}/initiate", json=ORDER, timeout=20)
        assert (started.status_code, started.json()["reason"]) == (503, "no CamPay credentials are set")


def test_plain_chalice_local_starts_a_payment_where_campay_is_given(
    project: Path, tmp_path: Path, simulator: CampaySimulator
) -> None:
    given = {
        "CAMPAY_API_URL": simulator.api_url,
        "CAMPAY_PERMANENT_ACCESS_TOKEN": simulator.settings.permanent_token,
    }
    with chalice_local(project, tmp_path / "log", **given) as url:
        wait_until_it_serves(tmp_path / "log")
        started = requests.post(f"{url}/initiate", json=ORDER, timeout=20)
        assert (started.status_code, started.json()["status"]) == (201, "PENDING")
        assert [row["phoneNumber"] for row in simulator.control.transactions()] == ["237677777777"]


def test_inside_lambda_it_is_production_all_the_same(project: Path, tmp_path: Path) -> None:
    """In production the app does not start without its settings."""
    log = tmp_path / "log"
    with chalice_local(project, log, AWS_LAMBDA_FUNCTION_NAME="payments-api"):
        wait_until(lambda: "ORDER_TOKEN_KEY is missing" in log.read_text(), "it says what is missing", 30)
    assert "Serving on" not in log.read_text()


def test_chalice_package_bakes_no_environment_in(project: Path) -> None:
    """Chalice's command line sets its variable here too; the package must still run in production mode in Lambda."""
    environment = SHELL | {"AWS_DEFAULT_REGION": "eu-west-1"}
    subprocess.run([CHALICE, "package", "packaged"], cwd=project, env=environment, check=True, capture_output=True)
    template = json.loads((project / "packaged" / "sam.json").read_text())
    functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    assert len(functions) == len(FUNCTIONS)
    baked = {name for each in functions for name in each["Properties"].get("Environment", {}).get("Variables", {})}
    assert not baked & {"APP_ENV", "NODE_ENV", "AWS_CHALICE_CLI_MODE"}
