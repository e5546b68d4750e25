"""CamPay's HTTP API and vocabulary, turned into ours.

Nothing that CamPay or a proxy before it answers raises anything but ProviderUnavailable. Facts of
the API stand in `docs/campay.md`.
"""

import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from chalicelib import log
from chalicelib.campay_collect import CollectOutcome, NeverSent, OutcomeUnknown, outcome_of
from chalicelib.campay_fields import money_of, operator_of, reason_of, status_of, text_of
from chalicelib.clock import Clock
from chalicelib.errors import ProviderUnavailable
from chalicelib.payment import CollectRecord, Money, RecordStatus
from chalicelib.settings import CampaySettings

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
COLLECT_BUDGET_SECONDS = 20.0
NEVER_SENT_RETRY_SECONDS = 6.0
_RETRY_PAUSES = (0.4, 1.2)
_MAXIMUM_BYTES = 4_000_000
_TOKEN_MARGIN_MS = 120_000
_DEMO_HOST = "//demo.campay.net/"
_SIMULATED_NUMBERS = frozenset({"237677777777", "237677777770", "237699999999", "237699999990"})


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A settled transaction; `external_user` is our reference (the statement has no other of ours).

    `day`: of CamPay's clock, whose zone it does not say. `simulated`: as in a CollectRecord.
    """

    campay_reference: str
    external_user: str | None
    status: RecordStatus
    money: Money | None
    day: str = ""
    is_incoming: bool = True
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    """`body` is None where it is no JSON; its numbers are text, so that money never becomes a float."""

    status: int
    body: Any

    @property
    def fields(self) -> Mapping[str, Any]:
        return self.body if isinstance(self.body, dict) else {}


class _NotSent(Exception):
    """The connection was never established."""


class _NoAnswer(Exception):
    """Something was sent, no whole answer came back."""


class Campay:
    """One per process; threads may share it."""

    currencies = frozenset({"XAF"})

    def __init__(
        self, settings: CampaySettings, clock: Clock, credentials_refused: Callable[[], None] = lambda: None
    ) -> None:
        self._settings = settings
        self._credentials_refused = credentials_refused
        self._clock = clock
        self._is_demo = _DEMO_HOST in settings.api_url + "/"
        self._reads = _session()
        self._token_lock = threading.Lock()
        self._token = ""
        self._token_expires_at = 0

    def close(self) -> None:
        self._reads.close()

    def collect(self, reference: str, phone_number: str, money: Money, description: str) -> CollectOutcome:
        """Pushes the prompt, at most once, within 20 s in all.

        Only what provably never left is tried again: twice, within 6 s.
        """
        started = self._clock.now()
        body = {
            "amount": money.to_decimal(),
            "currency": money.currency,
            "from": phone_number,
            "description": description,
            "external_reference": reference,
            "external_user": reference,
        }
        for pause in (*_RETRY_PAUSES, None):
            try:
                answer = self._collect_once(body, started)
            except (_NotSent, ProviderUnavailable) as error:
                if pause is None or self._elapsed(started) + pause > NEVER_SENT_RETRY_SECONDS:
                    return NeverSent(str(error))
                self._clock.sleep(pause * (0.75 + 0.5 * (started % 100) / 100))
            except _NoAnswer as error:
                return OutcomeUnknown(str(error))
            else:
                return outcome_of(answer.status, answer.fields)
        raise AssertionError("the last pause is None and returns")

    def read(self, campay_reference: str) -> CollectRecord | None:
        """CamPay's record; None where it knows no such reference. Raises ProviderUnavailable."""
        if not re.fullmatch(r"[\w-]{1,64}", campay_reference, re.ASCII):
            return None
        answer = self._ask("GET", f"/transaction/{campay_reference}/")
        if answer.status == 404 and answer.fields:
            return None
        if answer.status != 200 or text_of(answer.fields.get("reference")) != campay_reference:
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a read")
        return self._record(answer.fields)

    def statement(self, first: date, last: date) -> list[StatementRow]:
        """Settled transactions of these days, both included. It lists no pending ones: absence proves
        nothing. Raises ProviderUnavailable.
        """
        answer = self._ask("POST", "/history/", {"start_date": first.isoformat(), "end_date": last.isoformat()})
        rows = answer.fields.get("data") if answer.fields else answer.body
        if answer.status != 200 or not isinstance(rows, list):
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a statement")
        return [self._row(row) for row in rows if isinstance(row, dict) and text_of(row.get("reference_uuid"))]

    def balance(self) -> Money:
        """What the app holds at CamPay. Raises ProviderUnavailable."""
        answer = self._ask("GET", "/balance/")
        total = text_of(answer.fields.get("total_balance"))
        money = Money.from_decimal(total or "", text_of(answer.fields.get("currency")) or "XAF")
        if answer.status != 200 or money is None:
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a balance")
        return money

    def _collect_once(self, body: Mapping[str, str], started: int) -> _Answer:
        """On a connection of its own: an idle one may be dead, and its reset would be an unknown outcome."""
        with _session() as fresh:
            token = self._access_token()
            answer = self._send(fresh, "POST", "/collect/", body, token, self._read_seconds(started))
        if answer.status != 401 or not self._forget(token):
            return answer
        try:
            with _session() as fresh:
                renewed = self._access_token()
                return self._send(fresh, "POST", "/collect/", body, renewed, self._read_seconds(started))
        except (_NotSent, ProviderUnavailable):
            return answer  # it was sent once, and refused: never call it never sent

    def _read_seconds(self, started: int) -> float:
        left = COLLECT_BUDGET_SECONDS - CONNECT_SECONDS - self._elapsed(started)
        return max(0.5, min(READ_SECONDS, left))

    def _elapsed(self, started: int) -> float:
        return (self._clock.now() - started) / 1000

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> _Answer:
        """A call that changes nothing at CamPay, so a stale pooled connection is simply tried again."""
        try:
            token = self._access_token()
            answer = self._read_call(method, path, body, token)
            if answer.status == 401 and self._forget(token):
                answer = self._read_call(method, path, body, self._access_token())
        except (_NotSent, _NoAnswer) as error:
            raise ProviderUnavailable(f"CamPay: {error}") from error
        return answer

    def _read_call(self, method: str, path: str, body: Mapping[str, str] | None, token: str) -> _Answer:
        try:
            return self._send(self._reads, method, path, body, token, READ_SECONDS)
        except _NoAnswer as error:
            if "timed out" in str(error):
                raise
            return self._send(self._reads, method, path, body, token, READ_SECONDS)

    def _access_token(self) -> str:
        """Cached, refreshed early, one refresh at a time. Raises ProviderUnavailable."""
        if self._settings.permanent_token:
            return self._settings.permanent_token
        with self._token_lock:
            if not self._token or self._clock.now() >= self._token_expires_at:
                self._token, lifetime_ms = self._new_token()
                self._token_expires_at = self._clock.now() + max(lifetime_ms - _TOKEN_MARGIN_MS, lifetime_ms // 2)
            return self._token

    def _new_token(self) -> tuple[str, int]:
        credentials = {"username": self._settings.username, "password": self._settings.password}
        if not all(credentials.values()):
            raise ProviderUnavailable("no CamPay credentials are set")
        try:
            answer = self._send(self._reads, "POST", "/token/", credentials, None, READ_SECONDS)
        except (_NotSent, _NoAnswer) as error:
            raise ProviderUnavailable(f"no token from CamPay: {error}") from error
        token, lifetime = text_of(answer.fields.get("token")), text_of(answer.fields.get("expires_in")) or "3600"
        if answer.status != 200 or not token or not re.fullmatch(r"[0-9]{1,9}", lifetime):
            log.warning("campay-token-refused", http_status=answer.status)
            self._credentials_refused()
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a token request")
        return token, int(lifetime) * 1000

    def _forget(self, token: str) -> bool:
        """After a 401: True where a new token can be had."""
        if self._settings.permanent_token:
            log.alarm("campay-permanent-token-refused")
            self._credentials_refused()
            return False
        with self._token_lock:
            if self._token == token:
                self._token = ""
        return True

    def _send(
        self,
        session: requests.Session,
        method: str,
        path: str,
        body: Mapping[str, str] | None,
        token: str | None,
        read_seconds: float,
    ) -> _Answer:
        """Raises _NotSent or _NoAnswer, nothing else."""
        headers = {"Authorization": f"Token {token}"} if token else {}
        deadline = self._clock.now() + (CONNECT_SECONDS + read_seconds) * 1000
        try:
            with session.request(
                method,
                self._settings.api_url + path,
                json=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, read_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _Answer(response.status_code, self._body(response, deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if _was_never_sent(error):
                raise _NotSent(type(error).__name__) from error
            name = "timed out" if isinstance(error, requests.Timeout) else type(error).__name__
            raise _NoAnswer(name) from error

    def _body(self, response: requests.Response, deadline: float) -> Any:
        """Parsed JSON or None. An answer that trickles past its time or its size is no answer."""
        content = b""
        for chunk in response.iter_content(65_536):
            content += chunk
            if len(content) > _MAXIMUM_BYTES or self._clock.now() > deadline:
                raise requests.Timeout("too long an answer")
        try:
            return json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError):
            return None

    def _row(self, fields: Mapping[str, Any]) -> StatementRow:
        money = money_of(fields, "XAF")
        debit = Money.from_decimal(text_of(fields.get("debit")) or "0", "XAF")
        return StatementRow(
            campay_reference=text_of(fields.get("reference_uuid")) or "",
            external_user=text_of(fields.get("external_user")),
            status=status_of(fields.get("status")),
            money=money,
            day=(text_of(fields.get("datetime")) or "")[:10],
            is_incoming=debit is not None and debit.amount == 0,
            simulated=self._is_simulated(fields, money),
        )

    def _is_simulated(self, fields: Mapping[str, Any], money: Money | None) -> bool:
        is_number = self._is_demo and text_of(fields.get("phone_number")) in _SIMULATED_NUMBERS
        return is_number and money is not None and money.amount == 0 and money.currency == "XAF"

    def _record(self, fields: Mapping[str, Any]) -> CollectRecord:
        money = money_of(fields, text_of(fields.get("currency")) or "")
        return CollectRecord(
            campay_reference=text_of(fields.get("reference")) or "",
            external_reference=text_of(fields.get("external_reference")) or text_of(fields.get("external_user")),
            status=status_of(fields.get("status")),
            money=money,
            direction=(text_of(fields.get("endpoint")) or "").lower() or None,
            operator=operator_of(fields.get("operator")),
            operator_reference=text_of(fields.get("operator_reference")),
            reason=reason_of(fields.get("reason")),
            simulated=self._is_simulated(fields, money),
        )


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy, no .netrc: the environment must not redirect money
    session.mount("https://", HTTPAdapter(pool_maxsize=16))
    session.mount("http://", HTTPAdapter(pool_maxsize=16))
    return session


def _was_never_sent(error: BaseException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return True
    return any(isinstance(arg, ssl.SSLCertVerificationError) for arg in getattr(reason, "args", ()))
