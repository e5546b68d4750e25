"""Tests the entries that name operators, and which key was given."""

import hmac
from itertools import pairwise

import pytest

from chalicelib.domain.operators import MalformedOperatorKey, Operator, OperatorKey, Right, key_given

ADA = OperatorKey(Operator("ada", Right.ACT), "ada's key: of any letters")
BEN = OperatorKey(Operator("ben-2", Right.VIEW), "ben's key")
NO_KEY = OperatorKey(Operator("nobody", Right.ACT), "")


def test_an_entry_is_a_name_a_right_and_a_key_that_may_have_colons() -> None:
    assert OperatorKey.parse("ada:act:ada's key: of any letters") == ADA
    assert OperatorKey.parse("ben-2:view:ben's key") == BEN


NAME, RIGHT, KEY = (
    "its name must be 1 to 24 of a-z, 0-9 and -, a letter first",
    "its right must be view or act",
    "its key is missing",
)


@pytest.mark.parametrize(
    ("entry", "faults"),
    [
        ("", [NAME, RIGHT, KEY]),
        ("ada", [RIGHT, KEY]),
        ("ada:act", [KEY]),
        ("ada:act:", [KEY]),
        ("ada::secret", [RIGHT]),
        ("ada:owner:secret", [RIGHT]),
        ("2ada:act:secret", [NAME]),
        (f"{'a' * 25}:act:secret", [NAME]),
        ("Ada:ACT:secret", [NAME, RIGHT]),
    ],
)
def test_a_malformed_entry_is_told_all_that_is_wrong_and_nothing_of_what_stands_in_it(
    entry: str, faults: list[str]
) -> None:
    with pytest.raises(MalformedOperatorKey) as refused:
        OperatorKey.parse(entry)
    assert str(refused.value) == ", ".join(faults)


def test_the_key_that_was_given_is_found_among_all() -> None:
    assert key_given(ADA.secret, [BEN, ADA]) is ADA
    assert key_given(BEN.secret, [BEN, ADA]) is BEN
    for wrong in ("", ADA.secret[:-1], f"{ADA.secret} ", "\u00e9"):
        assert key_given(wrong, [BEN, ADA, NO_KEY]) is None
    assert key_given("", []) is None


def test_sessions_and_tickets_of_each_key_are_signed_with_keys_of_their_own() -> None:
    derived = sorted([ADA.session_key, ADA.ticket_key, BEN.session_key, BEN.ticket_key])
    assert all(one != other for one, other in pairwise(derived))
    assert ADA.secret not in derived


def test_the_derived_keys_stay_the_same_so_that_a_deployment_ends_no_session() -> None:
    key = ADA.secret.encode()
    assert ADA.session_key == hmac.new(key, b"operator session", "sha256").hexdigest()
    assert ADA.ticket_key == hmac.new(key, b"operator ticket", "sha256").hexdigest()


def test_who_acts_may_view_and_who_views_may_not_act() -> None:
    assert Right.ACT.includes(Right.VIEW)
    assert Right.ACT.includes(Right.ACT)
    assert Right.VIEW.includes(Right.VIEW)
    assert not Right.VIEW.includes(Right.ACT)
