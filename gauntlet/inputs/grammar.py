"""Draws what nobody should send: odd texts, numbers, JSON and bytes. The same random numbers draw the same."""

import json
import random
import string
from collections.abc import Mapping, Sequence
from typing import Any

CHARACTERS = (
    *"\x00\x01\x1b\x7f\x85\xa0\xad\u200b\u202e\u2028\ufeff\ufffd\ud800\udfff",  # control, invisible, lone surrogates
    *"٣३２²①Ⅷ𝟜é日😀İßﬁ",  # digits that are no ASCII, and what changes its length with its case
    *"\"'\\/<>{}[]%&=;:,.|~#?+-_*$@! \t\r\n",
)
NUMBERS = (
    *("0", "-0", "-1", "1.0", "5000.0", "5e3", "1e400", "-1E+400", "1e-400", "0.1", "1." + "0" * 400, "9" * 5_000),
    *("NaN", "Infinity", "-Infinity", "0x10", "01", "+1", "1_000", "1.", ".5", "--1", str(2**63), str(10**20)),
)
VALUES: Sequence[Any] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    "",
    " ",
    "null",
    "None",
    [],
    {},
    [[]],
    {"": None},
    2**63,
    "1e400",
)
_ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-7", "latin-1", "utf-8-sig")
_DEEP = 5_000


class Raw(str):
    """Stands in JSON as it is, unlike a text."""

    __slots__ = ()


def text(chance: random.Random, most: int = 40) -> str:
    """Draws a text of letters, digits and odd characters."""
    letters = string.ascii_letters + string.digits
    return "".join(
        chance.choice(CHARACTERS if chance.random() < 0.4 else letters) for _ in range(chance.randint(0, most))
    )


def near(chance: random.Random, valid: str) -> str:
    """Changes a valid text in one to three places, or takes it as it is."""
    changed = valid
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        at = chance.randint(0, len(changed))
        odd = chance.choice(CHARACTERS)
        changed = chance.choice(
            (
                changed[:at] + odd + changed[at:],
                changed[:at] + odd + changed[at + 1 :],
                changed[:at] + changed[at + 1 :],
                changed[:at],
                changed + odd,
                changed + changed,
                changed.swapcase(),
                changed * chance.choice((5, 40)),
                f" {changed} ",
            )
        )[:20_000]
    return changed


def value(chance: random.Random, valid: object) -> Any:
    """Draws a value for a field: one near the valid one, a number as JSON may not have it, or one of another type."""
    kind = chance.random()
    if kind < 0.4 and isinstance(valid, str):
        return near(chance, valid)
    if kind < 0.6:
        return Raw(chance.choice(NUMBERS))
    if kind < 0.8:
        return chance.choice(VALUES)
    return chance.choice((text(chance), [valid], {"a": valid}, str(valid)))


def fields(chance: random.Random, valid: Mapping[str, Any]) -> dict[str, Any]:
    """Changes some fields of a valid object, leaves some out and adds one; or takes it as it is."""
    changed = dict(valid)
    for name in chance.sample([*valid], chance.randint(0, min(3, len(valid)))):
        if chance.random() < 0.2:
            del changed[name]
        else:
            changed[name] = value(chance, valid[name])
    if chance.random() < 0.2:
        changed[text(chance)] = value(chance, 1)
    return changed


def spelled(chance: random.Random, content: object) -> str:
    """Writes JSON as a careless or hostile hand does: a name that stands twice, escapes, raw control characters."""
    if isinstance(content, Raw):
        return str(content)
    if isinstance(content, dict):
        members = [f"{_quoted(chance, name)}:{spelled(chance, it)}" for name, it in content.items()]
        if members and chance.random() < 0.05:
            members.append(chance.choice(members))
        return "{" + ", ".join(members) + ("," if chance.random() < 0.02 else "") + "}"
    if isinstance(content, list):
        return "[" + ",".join(spelled(chance, it) for it in content) + "]"
    return _quoted(chance, content) if isinstance(content, str) else json.dumps(content)


def document(chance: random.Random, valid: Mapping[str, Any]) -> str:
    """Writes an object near a valid one as JSON or what looks like it."""
    written = spelled(chance, fields(chance, valid))
    kind = chance.random()
    if kind < 0.8:
        return written
    nested = chance.choice(("[", '{"a":')) * chance.randint(1, _DEEP)
    whole = chance.choice(
        (near(chance, written), nested, nested + "1", text(chance), f"[{written}]", f"{written}{written}")
    )
    return whole + " " * chance.choice((0, 0, 0, 20_000))


def encoded(chance: random.Random, written: str) -> bytes:
    """Encodes a text: mostly in UTF-8, in which a lone surrogate stays what it is."""
    kind = chance.random()
    if kind < 0.9:
        raw = written.encode("utf-8", "surrogatepass")
    else:
        raw = written.encode(chance.choice(_ENCODINGS), "replace")
    if kind < 0.05:
        at = chance.randint(0, len(raw))
        raw = raw[:at] + chance.randbytes(chance.randint(1, 4)) + raw[at:]
    return raw


def _quoted(chance: random.Random, content: str) -> str:
    quoted = json.dumps(content, ensure_ascii=chance.random() < 0.5)
    return quoted if chance.random() < 0.95 else f'"{content}"'
