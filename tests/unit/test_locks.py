"""Tests that each lock file has what its requirements pin, in the versions of constraints.txt, and a hash of each."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {
    "requirements.lock": "requirements.txt",
    "requirements-dev.lock": "requirements-dev.txt",
    "socket_gateway/requirements.lock": "socket_gateway/requirements.txt",
    "infra/requirements.lock": "infra/requirements.txt",
}
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[\w,]+\])?==(\S+)", re.MULTILINE)


def pins_of(file: str) -> dict[str, str]:
    text = (ROOT / file).read_text("utf-8")
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in _PIN.findall(text)}


@pytest.mark.parametrize(("lock", "requirements"), LOCKS.items())
def test_the_lock_has_the_pins_and_every_package_its_hash(lock: str, requirements: str) -> None:
    """Where a pin has changed, the command at the top of the lock file makes a new one."""
    locked, constraints = pins_of(lock), pins_of("constraints.txt")
    assert pins_of(requirements).items() <= locked.items()
    assert {name: version for name, version in locked.items() if constraints.get(name, version) != version} == {}
    blocks = re.split(r"^(?=[a-z])", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert len(blocks) == len(locked)
