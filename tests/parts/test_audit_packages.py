"""Tests the audit of our packages, against an OSV of our own and what npm says."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.commands.audit_packages import LOCKS, ROOT
from local.embedded import LOOPBACK, free_port
from tests.harness.markdown import rows

NPM_SOUND = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 12}}}
NPM_VULNERABLE = {**NPM_SOUND, "vulnerabilities": {"ws": {"range": "<8.17.1", "severity": "high"}}}
FAULT = {"id": "PYSEC-2099-1", "summary": "", "details": "", "aliases": [], "affected": []}


class Osv(BaseHTTPRequestHandler):
    """Answers as OSV does. `vulnerable`: the packages that have a fault."""

    vulnerable: set[str] = set()

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = {"vulns": [FAULT]} if asked["package"]["name"] in self.vulnerable else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@pytest.fixture(scope="module")
def osv() -> Iterator[str]:
    with ThreadingHTTPServer((LOOPBACK, 0), Osv) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}/v1/query"
        server.shutdown()


def audit(osv: str, npm: object) -> tuple[int, list[str]]:
    said = npm if isinstance(npm, str) else json.dumps(npm)
    done = subprocess.run(
        [sys.executable, "-m", "infra.commands.audit_packages"],
        cwd=ROOT,
        env={**os.environ, "PIP_AUDIT_OSV_URL": osv},
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def locked() -> int:
    lines = [line for lock in LOCKS for line in (ROOT / lock).read_text("utf-8").splitlines() if "==" in line]
    return len({line.split("==")[0] for line in lines if not line.startswith("#")})


def test_sound_packages_are_told_with_the_day(osv: str) -> None:
    Osv.vulnerable = set()
    code, (python, npm) = audit(osv, NPM_SOUND)
    assert code == 0
    assert npm == f"npm packages: 12 looked up on {datetime.now(UTC):%Y-%m-%d}, 0 known vulnerabilities"
    assert python.startswith("Python packages: ")
    assert python.endswith(", 0 known vulnerabilities")
    assert int(python.split()[2]) > locked() * 0.8  # those for other systems are left out


def test_a_vulnerable_package_of_either_kind_fails(osv: str) -> None:
    Osv.vulnerable = {"pyjwt"}
    code, (python, fault, _) = audit(osv, NPM_SOUND)
    assert code == 1
    assert python.endswith(", 1 known vulnerabilities")
    assert fault.startswith("    pyjwt ")
    assert fault.endswith(": PYSEC-2099-1")
    Osv.vulnerable = set()
    code, lines = audit(osv, NPM_VULNERABLE)
    assert code == 1
    assert lines[-1] == "    ws <8.17.1: high"


def test_the_page_says_of_each_lock_file_whether_it_is_audited() -> None:
    listed = {
        file.relative_to(ROOT).as_posix(): audited == "yes"
        for _, locks, _, audited in rows(ROOT / "docs" / "security.md", "## Dependencies")
        for named in re.findall(r"`([^`]+(?:\.lock|\.json|/requirements\.txt))`", locks)
        for file in ROOT.glob(named)
    }
    kept = {"infra/checkov/requirements.txt"}
    for folder, below, files in os.walk(ROOT):
        below[:] = [name for name in below if name not in ("node_modules", "cdk.out") and not name.startswith(".")]
        locks = (Path(folder, name) for name in files if name.endswith((".lock", "package-lock.json")))
        kept |= {lock.relative_to(ROOT).as_posix() for lock in locks}
    assert listed == {lock: lock in (*LOCKS, "frontend/package-lock.json") for lock in kept}


@pytest.mark.parametrize("npm", ["", '{"message": "405 Method Not Allowed"}', '{"error": {"code": "E"}}'])
def test_no_answer_is_told_and_fails_nothing(npm: str) -> None:
    code, (python, said) = audit(f"http://{LOOPBACK}:{free_port()}/v1/query", npm)
    assert code == 0
    assert python.startswith("Python packages: NOT AUDITED, ")
    assert said.startswith("npm packages: NOT AUDITED, ")
