"""Provides the access token of CamPay's API: a permanent one, or one fetched with a password and cached."""

import re
import threading
from collections.abc import Callable

from chalicelib.adapters.campay.fields import text_of
from chalicelib.adapters.campay.http import CampayHttp, Request, TimedOut
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings

_MARGIN_MS = 120_000


class CampayToken:
    """The access token. One per process; threads may share it."""

    def __init__(
        self, settings: CampaySettings, http: CampayHttp, clock: Clock, credentials_refused: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._credentials_refused = credentials_refused
        self._lock = threading.Lock()
        self._token = ""
        self._expires_at = 0

    def get(self, ends_at: int) -> str:
        """Returns the token. One thread fetches a new one for all, shortly before the old one expires.

        Raises NotSent and NoAnswer, also where another thread's fetch takes too long, and ProviderUnavailable where
        CamPay issues none.
        """
        if self._settings.permanent_token:
            return self._settings.permanent_token
        if not self._lock.acquire(timeout=max(0, ends_at - self._clock.now()) / 1000):
            raise TimedOut("timed out")
        try:
            if not self._token or self._clock.now() >= self._expires_at:
                self._token, life_ms = self._fetch(ends_at)
                self._expires_at = self._clock.now() + max(life_ms - _MARGIN_MS, life_ms // 2)
            return self._token
        finally:
            self._lock.release()

    def refused(self, token: str) -> bool:
        """Discards a token that CamPay has refused. Returns whether a new one can be fetched."""
        if self._settings.permanent_token:
            log.alarm("campay-permanent-token-refused")
            self._credentials_refused()
            return False
        with self._lock:  # else the expiry of a token that another thread has just fetched would be taken back
            if self._token == token:
                self._expires_at = 0
        return True

    def _fetch(self, ends_at: int) -> tuple[str, int]:
        credentials = {"username": self._settings.username, "password": self._settings.password}
        if not all(credentials.values()):
            raise ProviderUnavailable("no CamPay credentials are set")
        answer = self._http.send(Request("POST", "/token/", credentials, None, ends_at))
        token, life = text_of(answer.fields.get("token")), text_of(answer.fields.get("expires_in")) or "3600"
        if answer.status != 200 or not token or not re.fullmatch(r"[0-9]{1,9}", life):
            log.warning("campay-token-refused", http_status=answer.status)
            self._credentials_refused()
            raise ProviderUnavailable(f"CamPay answered {answer.status} to a token request")
        return token, int(life) * 1000
