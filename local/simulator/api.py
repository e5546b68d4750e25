"""CamPay's API: token, collect, transaction, history, balance, as it was measured."""

import hmac
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote

from local.simulator.customers import Customers
from local.simulator.faults import FAULTS, FILTERED, INVALID_TOKEN, NOT_FOUND, Fault, FaultQueue
from local.simulator.http_server import Answer, Request
from local.simulator.phone_numbers import behaviour_of, operator_of
from local.simulator.records import ECHOED, campay_record, net_amount, statement_row
from local.simulator.settings import SimulatorSettings
from local.simulator.transactions import Prompt, Transaction, TransactionLedger
from local.simulator.webhooks import json_web_token, sign

_CALLS = {
    "token": ("POST", re.compile(r"/api/token/")),
    "collect": ("POST", re.compile(r"/api/collect/")),
    "transaction": ("GET", re.compile(r"/api/transaction/([^/]+)/")),
    "history": ("POST", re.compile(r"/api/history/")),
    "balance": ("GET", re.compile(r"/api/balance/")),
}
_USSD_CODES = {"MTN": "*126#", "Orange": "#150*50#"}
_LOOKS_LIKE_A_TAG = re.compile(r"<[^<>]+>")
_DEMO_MAXIMUM, _DEMO_ORANGE_MINIMUM = 25, 10

logger = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class CampayApi:
    def __init__(
        self, settings: SimulatorSettings, ledger: TransactionLedger, faults: FaultQueue, customers: Customers
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._faults = faults
        self._customers = customers
        self._temporary_tokens: dict[str, float] = {}
        self._handlers: Mapping[str, Callable[[Request, str], Answer]] = {
            "token": self._token,
            "collect": self._collect,
            "transaction": self._transaction,
            "history": self._history,
            "balance": self._balance,
        }

    def respond(self, request: Request) -> Answer:
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
        except _Refused as refused:
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
        fields = _fields(request)
        given = (_required(fields, "username"), _required(fields, "password"))
        if given != (self._settings.username, self._settings.password):
            return Answer(400, {"non_field_errors": ["Unable to log in with provided credentials."]})
        now = int(time.time())
        claims = {"iat": now, "nbf": now, "exp": now + self._settings.token_seconds}
        header = {"alg": "HS256", "typ": "JWT", "uid": str(uuid.uuid4())}
        token = json_web_token(header, claims, self._settings.password)
        self._temporary_tokens[token] = claims["exp"]
        return Answer(200, {"token": token, "expires_in": self._settings.token_seconds})

    def _collect(self, request: Request, _: str) -> Answer:
        prompt = self._prompt(_fields(request))
        transaction, is_new = self._ledger.open(prompt)
        answer = _accepted(transaction)
        if is_new:
            self._customers.prompt(transaction)
            if fault := behaviour_of(prompt.phone_number).collect_fault:
                answer = self._spoiled(answer, FAULTS["collect"][fault])
        elif self._settings.duplicates == "reject":
            answer = Answer(400, {"message": "This external_reference has been used."})
        logger.info("collect %s -> %s", prompt.operator, "reset" if answer.reset else answer.status)
        return answer

    def _prompt(self, fields: Mapping[str, Any]) -> Prompt:
        """What CamPay would accept. Raises _Refused."""
        amount = _required(fields, "amount")
        currency = _required(fields, "currency")
        phone_number = _required(fields, "from").removeprefix("+")
        _required(fields, "description")
        if currency != "XAF":
            raise _Refused(Answer(400, {"currency": [f'"{currency}" is not a valid choice.']}))
        if not re.fullmatch(r"237[0-9]{9}", phone_number):
            raise _refusal("ER101", "Invalid phone number")
        operator = operator_of(phone_number)
        if operator is None:
            raise _refusal("ER102", "Carrier not supported. Only MTN and Orange are.")
        return Prompt(
            phone_number=phone_number,
            operator=operator,
            amount=self._amount(amount, operator),
            external_reference=_text(fields.get("external_reference")),
            echoed={name: _text(fields.get(name)) for name in ECHOED},
        )

    def _amount(self, text: str, operator: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) == 0:
            raise _refusal("ER201", "Invalid amount")
        amount = int(text)
        if self._settings.demo_limits and operator == "Orange" and amount < _DEMO_ORANGE_MINIMUM:
            raise _refusal("ER201", f"Minimum amount for Orange is {_DEMO_ORANGE_MINIMUM}.00")
        if self._settings.demo_limits and amount > _DEMO_MAXIMUM:
            raise _refusal("ER201", f"This is a demo system. Maximum amount is {_DEMO_MAXIMUM}.00 XAF")
        return amount

    def _transaction(self, _: Request, reference: str) -> Answer:
        transaction = self._ledger.find(reference)
        if transaction is None:
            return NOT_FOUND
        signature = sign(self._settings.webhook_key, int(time.time()))
        return Answer(200, campay_record(transaction, signature, self._settings))

    def _history(self, request: Request, _: str) -> Answer:
        fields = _fields(request)
        first, last = _day(fields, "start_date"), _day(fields, "end_date")
        settled = [it for it in self._ledger.all() if it.status != "PENDING" and first <= it.created_at.date() <= last]
        return Answer(200, {"data": [statement_row(it, self._settings) for it in settled]})

    def _balance(self, _: Request, __: str) -> Answer:
        moved = [it for it in self._ledger.all() if it.money_moved]
        mtn, orange = (
            float(sum(net_amount(it) for it in moved if it.prompt.operator == operator)) for operator in _USSD_CODES
        )
        balances = {"total_balance": mtn + orange, "mtn_balance": mtn, "orange_balance": orange}
        return Answer(200, {**balances, "currency": "XAF"})


def _route(path: str) -> tuple[str | None, str]:
    """The call's name, and what its path names."""
    for call, (_, pattern) in _CALLS.items():
        if match := pattern.fullmatch(path):
            return call, match[1] if match.groups() else ""
    return None, ""


def _no_such_page(request: Request) -> Answer:
    """As Django does: a forgotten slash is a redirect for GET only."""
    if request.method == "GET" and _route(request.path + "/")[0]:
        return Answer(301, headers={"Location": quote(request.path) + "/"})
    return Answer(404, "<h1>Not Found</h1>")


def _accepted(transaction: Transaction) -> Answer:
    operator = transaction.prompt.operator
    fields = {"reference": transaction.reference, "ussd_code": _USSD_CODES[operator], "operator": operator}
    return Answer(200, fields)


def _fields(request: Request) -> Mapping[str, Any]:
    """Of a JSON or a form body. Raises _Refused."""
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            fields: Any = dict(parse_qsl(request.body.decode()))
        else:
            fields = json.loads(request.body or b"{}")
    except ValueError as error:
        raise _Refused(Answer(400, {"detail": "JSON parse error"})) from error
    if not isinstance(fields, dict):
        raise _Refused(Answer(400, {"non_field_errors": ["Invalid data. Expected a dictionary."]}))
    if any(_LOOKS_LIKE_A_TAG.search(_text(value)) for value in fields.values()):
        raise _Refused(FILTERED)
    return fields


def _required(fields: Mapping[str, Any], name: str) -> str:
    text = _text(fields.get(name))
    if not text:
        raise _Refused(Answer(400, {name: ["This field is required."]}))
    return text


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _day(fields: Mapping[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(_required(fields, name))
    except ValueError as error:
        wrong_format = ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]
        raise _Refused(Answer(400, {name: wrong_format})) from error


def _refusal(code: str, message: str) -> _Refused:
    return _Refused(Answer(400, {"message": message, "error_code": code}))
