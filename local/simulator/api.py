"""Answers the calls of CamPay's API as CamPay was measured to answer them.

They are token, collect, transaction, history, balance, withdraw and get_payment_link.
"""

import hmac
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from local.simulator.customers import Customers
from local.simulator.faults import FAULTS, INVALID_TOKEN, NOT_FOUND, Fault, FaultQueue
from local.simulator.fields import (
    Refused,
    choice,
    day,
    fields_of,
    phone_and_operator,
    refusal,
    required,
    text_of,
    whole_amount,
)
from local.simulator.http_server import Answer, Request
from local.simulator.payment_links import PaymentLinks
from local.simulator.records import ECHOED, campay_record, cost_of_payout, net_amount, statement_row
from local.simulator.settings import SimulatorSettings
from local.simulator.transactions import Prompt, Transaction, TransactionLedger
from local.simulator.webhooks import json_web_token, sign

_CALLS = {
    "token": ("POST", re.compile(r"/api/token/")),
    "collect": ("POST", re.compile(r"/api/collect/")),
    "transaction": ("GET", re.compile(r"/api/transaction/([^/]+)/")),
    "history": ("POST", re.compile(r"/api/history/")),
    "balance": ("GET", re.compile(r"/api/balance/")),
    "withdraw": ("POST", re.compile(r"/api/withdraw/")),
    "get_payment_link": ("POST", re.compile(r"/api/get_payment_link/")),
}
_USSD_CODES = {"MTN": "*126#", "Orange": "#150*50#"}
_DEMO_MAXIMUM, _DEMO_ORANGE_MINIMUM = 25, 10

logger = logging.getLogger(__name__)


