"""Calls CamPay's HTTP API, and translates its answers into the terms of `domain/provider.py`.

No answer of CamPay, or of a proxy before it, raises anything but ProviderUnavailable. `docs/campay.md` has the
facts of the API.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from chalicelib.adapters.breaker import Breaker, BreakerOpen
from chalicelib.adapters.campay.calls import told
from chalicelib.adapters.campay.collect import outcome_of, payout_of
from chalicelib.adapters.campay.fields import (
    fee_in_record,
    fee_in_statement,
    money_of,
    operator_of,
    reason_of,
    status_of,
    text_of,
)
from chalicelib.adapters.campay.http import (
    READ_SECONDS,
    Answer,
    CampayHttp,
    NoAnswer,
    NotSent,
    Request,
    Stream,
    TimedOut,
)
from chalicelib.adapters.campay.statement import StatementMalformed, rows_in
from chalicelib.adapters.campay.token import CampayToken
from chalicelib.adapters.shared_breaker import SharedBreaker
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.phone_number import operator_hint
from chalicelib.domain.provider import (
    NeverSent,
    OutcomeUnknown,
    PayerRecord,
    PayoutOutcome,
    PromptOutcome,
    ProviderRecord,
    StatementRow,
)
from chalicelib.runtime import deadline, log
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings

COLLECT_BUDGET_SECONDS = 20.0
NEVER_SENT_RETRY_SECONDS = 6.0
_RETRY_PAUSES = (0.4, 1.2)
_COLLECT_LEAST_MS = 5_000
"""Minimum time for a collect. With less, a prompt that CamPay accepts could time out and become an unknown outcome."""
_PROMPT_PROBE_AFTER_MS = 20_000
"""Time from a prompt that timed out to the next one that probes. Each costs a customer an unknown outcome, and a read
that is answered lets all prompts pass before."""
_STATEMENT_SILENCE_SECONDS = 30.0
"""Longest wait for the next bytes of a statement: CamPay prepares the whole day before it sends the first byte."""
_CURRENCY = "XAF"
"""The only one that CamPay takes. Rows of its statement, and its balance, do not always name it."""
_OPERATORS = ("MTN", "Orange")
_DEMO_HOST = "//demo.campay.net/"
_SIMULATED_NUMBERS = frozenset({"237677777777", "237677777770", "237699999999", "237699999990"})

R = TypeVar("R", Answer, Stream)


class Campay:
    """CamPay as a payment provider. One per process; threads may share it.

    `shared_breaker`: returns the state that a circuit breaker shares with other processes, by service and calls.
    """

    name = "campay"
    """The value of a payment's field `provider`."""
    currencies = frozenset({_CURRENCY})
    """What can be paid with it."""

    def __init__(
        self,
        settings: CampaySettings,
        clock: Clock,
        credentials_refused: Callable[[], None] = lambda: None,
        shared_breaker: Callable[[str, str], SharedBreaker | None] = lambda _service, _calls: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._is_demo = _DEMO_HOST in settings.api_url + "/"
        self._http = CampayHttp(settings.api_url, clock)
        self._token = CampayToken(settings, self._http, clock, credentials_refused)
        failures = (NotSent, NoAnswer, ProviderUnavailable)
        self._reads = Breaker("campay", clock, (NotSent, NoAnswer), shared_breaker(self.name, "reads"))
        prompts = shared_breaker(self.name, "prompts")
        self._prompts = Breaker("campay-prompts", clock, failures, prompts, _PROMPT_PROBE_AFTER_MS)

    def close(self) -> None:
        self._http.close()

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Sets a deadline for all calls of CamPay made inside, together.

        Redis is asked first what it knows of the breaker: while it hangs, that time must not be taken from CamPay's.
        """
        self._reads.is_open()
        return deadline.until(self._clock.now() + int(seconds * 1000))

    def collect(self, reference: str, phone_number: str, money: Money, description: str) -> PromptOutcome:
        """Sends the prompt, at most once, within 20 s in all or what is left of the deadline.

        A request is repeated only where it provably never left this machine: twice at most, within 6 s. It is refused
        only while CamPay answers neither reads nor prompts, and but for one probe at a time.
        """
        with told("collect", "collect", self._clock, reference=reference) as call:
            try:
                outcome = self._collect(reference, phone_number, money, description)
            except BreakerOpen as error:
                call.refused(error)
                return NeverSent(str(error))
            call.prompted(outcome, operator_hint(phone_number))
        return outcome

    def _collect(self, reference: str, phone_number: str, money: Money, description: str) -> PromptOutcome:
        """Sends the prompt. Raises BreakerOpen, which means that nothing has been sent: not by an earlier try either.

        A try that may have been sent has ended the call.
        """
        started = self._clock.now()
        ends_at = deadline.earliest(started + int(COLLECT_BUDGET_SECONDS * 1000))
        body = _transfer(reference, money, description) | {"from": phone_number}
        if ends_at - started < _COLLECT_LEAST_MS:
            return NeverSent("too little time is left for an answer")
        for retries, pause in enumerate((*_RETRY_PAUSES, None)):
            try:
                with self._prompts.call(even_if_open=not self._reads.is_open()):
                    answer = self._collect_once(body, ends_at)
            except (NotSent, ProviderUnavailable) as error:
                gives_up_at = min(started + NEVER_SENT_RETRY_SECONDS * 1000, ends_at - _COLLECT_LEAST_MS)
                if pause is None or self._clock.now() + pause * 1000 > gives_up_at:
                    return NeverSent(str(error), retries)
                self._clock.sleep(pause * (0.75 + 0.5 * (started % 100) / 100))
            except NoAnswer as error:
                return OutcomeUnknown(str(error), retries)
            else:
                self._reads.close()
                return replace(outcome_of(answer.status, answer.fields), retries=retries)
        raise AssertionError("the last pause is None and returns")

    def read(self, provider_reference: str) -> ProviderRecord | None:
        """Returns CamPay's record, or None where it knows no such reference. Raises ProviderUnavailable."""
        if not re.fullmatch(r"[\w-]{1,64}", provider_reference, re.ASCII):
            return None
        with told("campay-read", "read", self._clock, provider_reference=provider_reference) as call:
            found = self._read_record(provider_reference)
            call.read(found.record if found else None)
        return found.record if found else None

    def read_payer(self, provider_reference: str) -> PayerRecord | None:
        """Reads a record with the number of who was charged, which is kept nowhere. Raises ProviderUnavailable."""
        with told("campay-read", "read", self._clock, provider_reference=provider_reference) as call:
            found = self._read_record(provider_reference)
            call.read(found.record if found else None)
        return found

    def withdraw(self, reference: str, phone_number: str, money: Money, description: str) -> PayoutOutcome:
        """Pays out, at most once, within 20 s in all or what is left of the deadline. It is never repeated."""
        with told("withdraw", "withdraw", self._clock, refund=reference) as call:
            outcome = self._withdraw(reference, phone_number, money, description)
            call.paid_out(outcome)
        return outcome

    def _withdraw(self, reference: str, phone_number: str, money: Money, description: str) -> PayoutOutcome:
        started = self._clock.now()
        ends_at = deadline.earliest(started + int(COLLECT_BUDGET_SECONDS * 1000))
        body = _transfer(reference, money, description) | {"to": phone_number}
        try:
            token = self._token_to_collect(ends_at)
            if ends_at - self._clock.now() < _COLLECT_LEAST_MS:
                return NeverSent("too little time is left for an answer")
            answer = self._http.send_once(Request("POST", "/withdraw/", body, token, ends_at))
        except (NotSent, ProviderUnavailable) as error:
            return NeverSent(str(error))
        except NoAnswer as error:
            return OutcomeUnknown(str(error))
        return payout_of(answer.status, answer.fields)

    def _read_record(self, provider_reference: str) -> PayerRecord | None:
        answer = self._ask("GET", f"/transaction/{provider_reference}/")
        if answer.status == 404 and answer.fields:
            return None
        if answer.status != 200 or text_of(answer.fields.get("reference")) != provider_reference:
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a read")
        return PayerRecord(self._record(answer.fields), text_of(answer.fields.get("phone_number")) or "")

    def statement(self, day: date) -> Iterator[StatementRow]:
        """Yields the settled transactions of a day as they arrive. Pending ones are not listed: absence proves nothing.

        The day is one of CamPay's calendar. Raises ProviderUnavailable, also after some rows. An alarm is logged
        where CamPay answered with something that is no statement or exceeds the settings' bounds.
        """
        started = self._clock.now()
        bound = started + int(self._settings.statement_seconds * 1000)
        with told("campay-statement", "statement", self._clock, day=day.isoformat()) as call:
            stream = self._open_statement(day, deadline.earliest(bound))
            call.began()
        try:
            for fields in rows_in(stream.chunks, self._settings.statement_rows):
                if text_of(fields.get("reference_uuid")):
                    yield self._row(fields)
        except StatementMalformed as error:
            log.alarm("statement-unreadable", day=day.isoformat(), reason=str(error))
            raise ProviderUnavailable(f"CamPay's statement: {error}") from error
        except NoAnswer as error:
            if self._clock.now() >= bound:
                log.alarm("statement-unreadable", day=day.isoformat(), reason="it took too long")
            raise ProviderUnavailable(f"CamPay's statement: {error}") from error

    def _open_statement(self, day: date, ends_at: int) -> Stream:
        """Requests a statement. Its time-out does not open the circuit breaker: a large day may simply take long."""
        request = Request(
            "POST", "/history/", {"start_date": day.isoformat(), "end_date": day.isoformat()}, None, ends_at,
            silence_seconds=_STATEMENT_SILENCE_SECONDS,
        )  # fmt: skip

        def send(request: Request) -> Stream:
            try:
                return self._http.stream(request)
            except TimedOut as error:
                raise ProviderUnavailable(f"CamPay's statement: {error}") from error

        stream = self._read(send, request)
        if stream.status == 200:
            return stream
        if 400 <= stream.status < 500 and stream.status != 429:
            log.alarm("statement-unreadable", day=day.isoformat(), reason=f"HTTP {stream.status}")
        raise ProviderUnavailable(f"CamPay answered {stream.status} to a statement")

    def balance(self) -> Money:
        """Returns the balance of the app's account at CamPay. Raises ProviderUnavailable."""
        answer = self._ask("GET", "/balance/")
        total = text_of(answer.fields.get("total_balance"))
        money = Money.from_decimal(total or "", text_of(answer.fields.get("currency")) or _CURRENCY)
        if answer.status != 200 or money is None:
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a balance")
        return money

    def balances(self) -> Mapping[str, Money]:
        """Returns what can be paid out to customers of each operator, by its name. Raises ProviderUnavailable.

        A part of a franc does not count.
        """
        answer = self._ask("GET", "/balance/")
        found = {}
        for operator in _OPERATORS:
            whole, _, _ = (text_of(answer.fields.get(f"{operator.lower()}_balance")) or "").partition(".")
            if money := Money.from_decimal(whole, _CURRENCY):
                found[operator] = money
        if answer.status != 200 or not found:
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a balance")
        return found

    def _collect_once(self, body: Mapping[str, str], ends_at: int) -> Answer:
        """Sends one collect request. Raises NotSent, NoAnswer, and ProviderUnavailable where no token could be had.

        With ProviderUnavailable nothing was sent.
        """
        token = self._token_to_collect(ends_at)
        answer = self._http.send_once(Request("POST", "/collect/", body, token, ends_at))
        if answer.status != 401 or not self._token.refused(token):
            return answer
        try:
            renewed = self._token_to_collect(ends_at)
            if ends_at - self._clock.now() < _COLLECT_LEAST_MS:
                return answer
            return self._http.send_once(Request("POST", "/collect/", body, renewed, ends_at))
        except (NotSent, ProviderUnavailable):
            return answer  # it was sent once and refused: a failing repetition must not be reported as NotSent

    def _token_to_collect(self, ends_at: int) -> str:
        try:
            return self._token.get(ends_at)
        except (NotSent, NoAnswer) as error:
            raise ProviderUnavailable(f"no token from CamPay: {error}") from error

    def _ask(self, method: str, path: str) -> Answer:
        """Makes a call that changes nothing at CamPay. Raises ProviderUnavailable."""
        ends_at = deadline.earliest(self._clock.now() + int(READ_SECONDS * 1000))
        return self._read(self._http.send, Request(method, path, None, None, ends_at))

    def _read(self, send: Callable[[Request], R], request: Request) -> R:
        """Sends a request with a token, through the circuit breaker. Raises ProviderUnavailable."""
        if deadline.is_over(self._clock.now()):
            raise ProviderUnavailable("no time is left for CamPay")
        try:
            with self._reads.call():
                token = self._token.get(request.ends_at)
                answer = send(replace(request, token=token))
                if answer.status == 401 and self._token.refused(token):
                    answer = send(replace(request, token=self._token.get(request.ends_at)))
        except (BreakerOpen, NotSent, NoAnswer) as error:
            raise ProviderUnavailable(f"CamPay: {error}") from error
        return answer

    def _row(self, fields: Mapping[str, Any]) -> StatementRow:
        money = money_of(fields, _CURRENCY)
        debit = Money.from_decimal(text_of(fields.get("debit")) or "0", _CURRENCY)
        is_incoming = debit is not None and debit.amount == 0
        is_proof = not self._is_simulated(fields, money)
        return StatementRow(
            provider_reference=text_of(fields.get("reference_uuid")) or "",
            external_reference=text_of(fields.get("external_user")),  # carries the payment's reference
            status=status_of(fields.get("status")),
            money=money,
            is_incoming=is_incoming,
            amount_is_proof=is_proof,
            fee=fee_in_statement(fields, money) if money and is_incoming and is_proof else None,
            operator=operator_of(fields.get("operator")),
            operator_reference=text_of(fields.get("operator_tx_code")),
        )

    def _is_simulated(self, fields: Mapping[str, Any], money: Money | None) -> bool:
        """Returns whether the record is of one of the demo host's test numbers, which are recorded with 0.00."""
        is_number = self._is_demo and text_of(fields.get("phone_number")) in _SIMULATED_NUMBERS
        return is_number and money is not None and money.amount == 0 and money.currency == _CURRENCY

    def _record(self, fields: Mapping[str, Any]) -> ProviderRecord:
        money = money_of(fields, text_of(fields.get("currency")) or "")
        is_incoming = (text_of(fields.get("endpoint")) or "").lower() == "collect"
        is_proof = not self._is_simulated(fields, money)
        return ProviderRecord(
            provider_reference=text_of(fields.get("reference")) or "",
            external_reference=text_of(fields.get("external_reference")) or text_of(fields.get("external_user")),
            status=status_of(fields.get("status")),
            money=money,
            is_incoming=is_incoming,
            operator=operator_of(fields.get("operator")),
            operator_reference=text_of(fields.get("operator_reference")),
            reason=reason_of(fields.get("reason")),
            amount_is_proof=is_proof,
            fee=fee_in_record(fields, money) if money and is_incoming and is_proof else None,
        )


def _transfer(reference: str, money: Money, description: str) -> dict[str, str]:
    """Returns what a collect and a withdraw say alike. A row of the statement has only `external_user`."""
    return {
        "amount": money.to_decimal(),
        "currency": money.currency,
        "description": description,
        "external_reference": reference,
        "external_user": reference,
    }
