"""Puts what the ledger and the logs say of one payment in order, as text. Does no I/O."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from chalicelib.domain.payment import Payment
from chalicelib.runtime.log import redact

CAMPAY = ("collect", "campay-read", "campay-statement")
UNANSWERED = ("UNAVAILABLE", "NOT_ASKED", "NeverSent", "OutcomeUnknown")
_SAID_ELSEWHERE = {
    *("time", "level", "event", "reference", "order", "request_id", "route", "function", "method", "path"),
    *("trace", "_aws"),
}
_LONGEST_WHERE = 34


@dataclass(frozen=True, slots=True)
class Version:
    """A version as the ledger keeps it. `at`: its time in milliseconds; `evidence`: CamPay's record that led to it."""

    payment: Payment
    cause: str
    at: int
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log. `log`: whose."""

    log: str
    fields: Mapping[str, Any]

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


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the story. `rank`: where several have the same millisecond, those of CamPay come first."""

    at: int
    rank: int
    call: str
    where: str
    what: str


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
    money = f"{payment.money.amount} {payment.money.currency}"
    yield f"order {payment.order_id}, {money}, {payment.operator or 'unknown operator'}: {payment.status.value}"


def _steps(found: Found) -> Iterator[Step]:
    told = {version.payment.version for version in found.versions}
    for version in found.versions:
        yield Step(version.at, 1, "", "ledger", _of_version(version))
    for line in found.lines:
        is_told = line.event == "payment-changed" and line.fields.get("version") in told
        if not is_told and line.event != "metrics":
            rank = 0 if line.event in CAMPAY else 2
            yield Step(line.at, rank, str(line.fields.get("request_id", ""))[:8], line.where, _of_line(line))


def _of_version(version: Version) -> str:
    payment, record = version.payment, version.evidence
    text = f"version {payment.version}: {payment.status.value}, cause: {version.cause}"
    if payment.reason:
        text += f", reason: {payment.reason}"
    return f"{text}; CamPay's record says {record['status']}" if record else text


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
    claim = steps[0].at
    calls = [line for line in found.lines if line.event in CAMPAY]
    unanswered = sum(line.fields["outcome"] in UNANSWERED for line in calls)
    spent = sum(line.fields["ms"] for line in calls)
    yield f"CamPay: {len(calls)} calls, {spent} ms together, {unanswered} without an answer."
    webhooks = [line.at - claim for line in found.lines if line.event == "webhook"]
    yield f"Webhook: {_times(webhooks) if webhooks else 'none has come.'}"
    ended = next((it for it in found.versions if not it.payment.is_waiting), None)
    if ended:
        yield f"Outcome: {ended.payment.status.value}, cause: {ended.cause}, {ended.at - claim} ms after the claim."
    longest = max(pairwise(steps), key=lambda pair: pair[1].at - pair[0].at, default=None)
    if longest:
        before, after = longest
        yield f"Longest wait: {after.at - before.at} ms, ended by: {after.where}, {after.what.partition(':')[0]}."
    if found.delivered is not None:
        yield f"Delivered: up to version {found.delivered} of {found.versions[-1].payment.version}."


def _times(moments: Iterable[int]) -> str:
    return ", ".join(f"{moment} ms" for moment in moments) + " after the claim."