class CampayApi:
    """Routes the calls of CamPay's API, checks their tokens, and applies the faults that were set."""

    def __init__(
        self,
        settings: SimulatorSettings,
        ledger: TransactionLedger,
        faults: FaultQueue,
        customers: Customers,
        links: PaymentLinks,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._faults = faults
        self._customers = customers
        self._links = links
        self._payouts = threading.Lock()
        self._temporary_tokens: dict[str, float] = {}
        self._handlers: Mapping[str, Callable[[Request, str], Answer]] = {
            "token": self._token,
            "collect": self._collect,
            "transaction": self._transaction,
            "history": self._history,
            "balance": self._balance,
            "withdraw": self._withdraw,
            "get_payment_link": self._payment_link,
        }

    def respond(self, request: Request) -> Answer:
        """Answers one request below `/api/`."""
        call, argument = _route(request.path)
        if call is None:
            return _no_such_page(request)
        if request.method != _CALLS[call][0]:
            return Answer(405, {"detail": f'Method "{request.method}" not allowed.'})
        fault = self._faults.take(call)
        answer = self._handle(call, request, argument) if fault.takes_effect else Answer()
        return self._spoiled(answer, fault)

    def _handle(self, call: str, request: Request, argument: str) -> Answer:
        if call != "token" and not self._is_authorized(request):
            return INVALID_TOKEN
        try:
            return self._handlers[call](request, argument)
        except Refused as refused:
            return refused.answer

    def _spoiled(self, answer: Answer, fault: Fault) -> Answer:
        if fault.is_held:
            return replace(answer, hold_seconds=self._settings.hold_seconds)
        return fault.answer or answer

    def _is_authorized(self, request: Request) -> bool:
        scheme, _, token = request.authorization.partition(" ")
        if scheme != "Token":
            return False
        is_permanent = hmac.compare_digest(token.encode(), self._settings.permanent_token.encode())
        return is_permanent or self._temporary_tokens.get(token, 0) > time.time()

    def _token(self, request: Request, _: str) -> Answer:
        fields = fields_of(request)
        given = (required(fields, "username"), required(fields, "password"))
        if given != (self._settings.username, self._settings.password):
            return Answer(400, {"non_field_errors": ["Unable to log in with provided credentials."]})
        now = int(time.time())
        claims = {"iat": now, "nbf": now, "exp": now + self._settings.token_seconds}
        header = {"alg": "HS256", "typ": "JWT", "uid": str(uuid.uuid4())}
        token = json_web_token(header, claims, self._settings.password)
        self._temporary_tokens[token] = claims["exp"]
        return Answer(200, {"token": token, "expires_in": self._settings.token_seconds})

    def _collect(self, request: Request, _: str) -> Answer:
        prompt = self._prompt(fields_of(request))
        transaction, is_new = self._ledger.open(prompt)
        answer = _accepted(transaction)
        if is_new:
            self._customers.prompt(transaction)
            answer = self._spoiled(answer, _fault_of(transaction))
        elif self._settings.duplicates == "reject":
            answer = Answer(400, {"message": "This external_reference has been used."})
        logger.info("collect %s -> %s", prompt.operator, "reset" if answer.reset else answer.status)
        return answer

    def _prompt(self, fields: Mapping[str, Any]) -> Prompt:
        """Reads the fields of a collect. Raises Refused where CamPay would refuse them."""
        amount, phone = required(fields, "amount"), required(fields, "from")
        required(fields, "description")
        choice(fields, "currency", ("XAF",))
        phone_number, operator = phone_and_operator(phone)
        return Prompt(
            phone_number=phone_number,
            operator=operator,
            amount=self._within_demo_limits(whole_amount(amount), operator),
            external_reference=text_of(fields.get("external_reference")),
            echoed={name: text_of(fields.get(name)) for name in ECHOED},
        )

    def _within_demo_limits(self, amount: int, operator: str) -> int:
        if self._settings.demo_limits and operator == "Orange" and amount < _DEMO_ORANGE_MINIMUM:
            raise refusal(f"Minimum amount for Orange is {_DEMO_ORANGE_MINIMUM}.00", "ER201")
        if self._settings.demo_limits and amount > _DEMO_MAXIMUM:
            raise refusal(f"This is a demo system. Maximum amount is {_DEMO_MAXIMUM}.00 XAF", "ER201")
        return amount

    def _withdraw(self, request: Request, _: str) -> Answer:
        payout = _payout(fields_of(request))
        with self._payouts:
            is_repeated = self._ledger.knows(payout.external_reference)
            if not is_repeated and cost_of_payout(payout.amount) > self._available(payout.operator):
                raise refusal(f"Insufficient {payout.operator} balance", "ER301")
            transaction, is_new = self._ledger.open(payout)
        answer = Answer(200, {"reference": transaction.reference, "status": "PENDING"})
        if is_new:
            self._customers.prompt(transaction)
            answer = self._spoiled(answer, _fault_of(transaction))
        logger.info("withdraw %s", payout.operator)
        return answer

    def _available(self, operator: str) -> int:
        """Returns an operator's balance in francs, without what pending payouts will take."""
        own = [it for it in self._ledger.all() if it.prompt.operator == operator]
        moving = [it for it in own if it.money_moved or (it.is_payout and it.status == "PENDING")]
        return self._settings.float_amount + sum(map(net_amount, moving))

    def _transaction(self, _: Request, reference: str) -> Answer:
        transaction = self._ledger.find(reference)
        if transaction is None:
            return NOT_FOUND
        signature = sign(self._settings.webhook_key, int(time.time()))
        return Answer(200, campay_record(transaction, signature, self._settings))

    def _history(self, request: Request, _: str) -> Answer:
        fields = fields_of(request)
        first, last = day(fields, "start_date"), day(fields, "end_date")
        settled = [it for it in self._ledger.all() if it.status != "PENDING" and first <= it.created_at.date() <= last]
        return Answer(200, {"data": [statement_row(it, self._settings) for it in settled]})

    def _balance(self, _: Request, __: str) -> Answer:
        moved = [it for it in self._ledger.all() if it.money_moved]
        mtn, orange = (
            float(self._settings.float_amount + sum(net_amount(it) for it in moved if it.prompt.operator == operator))
            for operator in _USSD_CODES
        )
        balances = {"total_balance": mtn + orange, "mtn_balance": mtn, "orange_balance": orange}
        return Answer(200, {**balances, "utility_balance": 0.0, "utility_commission_balance": 0.0, "currency": "XAF"})

    def _payment_link(self, request: Request, _: str) -> Answer:
        return self._links.create(request)


def _route(path: str) -> tuple[str | None, str]:
    """Returns a call's name, None where there is no such call, and the argument in its path."""
    for call, (_, pattern) in _CALLS.items():
        if match := pattern.fullmatch(path):
            return call, match[1] if match.groups() else ""
    return None, ""


def _no_such_page(request: Request) -> Answer:
    """Answers as Django does: 404, or a redirect where a GET lacks only its last slash."""
    if request.method == "GET" and _route(request.path + "/")[0]:
        return Answer(301, headers={"Location": quote(request.path) + "/"})
    return Answer(404, "<h1>Not Found</h1>")


def _accepted(transaction: Transaction) -> Answer:
    operator = transaction.prompt.operator
    fields = {"reference": transaction.reference, "ussd_code": _USSD_CODES[operator], "operator": operator}
    return Answer(200, fields)


def _fault_of(transaction: Transaction) -> Fault:
    return FAULTS[transaction.prompt.endpoint][transaction.behaviour.fault or "ok"]


def _payout(fields: Mapping[str, Any]) -> Prompt:
    """Reads the fields of a withdraw. Raises Refused where CamPay would refuse them."""
    amount, phone = required(fields, "amount"), required(fields, "to")
    required(fields, "description")
    choice(fields, "currency", ("XAF",), "XAF")
    phone_number, operator = phone_and_operator(phone)
    reference = text_of(fields.get("external_reference"))
    echoed = {name: text_of(fields.get(name)) for name in ECHOED}
    return Prompt(phone_number, operator, whole_amount(amount), reference, echoed, "withdraw")
