"""Tells which packages of ours have a known vulnerability: `make audit`, and as part of `make check`.

pip-audit asks OSV about each Python package that one of `LOCKS` names; what npm's audit of the front end says is read
from the standard input. docs/security.md says which lock files are left out, and why. The exit code is 1 where a
package is vulnerable. Where a network lets a question not through, a line says so and nothing fails: whoever releases
has to see two dates.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "socket_gateway/requirements.lock", "requirements-dev.lock", "infra/requirements.lock")
_PIP_AUDIT = ("pip_audit", "--disable-pip", "--no-deps", "-s", "osv", "-f", "json", "--progress-spinner", "off")
_SECONDS = "10"
"""Longest wait for one answer."""

Audited = tuple[int, Sequence[str]]
"""How many packages were looked up, and a line for each vulnerability."""


class NotAudited(Exception):
    """Raised where the question got no answer; says why in one line."""


def main() -> int:
    return 1 if _reported("Python", _python) | _reported("npm", _npm) else 0


def _reported(kind: str, audit: Callable[[], Audited]) -> bool:
    """Prints what an audit has found. Returns whether that is a vulnerability."""
    try:
        number, found = audit()
    except NotAudited as error:
        print(f"{kind} packages: NOT AUDITED, {error}")
        return False
    print(f"{kind} packages: {number} looked up on {datetime.now(UTC):%Y-%m-%d}, {len(found)} known vulnerabilities")
    print("".join(f"    {line}\n" for line in found), end="")
    return bool(found)


def _python() -> Audited:
    files = [option for lock in LOCKS for option in ("-r", lock)]
    command = [sys.executable, "-m", *_PIP_AUDIT, "--timeout", _SECONDS, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    packages = _json(done.stdout, done.stderr)["dependencies"]
    lines = (f"{it['name']} {it['version']}: {wrong['id']}" for it in packages for wrong in it["vulns"])
    return len({it["name"] for it in packages}), sorted({*lines})


def _npm() -> Audited:
    said = _json(sys.stdin.read(), "")
    if "metadata" not in said:
        raise NotAudited(str(said.get("message") or said["error"]))
    lines = [f"{name} {it['range']}: {it['severity']}" for name, it in sorted(said["vulnerabilities"].items())]
    return said["metadata"]["dependencies"]["total"], lines


def _json(said: str, complaint: str) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        raise NotAudited((complaint.strip() or "no answer").splitlines()[-1][:160]) from None


if __name__ == "__main__":
    sys.exit(main())
