"""Puts what the ledger and the logs say of one payment in order, as text. Does no I/O."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Self

from chalicelib.adapters.ledger.items import Act
from chalicelib.domain.money import Money
from chalicelib.domain.version import Version
from chalicelib.runtime.log import redact

LEDGER = "ledger"
CAMPAY = ("collect", "campay-read", "campay-statement")
UNANSWERED = ("UNAVAILABLE", "NOT_ASKED", "NeverSent", "OutcomeUnknown")
_SAID_ELSEWHERE = {
    *("time", "level", "event", "reference", "order", "request_id", "route", "function", "method", "path"),
    *("trace", "_aws"),
}
_LONGEST_WHERE = 34


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log. `log`: whose."""

    log: str
    fields: Mapping[str, Any]

    @classmethod
    def read(cls, log: str, text: str) -> Self | None:
        """Reads a line of a log. Returns None for what the product has not written, such as Lambda's own lines."""
        try:
            fields = json.loads(text)
        except ValueError:
            return None
        return cls(log, fields) if isinstance(fields, dict) and {"time", "level", "event"} <= fields.keys() else None

    @property
    def event(self) -> str:
        return str(self.fields["event"])

    @property
    def at(self) -> int:
        return int(datetime.fromisoformat(self.fields["time"]).timestamp() * 1000)

    @property
    def where(self) -> str:
        return str(self.fields.get("route") or self.fields.get("function") or self.log)


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known of a payment. `delivered`: the version up to which screens have it; None without a ledger."""

    versions: Sequence[Version]
    lines: Sequence[Line]
    delivered: int | None = None
    acts: Sequence[Act] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the story.

    `rank`: where several have the same millisecond, those of CamPay come first. `campay_ms`: how long CamPay took.
    """

    at: int
    rank: int
    call: str
    where: str
    what: str
    campay_ms: int = 0


def story(reference: str, found: Found) -> str:
    """Returns the text: the payment, its steps with the milliseconds between them, and what they come to."""
    steps = sorted(_steps(found), key=lambda step: (step.at, step.rank))
    if not steps:
        return f"Nothing is known of {reference}."
    text = "\n".join([*_head(reference, found), "", *_table(steps), "", *_sums(steps, found)])
    return redact(text)


def _head(reference: str, found: Found) -> Iterator[str]:
    yield f"Payment {reference}"
    if not found.versions:
        yield "The ledger has nothing of it any more: what follows is the log's alone."
        return
    payment = found.versions[-1].payment
    money = f"{payment.money.to_decimal()} {payment.money.currency}"
    yield f"order {payment.order_id}, {money}, {payment.operator or 'unknown operator'}: {payment.status.value}"


def _steps(found: Found) -> Iterator[Step]:
    for act in found.acts:
        yield Step(act.at, 1, "", LEDGER, _of_act(act))
    told = {version.payment.version for version in found.versions}
    for version in found.versions:
        yield Step(version.at, 1, "", LEDGER, _of_version(version))
    for line in found.lines:
        is_version = line.event == "payment-changed" and line.fields.get("version") in told
        is_act = line.event == "operator-action" and len(found.acts) > 0
        if not (is_version or is_act or line.event == "metrics"):
            call = str(line.fields.get("request_id", ""))[:8]
            is_campay = line.event in CAMPAY
            campay_ms = int(line.fields["ms"]) if is_campay else 0
            yield Step(line.at, 0 if is_campay else 2, call, line.where, _of_line(line), campay_ms)


def _of_version(version: Version) -> str:
    payment, record = version.payment, version.evidence
    text = f"version {payment.version}: {payment.status.value}, cause: {version.cause}"
    if payment.reason:
        text += f", reason: {payment.reason}"
    if version.by:
        text += f", by {version.by}"
    return f"{text}; CamPay's record says {_of_record(record)}" if record else text


def _of_record(record: Mapping[str, Any]) -> str:
    currency = record.get("currency")
    amounts = {"": record.get("amount"), "fee ": record.get("fee")} if currency else {}
    told = [
        f"{what}{Money(it, str(currency)).to_decimal()} {currency}" for what, it in amounts.items() if it is not None
    ]
    return ", ".join([record["status"], *told])


def _of_act(act: Act) -> str:
    return f"{act.by} asks: {', '.join(filter(None, (act.action, act.status, act.note)))}"


def _of_line(line: Line) -> str:
    fields = {name: value for name, value in line.fields.items() if name not in _SAID_ELSEWHERE and value is not None}
    level = "" if line.fields["level"] == "INFO" else f"{line.fields['level']} "
    told = ", ".join(f"{name} {value}" for name, value in fields.items())
    ending = [str(line.fields["trace"]).splitlines()[-1]] if "trace" in line.fields else []
    return "; ".join([f"{level}{line.event}{': ' if told else ''}{told}", *ending])


def _table(steps: Sequence[Step]) -> Iterator[str]:
    width = min(max(len(step.where) for step in steps), _LONGEST_WHERE)
    yield f"{'time, UTC':<12} {'ms':>9} {'step':>8}  {'call':<8}  {'where':<{width}}  what"
    before = began = steps[0].at
    for step in steps:
        time = datetime.fromtimestamp(step.at / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
        times = f"{time} {step.at - began:>9} {f'+{step.at - before}':>8}"
        yield f"{times}  {step.call:<8}  {step.where:<{width}}  {step.what}"
        before = step.at


def _sums(steps: Sequence[Step], found: Found) -> Iterator[str]:
    claim = found.versions[0].at if found.versions else steps[0].at
    ended = next((it for it in found.versions if not it.payment.is_waiting), None)
    if ended is None:
        yield "Outcome: not known yet."
    else:
        yield f"Outcome: {ended.payment.status.value}, cause: {ended.cause}, {ended.at - claim} ms after the claim."
        yield _shares([step for step in steps if claim <= step.at <= ended.at])
    calls = [line for line in found.lines if line.event in CAMPAY]
    unanswered = sum(line.fields["outcome"] in UNANSWERED for line in calls)
    yield f"CamPay's calls: {len(calls)}, without an answer: {unanswered}."
    webhooks = [f"{line.at - claim} ms" for line in found.lines if line.event == "webhook"]
    yield f"Webhook: after {', '.join(webhooks)}." if webhooks else "Webhook: none has come."
    if found.delivered is not None:
        yield f"Delivered: version {found.delivered} of {found.versions[-1].payment.version}."


def _shares(steps: Sequence[Step]) -> str:
    """Says whose the time was. What no call of ours lasted is the customer's, the operator's, or a lost webhook's."""
    in_campay = in_ours = between = 0
    call = next((step.call for step in steps if step.call), "")
    for before, after in pairwise(steps):
        answered_in = min(after.campay_ms, after.at - before.at)
        rest = after.at - before.at - answered_in
        in_campay += answered_in
        if after.where == LEDGER or after.call == call:
            in_ours += rest
        else:
            between += rest
        call = after.call or call
    return f"Of these: {in_campay} ms in CamPay's calls, {in_ours} ms in ours, {between} ms between our calls."
