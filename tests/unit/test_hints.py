"""Tests the messages of the work queues, which anybody's text may stand in for."""

import json

import pytest

from chalicelib.domain.hints import CheckHint, DeliveryHint, MalformedHint

REFERENCE = "2b9cdbe3-4b5a-4c53-9f1c-6f4a5c8f2a01"
LONGEST = "C-" + "1" * 62


@pytest.mark.parametrize(
    ("hint", "fields"),
    [
        (CheckHint(REFERENCE), {"reference": REFERENCE}),
        (CheckHint(REFERENCE, "c_1"), {"reference": REFERENCE, "providerReference": "c_1"}),
        (CheckHint(REFERENCE, LONGEST), {"reference": REFERENCE, "providerReference": LONGEST}),
        (DeliveryHint(REFERENCE), {"reference": REFERENCE}),
        (DeliveryHint(), {}),
    ],
)
def test_a_hint_is_read_as_it_was_written(hint: CheckHint | DeliveryHint, fields: dict[str, str]) -> None:
    assert json.loads(hint.to_body()) == fields
    assert type(hint).from_body(hint.to_body()) == hint


NO_REFERENCE = [
    *("", "[]", "1", '"a"', "null", "[" * 5_000, '{"reference":1}', '{"reference":"a/../b"}', '{"reference":null}'),
    *(f'{{"reference":"{text}"}}' for text in (f"{REFERENCE}x", REFERENCE[1:], REFERENCE.upper())),
    f'{{"reference":"{REFERENCE}","more":1}}',
]  # fmt: skip


@pytest.mark.parametrize("kind", [CheckHint, DeliveryHint])
@pytest.mark.parametrize("body", NO_REFERENCE)
def test_a_message_that_is_none_of_ours_is_refused(kind: type[CheckHint] | type[DeliveryHint], body: str) -> None:
    with pytest.raises(MalformedHint):
        kind.from_body(body)


@pytest.mark.parametrize("named", ['"/"', "null", "1", '""', f'"{LONGEST}1"', '"\u00e9"'])
def test_a_wrong_reference_of_the_provider_is_refused(named: str) -> None:
    with pytest.raises(MalformedHint, match="providerReference"):
        CheckHint.from_body(f'{{"reference":"{REFERENCE}","providerReference":{named}}}')


def test_a_check_names_its_payment_and_a_delivery_names_no_providers_reference() -> None:
    with pytest.raises(MalformedHint, match="reference"):
        CheckHint.from_body("{}")
    with pytest.raises(MalformedHint):
        DeliveryHint.from_body(f'{{"reference":"{REFERENCE}","providerReference":"c-1"}}')
