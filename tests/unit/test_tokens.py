"""Tests tokens that are forged byte by byte, so that no library's checks prevent it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.domain.errors import ExpiredSignature, InvalidSession, InvalidSignature, InvalidToken
from chalicelib.domain.money import Money
from chalicelib.domain.operators import Operator, OperatorKey, Right
from chalicelib.domain.payment_link import LinkGrant, PaymentLink
from chalicelib.domain.tokens import (
    WEBHOOK_LEEWAY_MS,
    OperatorSession,
    TrackingGrant,
    check_webhook_signature,
    link_grant_of,
    read_operator_session,
    read_operator_ticket,
    read_order_token,
    read_tracking_token,
    sign_link_token,
    sign_operator_session,
    sign_operator_ticket,
    sign_tracking_token,
)

KEY = "the-key-that-signs-of-at-least-32-bytes"
OLD_KEY = "the-key-of-last-month-of-32-bytes-too"
STRANGE_KEY = "a-key-that-nobody-here-has-given-out!!"
NOW = 1_768_471_200_000
NOW_SECONDS = NOW // 1000
ORDER = {"orderId": "order-1042", "amount": 5000, "currency": "XAF", "exp": NOW_SECONDS + 60}
GRANT = TrackingGrant("0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11", "order-1042")
TRACKING = {"reference": GRANT.reference, "orderId": GRANT.order_id, "exp": NOW_SECONDS + 60}
CAMPAY = {"iat": NOW_SECONDS, "nbf": NOW_SECONDS, "exp": NOW_SECONDS + 3600, "source": "CamPay"}

Read = Callable[[str], object]
READERS: Mapping[str, Read] = {
    "order": lambda token: read_order_token(token, [KEY, OLD_KEY], NOW),
    "tracking": lambda token: read_tracking_token(token, [KEY, OLD_KEY], NOW),
    "webhook": lambda token: check_webhook_signature(token, [KEY, OLD_KEY], NOW),
}
CLAIMS: Mapping[str, Mapping[str, Any]] = {"order": ORDER, "tracking": TRACKING, "webhook": CAMPAY}
REFUSED = (InvalidToken, InvalidSignature)


def segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def forge(claims: object, *, key: str = KEY, algorithm: str = "HS256", digest: str = "sha256") -> str:
    header = {"alg": algorithm, "typ": "JWT"}
    signed = f"{segment(json.dumps(header).encode())}.{segment(json.dumps(claims).encode())}"
    signature = hmac.new(key.encode(), signed.encode(), getattr(hashlib, digest)).digest()
    return f"{signed}.{segment(signature)}"


each_reader = pytest.mark.parametrize("kind", READERS)


@each_reader
def test_a_token_of_the_current_key_passes(kind: str) -> None:
    READERS[kind](forge(CLAIMS[kind]))


@each_reader
def test_a_token_of_the_key_that_is_being_rotated_out_passes(kind: str) -> None:
    READERS[kind](forge(CLAIMS[kind], key=OLD_KEY))


@each_reader
@pytest.mark.parametrize("key", [STRANGE_KEY, "", KEY + " ", KEY[:-1]])
def test_a_token_of_another_key_is_refused(kind: str, key: str) -> None:
    with pytest.raises(REFUSED):
        READERS[kind](forge(CLAIMS[kind], key=key))


@each_reader
@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("none", "sha256"),
        ("None", "sha256"),
        ("HS384", "sha384"),
        ("HS512", "sha512"),
        ("RS256", "sha256"),
        ("", "sha256"),
    ],
)
def test_another_algorithm_is_refused_even_with_our_key(kind: str, algorithm: str, digest: str) -> None:
    with pytest.raises(REFUSED):
        READERS[kind](forge(CLAIMS[kind], algorithm=algorithm, digest=digest))


@each_reader
def test_a_token_without_signature_is_refused(kind: str) -> None:
    header, claims, _ = forge(CLAIMS[kind], algorithm="none").split(".")
    with pytest.raises(REFUSED):
        READERS[kind](f"{header}.{claims}.")


@each_reader
@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_one_letter_changed_is_refused(kind: str, part: int) -> None:
    parts = forge(CLAIMS[kind]).split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    with pytest.raises(REFUSED):
        READERS[kind](".".join(parts))


@each_reader
def test_claims_under_the_signature_of_other_claims_are_refused(kind: str) -> None:
    header, _, signature = forge(CLAIMS[kind]).split(".")
    richer = segment(json.dumps({**CLAIMS[kind], "amount": 1}).encode())
    with pytest.raises(REFUSED):
        READERS[kind](f"{header}.{richer}.{signature}")


@each_reader
def test_an_empty_key_does_not_hide_the_one_after_it(kind: str) -> None:
    readers: Mapping[str, Read] = {
        "order": lambda token: read_order_token(token, ["", KEY], NOW),
        "tracking": lambda token: read_tracking_token(token, ["", KEY], NOW),
        "webhook": lambda token: check_webhook_signature(token, ["", KEY], NOW),
    }
    readers[kind](forge(CLAIMS[kind]))


@pytest.mark.parametrize("keys", [[], [""], ["", ""]])
def test_without_a_key_nothing_passes_not_even_a_token_signed_with_the_empty_key(keys: list[str]) -> None:
    for key in ("", KEY):
        with pytest.raises(InvalidToken):
            read_order_token(forge(ORDER, key=key), keys, NOW)
        with pytest.raises(InvalidToken):
            read_tracking_token(forge(TRACKING, key=key), keys, NOW)
        with pytest.raises(InvalidSignature):
            check_webhook_signature(forge(CAMPAY, key=key), keys, NOW)


@pytest.mark.parametrize(
    ("claim", "now", "passes"),
    [
        ("exp", NOW - 1, True),
        ("exp", NOW, False),
        ("exp", NOW + 1, False),
        ("nbf", NOW - 1, False),
        ("nbf", NOW, True),
    ],
)
def test_our_own_tokens_have_no_leeway(claim: str, now: int, passes: bool) -> None:
    token = forge({**ORDER, claim: NOW_SECONDS})
    assert accepts(lambda: read_order_token(token, [KEY], now)) is passes
    token = forge({**TRACKING, claim: NOW_SECONDS})
    assert accepts(lambda: read_tracking_token(token, [KEY], now)) is passes


@pytest.mark.parametrize(
    ("claim", "now", "passes"),
    [
        ("exp", NOW + WEBHOOK_LEEWAY_MS - 1, True),
        ("exp", NOW + WEBHOOK_LEEWAY_MS, False),
        ("nbf", NOW - WEBHOOK_LEEWAY_MS - 1, False),
        ("nbf", NOW - WEBHOOK_LEEWAY_MS, True),
    ],
)
def test_a_webhook_has_a_minute_and_not_a_millisecond_more(claim: str, now: int, passes: bool) -> None:
    signature = forge({**CAMPAY, "nbf": NOW_SECONDS - 600, "exp": NOW_SECONDS + 600, claim: NOW_SECONDS})
    assert WEBHOOK_LEEWAY_MS == 60_000
    assert accepts(lambda: check_webhook_signature(signature, [KEY], now)) is passes


def accepts(read: Callable[[], object]) -> bool:
    try:
        read()
    except REFUSED:
        return False
    return True


def test_the_issuers_clock_may_be_ahead_of_ours() -> None:
    in_the_year_2100 = 4_102_444_800  # PyJWT would compare it with the clock of the machine that runs the tests
    check_webhook_signature(forge({**CAMPAY, "iat": in_the_year_2100}), [KEY], NOW)


@each_reader
def test_a_token_that_never_expires_is_refused(kind: str) -> None:
    eternal = {name: value for name, value in CLAIMS[kind].items() if name != "exp"}
    with pytest.raises(REFUSED):
        READERS[kind](forge(eternal))


@each_reader
@pytest.mark.parametrize(
    "expires",
    [None, True, "", str(NOW_SECONDS + 60), NOW_SECONDS + 60.5, [], {}, float("nan"), float("inf"), -1, 0, -(10**30)],
    ids=repr,
)
def test_an_odd_expiry_is_refused(kind: str, expires: object) -> None:
    with pytest.raises(REFUSED):
        READERS[kind](forge({**CLAIMS[kind], "exp": expires}))


@each_reader
@pytest.mark.parametrize(
    "begins", [None, True, "", str(NOW_SECONDS), [], {}, float("nan"), float("inf"), 10**30], ids=repr
)
def test_an_odd_beginning_is_refused(kind: str, begins: object) -> None:
    with pytest.raises(REFUSED):
        READERS[kind](forge({**CLAIMS[kind], "nbf": begins}))


@each_reader
def test_an_expiry_beyond_all_clocks_overflows_nothing(kind: str) -> None:
    READERS[kind](forge({**CLAIMS[kind], "exp": 10**400, "nbf": -1e308}))


DEEP = segment(b"[" * 12_000)


@each_reader
@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a.b.c", "null", "{}", "é", "é.é.é", "\ud800.a.b", "\0", "e30.e30.e30", f"{DEEP}.e30.AAAA"],
    ids=lambda text: ascii(text[:12]).replace("\\", "U+"),
)
def test_what_is_no_token_is_refused(kind: str, text: str) -> None:
    with pytest.raises(REFUSED):
        READERS[kind](text)


@each_reader
@pytest.mark.parametrize("claims", [None, 1, "text", [], [{}]], ids=repr)
def test_signed_content_that_is_no_object_is_refused(kind: str, claims: object) -> None:
    with pytest.raises(REFUSED):
        READERS[kind](forge(claims))


def test_an_order_token_gives_its_claims_as_the_shop_wrote_them() -> None:
    claims = {**ORDER, "orderId": "commande-é-1042", "cart": {"lines": 2}}
    assert read_order_token(forge(claims), [KEY], NOW) == claims


def test_a_tracking_token_gives_back_what_was_granted_until_it_expires() -> None:
    token = sign_tracking_token(GRANT, [KEY, OLD_KEY], NOW + 60_000)
    assert read_tracking_token(token, [KEY], NOW) == GRANT
    with pytest.raises(InvalidToken):
        read_tracking_token(token, [OLD_KEY], NOW)
    with pytest.raises(InvalidToken):
        read_tracking_token(token, [KEY], NOW + 60_000)


@pytest.mark.parametrize("claim", ["reference", "orderId"])
@pytest.mark.parametrize("value", [None, 1, "absent", ["a"]], ids=repr)
def test_a_tracking_token_that_names_no_payment_is_refused(claim: str, value: object) -> None:
    claims: dict[str, object] = {**TRACKING, claim: value}
    if value == "absent":
        del claims[claim]
    with pytest.raises(InvalidToken):
        read_tracking_token(forge(claims), [KEY], NOW)


def test_an_order_token_is_no_tracking_token() -> None:
    """Keys differ by purpose; should one ever be used for both, the claims still differ."""
    with pytest.raises(InvalidToken):
        read_tracking_token(forge(ORDER), [KEY], NOW)


PAUL = OperatorKey(Operator("paul", Right.ACT), KEY)
PAULS_NEW_KEY = OperatorKey(PAUL.operator, "the-next-key-of-paul-of-at-least-32-bytes")
AMINA = OperatorKey(Operator("amina", Right.VIEW), OLD_KEY)


@dataclass(frozen=True)
class OfSession:
    """How a token that stands for a session is signed, for how long it is valid, and how it is read."""

    sign: Callable[[OperatorSession], str]
    read: Callable[[str, Sequence[OperatorKey], int], OperatorSession]
    key: Callable[[OperatorKey], str]
    claims: Mapping[str, object]


UNTIL = NOW + 600_000
OF_SESSION = {
    "session": OfSession(
        lambda it: sign_operator_session(replace(it, ends_at=NOW + 60_000)),
        lambda *given: replace(read_operator_session(*given), ends_at=UNTIL),
        lambda key: key.session_key,
        {},
    ),
    "ticket": OfSession(
        lambda it: sign_operator_ticket(it, NOW),
        read_operator_ticket,
        lambda key: key.ticket_key,
        {"until": UNTIL // 1000},
    ),
}
each_of_session = pytest.mark.parametrize("kind", OF_SESSION.values(), ids=OF_SESSION)


@each_of_session
def test_it_tells_whose_session_it_is_until_it_expires(kind: OfSession) -> None:
    for key in (PAUL, AMINA):
        session = OperatorSession(key, UNTIL)
        token = kind.sign(session)
        assert kind.read(token, [PAULS_NEW_KEY, PAUL, AMINA], NOW) == session
        assert kind.read(token, [AMINA, PAUL], NOW + 59_999) == session
        with pytest.raises(InvalidSession):
            kind.read(token, [PAUL, AMINA], NOW + 60_000)


@each_of_session
def test_it_ends_with_its_key_and_with_its_right(kind: OfSession) -> None:
    token = kind.sign(OperatorSession(PAUL, UNTIL))
    now_a_viewer = OperatorKey(Operator("paul", Right.VIEW), PAUL.secret)
    for keys in ([], [PAULS_NEW_KEY, AMINA], [now_a_viewer], [OperatorKey(AMINA.operator, PAUL.secret)]):
        with pytest.raises(InvalidSession):
            kind.read(token, keys, NOW)


@each_of_session
def test_a_token_of_another_purpose_is_none_and_it_is_none_of_those(kind: OfSession) -> None:
    claims = {"name": "paul", "right": "act", "exp": NOW_SECONDS + 60, **kind.claims}
    session, own = OperatorSession(PAUL, UNTIL), kind.key(PAUL)
    assert kind.read(forge(claims, key=own), [PAUL], NOW) == session
    others = [other.sign(session) for other in OF_SESSION.values() if other is not kind]
    for token in (
        *others,
        forge(claims),
        forge(claims, key=PAUL.secret),
        forge(TRACKING),
        forge(TRACKING, key=own),
        "x",
    ):
        with pytest.raises(InvalidSession):
            kind.read(token, [PAUL], NOW)
    for read in READERS.values():
        with pytest.raises(REFUSED):
            read(kind.sign(session))


def test_a_session_ends_when_its_token_says() -> None:
    session = OperatorSession(PAUL, UNTIL)
    assert read_operator_session(sign_operator_session(session), [PAUL], NOW) == session


def test_a_ticket_does_not_outlive_its_session() -> None:
    ticket = sign_operator_ticket(OperatorSession(PAUL, NOW + 5_000), NOW)
    assert read_operator_ticket(ticket, [PAUL], NOW + 4_999).ends_at == NOW + 5_000
    with pytest.raises(InvalidSession):
        read_operator_ticket(ticket, [PAUL], NOW + 5_000)


@pytest.mark.parametrize("until", [None, "soon", 1.5, True])
def test_a_ticket_without_an_end_of_the_session_is_refused(until: object) -> None:
    claims = {"name": "paul", "right": "act", "exp": NOW_SECONDS + 60, "until": until}
    with pytest.raises(InvalidSession):
        read_operator_ticket(forge(claims, key=PAUL.ticket_key), [PAUL], NOW)


def test_a_short_webhook_key_works_without_a_warning() -> None:
    """CamPay chooses its length; a warning would be an error here."""
    check_webhook_signature(forge(CAMPAY, key="short"), ["short"], NOW)


@each_reader
def test_a_refusal_repeats_nothing_of_the_token(kind: str) -> None:
    token = forge(CLAIMS[kind], key=STRANGE_KEY)
    with pytest.raises(REFUSED) as caught:
        READERS[kind](token)
    assert not any(part in str(caught.value) + caught.value.detail for part in token.split("."))


# --- payment links

LINK = PaymentLink("a" * 26, "order-1042", Money(5000, "XAF"), "Two chairs", created_at=NOW, expires_at=NOW + 60_500)


def test_a_links_token_opens_its_order_and_names_the_link() -> None:
    claims = read_order_token(sign_link_token(LINK, [KEY, OLD_KEY], NOW + 3_600_999), [KEY], NOW)
    assert claims == {
        "orderId": "order-1042",
        "amount": 5000,
        "currency": "XAF",
        "description": "Two chairs",
        "link": "a" * 26,
        "payUntil": NOW + 60_500,
        "exp": NOW_SECONDS + 3600,
    }
    assert link_grant_of(claims) == LinkGrant("a" * 26, NOW + 60_500)


@pytest.mark.parametrize(
    "odd", [{"link": None}, {"link": 1}, {"payUntil": None}, {"payUntil": True}, {"payUntil": "1"}]
)
def test_a_token_that_names_no_link_is_of_the_shops_own_page(odd: dict[str, object]) -> None:
    claims = {"link": "a" * 26, "payUntil": NOW}
    assert link_grant_of(claims) is not None
    assert link_grant_of(claims | odd) is None
    assert link_grant_of(ORDER) is None


def test_a_session_ends_so_many_whole_seconds_after_it_began() -> None:
    key = OperatorKey(Operator("paul", Right.ACT), KEY)
    assert OperatorSession.begin(key, NOW + 999, 60) == OperatorSession(key, NOW + 60_000)


def test_an_expired_signature_is_told_from_a_wrong_one() -> None:
    with pytest.raises(ExpiredSignature):
        check_webhook_signature(forge(CAMPAY | {"exp": NOW_SECONDS - 61}), [KEY], NOW)
    with pytest.raises(InvalidSignature) as wrong:
        check_webhook_signature(forge(CAMPAY, key=STRANGE_KEY), [KEY], NOW)
    assert not isinstance(wrong.value, ExpiredSignature)
