"""Tests the signatures of order events by the vectors of the Standard Webhooks specification and its libraries."""

import pytest

from chalicelib.domain.event_signature import MalformedSecret, read_secret, signed_headers, write_secret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_000, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_vector_of_the_specification() -> None:
    assert signed_headers(ID, AT, BODY, [read_secret(SECRET)]) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_while_a_secret_is_rotated_both_sign() -> None:
    other = write_secret(b"another-key-of-thirty-two-bytes!")
    headers = signed_headers(ID, AT, BODY, [read_secret(other), read_secret(SECRET)])
    first, second = headers["webhook-signature"].split(" ")
    assert second == SIGNATURE
    assert first != SIGNATURE
    assert first.startswith("v1,")


@pytest.mark.parametrize("changed", [(ID + "x", AT, BODY), (ID, AT + 1000, BODY), (ID, AT, BODY + b" ")])
def test_the_signature_covers_id_time_and_body(changed: tuple[str, int, bytes]) -> None:
    assert signed_headers(*changed, [read_secret(SECRET)])["webhook-signature"] != SIGNATURE


@pytest.mark.parametrize(
    "text", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64", "whsec_MfK", "whsec_MfK Q"]
)
def test_what_is_no_secret_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(MalformedSecret) as refused:
        read_secret(text)
    assert not text or text not in str(refused.value)


def test_a_secret_that_is_written_is_read() -> None:
    key = bytes(range(32))
    assert read_secret(write_secret(key)) == key
