"""Names the people who operate payments, what each may do, and the keys that prove it. Pure."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")
_SESSION = b"operator session"
_TICKET = b"operator ticket"


class Right(StrEnum):
    """What an operator may do."""

    VIEW = "view"
    ACT = "act"
    """Includes `view`."""

    def includes(self, needed: "Right") -> bool:
        return self is Right.ACT or needed is Right.VIEW


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who operates payments. `name`: stands in the history of what the person does, and in the log."""

    name: str
    right: Right


UNNAMED = Operator("operator", Right.ACT)
"""Whoever calls with a key that has no name."""


class MalformedOperatorKey(ValueError):
    """Says what is wrong with an entry, and nothing of what stands in it: a misplaced part may be the key."""


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """A key and whose it is. An operator has two while one is rotated."""

    operator: Operator
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, entry: str) -> "OperatorKey":
        """Reads `name:right:key`. Raises MalformedOperatorKey with everything that is wrong."""
        name, right, secret = [*entry.split(":", 2), "", ""][:3]
        faults = {
            "its name must be 1 to 24 of a-z, 0-9 and -, a letter first": _NAME.fullmatch(name) is None,
            "its right must be view or act": right not in list(Right),
            "its key is missing": not secret,
        }
        if any(faults.values()):
            raise MalformedOperatorKey(", ".join(fault for fault, is_so in faults.items() if is_so))
        return cls(Operator(name, Right(right)), secret)

    @property
    def session_key(self) -> str:
        """Returns the key that signs this key's sessions. It tells nothing of the key that it is derived from."""
        return self._derived(_SESSION)

    @property
    def ticket_key(self) -> str:
        """Returns the key that signs the tickets of this key's sessions."""
        return self._derived(_TICKET)

    def _derived(self, purpose: bytes) -> str:
        return hmac.new(self.secret.encode(), purpose, hashlib.sha256).hexdigest()


def key_given(given: str, keys: Sequence[OperatorKey]) -> OperatorKey | None:
    """Returns the key that was given. Every key is compared, in constant time."""
    found = [key for key in keys if hmac.compare_digest(given.encode(), key.secret.encode()) and key.secret]
    return found[0] if found else None
