"""Defines the settings of the simulator, and reads them from the environment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

DEFAULT_PORT = 8090


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Holds the simulator's settings. Delays are in seconds; port 0 chooses any free port.

    `late_after` must be longer than the API's expiry; it also delays a webhook with the fault `late`.
    `token_seconds`: how long a temporary token is valid.
    `float_amount`: what can be paid out to customers of each operator before any has paid, in whole francs.
    `hold_seconds`: how long a call with the fault `timeout` waits for its answer.
    `duplicates`: a repeated external_reference gets the `first` result or is refused (`reject`); CamPay's page says
    both.
    `number_style`: amounts as numbers and null for what is absent, as CamPay's page has it, instead of the strings that
    were measured.
    `ledger_file`: keeps the transactions from one start to the next; None forgets them.
    `redis_host`: the Redis that a control call may pause; None allows none.
    """

    port: int = 0
    webhook_url: str | None = None
    webhook_method: str = "POST"
    webhook_key: str = "simulated-webhook-key-of-forty-characters"
    username: str = "simulated-username"
    password: str = "simulated-password"
    permanent_token: str = "simulated-permanent-token"
    token_seconds: int = 3600
    approve_after: float = 2.0
    slow_approve_after: float = 5.0
    late_after: float = 120.0
    hold_seconds: float = 12.0
    float_amount: int = 0
    duplicates: str = "first"
    demo_limits: bool = False
    demo_zero_amounts: bool = False
    number_style: bool = False
    ledger_file: Path | None = None
    redis_host: str | None = None
    redis_port: int = 6379
    redis_password: str | None = None

    def __post_init__(self) -> None:
        if self.webhook_method not in ("POST", "GET"):
            raise ValueError("the webhook's method is POST or GET")
        if self.duplicates not in ("first", "reject"):
            raise ValueError("duplicates get the word first or reject")
        if not (self.webhook_key and self.username and self.password and self.permanent_token):
            raise ValueError("none of CamPay's keys may be empty")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the environment; a variable that is unset or empty keeps its default. Raises ValueError."""
        given: dict[str, Any] = {"port": DEFAULT_PORT}
        for name, (field, parse) in _VARIABLES.items():
            text = environment.get(name, "").strip()
            try:
                given |= {field: parse(text)} if text else {}
            except (ValueError, KeyError) as error:
                raise ValueError(f"{name} cannot be {text!r}") from error
        return cls(**given)


def _switch(text: str) -> bool:
    return {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}[text.lower()]


def _francs(text: str) -> int:
    francs = int(text)
    if not 0 <= francs < 1_000_000_000:
        raise ValueError
    return francs


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 65_536:
        raise ValueError
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1_000_000:
        raise ValueError
    return seconds


_VARIABLES: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "SIMULATOR_PORT": ("port", _port),
    "SIMULATOR_WEBHOOK_URL": ("webhook_url", str),
    "SIMULATOR_WEBHOOK_METHOD": ("webhook_method", str.upper),
    "CAMPAY_WEBHOOK_KEY": ("webhook_key", str),
    "CAMPAY_USERNAME": ("username", str),
    "CAMPAY_APP_PASSWORD": ("password", str),
    "CAMPAY_PERMANENT_ACCESS_TOKEN": ("permanent_token", str),
    "SIMULATOR_APPROVE_AFTER": ("approve_after", _seconds),
    "SIMULATOR_SLOW_APPROVE_AFTER": ("slow_approve_after", _seconds),
    "SIMULATOR_LATE_AFTER": ("late_after", _seconds),
    "SIMULATOR_HOLD_SECONDS": ("hold_seconds", _seconds),
    "SIMULATOR_FLOAT": ("float_amount", _francs),
    "SIMULATOR_DUPLICATES": ("duplicates", str.lower),
    "SIMULATOR_DEMO_LIMITS": ("demo_limits", _switch),
    "SIMULATOR_DEMO_ZERO_AMOUNTS": ("demo_zero_amounts", _switch),
    "SIMULATOR_NUMBER_STYLE": ("number_style", _switch),
    "SIMULATOR_LEDGER_FILE": ("ledger_file", Path),
    "REDIS_HOST": ("redis_host", str),
    "REDIS_PORT": ("redis_port", _port),
    "REDIS_PASSWORD": ("redis_password", str),
}
