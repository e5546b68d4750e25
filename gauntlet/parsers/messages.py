"""Reads what other services send: CamPay's records, answers and statement, messages of queues, of Redis, of sockets."""

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.adapters.campay import fields as campay
from chalicelib.adapters.campay.collect import outcome_of
from chalicelib.adapters.campay.statement import StatementMalformed, rows_in
from chalicelib.domain.contract import MalformedEvent, decode, to_event
from chalicelib.domain.hints import CheckHint, DeliveryHint, MalformedHint
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import OutcomeUnknown, Prompted, Refused
from gauntlet.inputs.grammar import document, encoded, fields, near, spelled, text, value
from gauntlet.parsers.case import NOW, Case, Wrong, must, outcome
from socket_gateway.packets import is_engine_packet, read_packet, split_payload

_REFERENCE = "0f8fad5b-d9cb-469f-a165-70867728950e"
_RECORD: Mapping[str, Any] = {
    "reference": _REFERENCE,
    "external_reference": _REFERENCE,
    "status": "SUCCESSFUL",
    "amount": "5000.00",
    "currency": "XAF",
    "operator": "MTN",
    "operator_reference": "1880106956",
    "app_amount": "4900",
    "reason": "237677777777 has too little",
    "endpoint": "collect",
    "charge_amount": "100",
    "debit": "0",
}
_ANSWERS: Sequence[Mapping[str, Any]] = (
    {"reference": _REFERENCE, "ussd_code": "*126#", "operator": "mtn"},
    {"message": "ER101 invalid number", "error_code": "ER101"},
    {"amount": ["A valid integer is required."]},
    {"detail": "Request was rate limited"},
)
_EVENT: Mapping[str, Any] = {
    **to_event(
        Payment(
            reference=_REFERENCE,
            order_id="order-1",
            money=Money(5000, "XAF"),
            provider="campay",
            phone_mask="2376******77",
            phone_hash="hash",
            locale="fr",
            created_at=NOW,
            updated_at=NOW,
            expires_at=NOW,
        ),
        NOW,
    )
}


def _record(chance: random.Random) -> None:
    record = fields(chance, _RECORD)
    record = {name: str(it) if isinstance(it, str) else it for name, it in record.items()}
    campay.status_of(record.get("status"))
    must(campay.operator_of(record.get("operator")) in (None, "MTN", "Orange"), "an operator", record)
    reason = campay.reason_of(record.get("reason"))
    must(reason is None or ("77777777" not in reason and len(reason.encode()) > 0), "a reason", reason)
    money = campay.money_of(record, campay.text_of(record.get("currency")) or "")
    if money is not None:
        must(type(money.amount) is int and money.amount >= 0, "an amount", money)
        for fee in (campay.fee_in_record(record, money), campay.fee_in_statement(record, money)):
            must(fee is None or 0 <= fee <= money.amount, "a fee", fee, money)


def _answer(chance: random.Random) -> None:
    status = chance.choice((200, 201, 301, 400, 401, 402, 403, 404, 409, 422, 429, 500, 502, 503))
    told = outcome_of(status, fields(chance, chance.choice(_ANSWERS)))
    if isinstance(told, Refused):
        must(400 <= status < 500, "no prompt was sent, by an answer that does not prove it", status, told)
    must(not isinstance(told, Prompted) or (status == 200 and bool(told.provider_reference)), "a prompt", status, told)
    must(isinstance(told, Refused | Prompted | OutcomeUnknown), "an outcome", told)


def _statement(chance: random.Random) -> None:
    rows = [fields(chance, _RECORD) for _ in range(chance.randint(0, 4))]
    data = [value(chance, row) if chance.random() < 0.1 else row for row in rows]
    whole = chance.choice(({"data": data}, data, {"count": 1, "data": data, "next": None}))
    written = spelled(chance, whole) if chance.random() < 0.8 else document(chance, {"data": data})
    raw = encoded(chance, written)
    read = _rows([raw])
    must(_rows(_cut(chance, raw)) == read, "rows differ by how they arrive", raw)
    for row in read or ():
        _has_no_number(row)


def _rows(chunks: Sequence[bytes]) -> list[Mapping[str, Any]] | None:
    return outcome(lambda: list(rows_in(iter(chunks), 3)), StatementMalformed)


def _cut(chance: random.Random, raw: bytes) -> list[bytes]:
    """Cuts into pieces, the first ones of a few bytes."""
    at = [0, *sorted(chance.sample(range(len(raw) + 1), min(len(raw) + 1, 5))), len(raw)]
    return [raw[begin:end] for begin, end in itertools.pairwise(at)]


def _has_no_number(content: object) -> None:
    """Raises Wrong where a number of a statement is not a text."""
    if isinstance(content, int | float) and not isinstance(content, bool):
        raise Wrong(f"a statement has the number {content!r}")
    for inner in _inside(content):
        _has_no_number(inner)


def _inside(content: object) -> Iterator[object]:
    if isinstance(content, dict):
        yield from content.values()
    elif isinstance(content, list):
        yield from content


def _check_hint(chance: random.Random) -> None:
    body = document(chance, {"reference": _REFERENCE, "providerReference": "a-1"})
    hint = outcome(lambda: CheckHint.from_body(body), MalformedHint)
    must(hint is None or (len(hint.reference) == 36 and CheckHint.from_body(hint.to_body()) == hint), "a hint", hint)


def _delivery_hint(chance: random.Random) -> None:
    body = document(chance, chance.choice(({"reference": _REFERENCE}, {})))
    hint = outcome(lambda: DeliveryHint.from_body(body), MalformedHint)
    must(hint is None or DeliveryHint.from_body(hint.to_body()) == hint, "a hint", hint)


def _event(chance: random.Random) -> None:
    raw = encoded(chance, document(chance, _EVENT))
    event = outcome(lambda: decode(raw), MalformedEvent)
    if event is not None:
        must(type(event["version"]) is int and type(event["amount"]) is int, "an event", event)


def _packet(chance: random.Random) -> None:
    event = json.dumps(["track-payment", {"reference": _REFERENCE, "token": "e30.e30."}])
    kind = chance.choice(("0", "1", "2", "21", "3", "31", "4", "5", "2/operators,", "0/x?a=1,"))
    written = chance.choice((near(chance, kind + event), kind + document(chance, _EVENT), text(chance)))
    packet = read_packet(written)
    must(packet is None or packet.type in "0123", "a packet", packet)
    payload = encoded(chance, chance.choice(("4", "\x1e4", "2probe", "")) + written)
    sound, refused = split_payload(payload)
    packets = sound.decode().split("\x1e") if sound else []
    must(refused >= 0 and all(map(is_engine_packet, packets)), "a payload", payload)


MESSAGES: Mapping[str, Case] = {
    "record of CamPay": _record,
    "answer of CamPay": _answer,
    "statement of CamPay": _statement,
    "check hint": _check_hint,
    "delivery hint": _delivery_hint,
    "event of Redis": _event,
    "packet of a browser": _packet,
}
