"""What the environment says, read once, checked whole: every missing or wrong name in one error."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.check_schedule import AGES_SECONDS
from chalicelib.runtime.environment import InvalidVariable, Number, read_number, read_numbers
from chalicelib.runtime.secrets_manager import SecretsUnavailable, read_secrets

DEMO_API_URL = "https://demo.campay.net/api"
MINIMUM_KEY_BYTES = 32
_ORIGIN = re.compile(r"https?://[^/,*\s]+")
_DAY = 86_400.0


class InvalidSettings(Exception):
    """Names every variable that is missing or wrong; never a value."""


@dataclass(frozen=True, slots=True)
class CampaySettings:
    """Either a permanent token or a username and password. `webhook_keys`: newest first. `statement_rows` and
    `statement_seconds`: the longest statement of a day that is read.
    """

    api_url: str
    webhook_keys: tuple[str, ...]
    permanent_token: str = ""
    username: str = ""
    password: str = ""
    statement_rows: int = 500_000
    statement_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class RedisSettings:
    host: str
    port: int = 6379
    username: str = ""
    password: str = ""
    database: int = 0
    tls: bool = False
    cluster: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Prompts per phone (at most one in flight), calls per address; a call with the merchant key has no address."""

    phone_prompts_per_15_minutes: int = 3
    phone_prompts_per_day: int = 6
    address_prompts_per_minute: int = 60
    address_refusals_per_minute: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys are tuples: the first one signs, all of them verify. `redis` is None: in memory."""

    development: bool
    campay: CampaySettings
    redis: RedisSettings | None
    frontend_url: str
    order_token_keys: tuple[str, ...]
    tracking_token_keys: tuple[str, ...]
    phone_hash_keys: tuple[str, ...]
    merchant_api_keys: tuple[str, ...]
    operator_api_keys: tuple[str, ...]
    payments_table: str
    event_bus: str
    limits: Limits
    expires_after_seconds: float
    check_ages_seconds: tuple[float, ...]
    sweep_tick_seconds: float
    secrets_id: str = ""


def allowed_origin() -> str:
    """The shop's origin; known before the rest is, since the routes are declared with it."""
    return os.environ.get("FRONTEND_URL", "http://localhost:8080").rstrip("/")


def runs_in_lambda(environment: Mapping[str, str] = os.environ) -> bool:
    return "AWS_LAMBDA_FUNCTION_NAME" in environment


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """From the environment and, where it names SECRETS_ID, from Secrets Manager. Raises InvalidSettings."""
    variables = os.environ if environment is None else environment
    if secrets_id := variables.get("SECRETS_ID"):
        try:
            variables = {**variables, **read_secrets(secrets_id)}
        except SecretsUnavailable as error:
            raise InvalidSettings(str(error)) from error
    return _Reader(variables).settings()


class _Reader:
    """Reads name by name and remembers what is wrong."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._faults: list[str] = []
        self._development = self._is_development()

    def settings(self) -> Settings:
        settings = Settings(
            development=self._development,
            campay=self._campay(),
            redis=self._redis(),
            frontend_url=self._origin(),
            order_token_keys=self._keys("ORDER_TOKEN_KEY"),
            tracking_token_keys=self._keys("TRACKING_TOKEN_KEY"),
            phone_hash_keys=self._keys("PHONE_HASH_KEY"),
            merchant_api_keys=self._keys("MERCHANT_API_KEY"),
            operator_api_keys=self._keys("OPERATOR_API_KEY"),
            payments_table=self._text("PAYMENTS_TABLE", in_development=""),
            event_bus=self._text("EVENT_BUS", in_development=""),
            limits=self._limits(),
            expires_after_seconds=self._number("PAYMENT_EXPIRES_SECONDS", 300.0, 1.0, _DAY),
            check_ages_seconds=self._ages(),
            sweep_tick_seconds=self._number("SWEEP_TICK_SECONDS", 5.0, 0.1, 60.0),
            secrets_id=self._optional("SECRETS_ID"),
        )
        self._refuse_shared_keys()
        if self._faults:
            raise InvalidSettings("; ".join(self._faults))
        return settings

    def _is_development(self) -> bool:
        in_lambda = runs_in_lambda(self._environment)
        # Chalice's command line, as in `chalice local`. Its `package` sets the variable too, but only for itself.
        at_a_desk = "AWS_CHALICE_CLI_MODE" in self._environment and not in_lambda
        usual = "development" if at_a_desk else "production"
        name = self._environment.get("APP_ENV") or self._environment.get("NODE_ENV") or usual
        if name not in ("production", "development"):
            self._faults.append("APP_ENV must be production or development")
        if name == "development" and in_lambda:
            self._faults.append("APP_ENV=development is refused inside Lambda")
        return name == "development"

    def _origin(self) -> str:
        origin = self._text("FRONTEND_URL", in_development="http://localhost:8080").rstrip("/")
        if origin and not _ORIGIN.fullmatch(origin):
            self._faults.append("FRONTEND_URL must be one exact origin such as https://shop.example")
        return origin

    def _campay(self) -> CampaySettings:
        campay = CampaySettings(
            api_url=self._text("CAMPAY_API_URL", in_development=DEMO_API_URL).rstrip("/"),
            webhook_keys=_split(self._text("CAMPAY_WEBHOOK_KEY", in_development="")),
            permanent_token=self._optional("CAMPAY_PERMANENT_ACCESS_TOKEN"),
            username=self._optional("CAMPAY_USERNAME"),
            password=self._optional("CAMPAY_APP_PASSWORD"),
            statement_rows=self._number("STATEMENT_MAXIMUM_ROWS", 500_000, 1_000, 10_000_000),
            statement_seconds=self._number("STATEMENT_SECONDS", 120.0, 5.0, 600.0),
        )
        has_credentials = campay.permanent_token or (campay.username and campay.password)
        if not has_credentials and not self._development:
            self._faults.append("CAMPAY_PERMANENT_ACCESS_TOKEN or CAMPAY_USERNAME and CAMPAY_APP_PASSWORD is missing")
        return campay

    def _redis(self) -> RedisSettings | None:
        host = self._text("REDIS_HOST", in_development="")
        if not host:
            return None
        return RedisSettings(
            host=host,
            port=self._number("REDIS_PORT", 6379, 1, 65_535),
            username=self._optional("REDIS_USERNAME"),
            password=self._optional("REDIS_PASSWORD"),
            database=self._number("REDIS_DB", 0, 0, 9_999),
            tls=self._switch("REDIS_TLS"),
            cluster=self._switch("REDIS_CLUSTER"),
        )

    def _limits(self) -> Limits:
        usual = Limits()
        return Limits(
            # The times of a phone's prompts stand in one row of the ledger, which has an end.
            self._number("PHONE_PROMPTS_PER_15_MINUTES", usual.phone_prompts_per_15_minutes, 1, 10_000),
            self._number("PHONE_PROMPTS_PER_DAY", usual.phone_prompts_per_day, 1, 10_000),
            self._number("ADDRESS_PROMPTS_PER_MINUTE", usual.address_prompts_per_minute, 1, 1_000_000),
            self._number("ADDRESS_REFUSALS_PER_MINUTE", usual.address_refusals_per_minute, 1, 1_000_000),
        )

    def _ages(self) -> tuple[float, ...]:
        try:
            return read_numbers(self._environment, "CHECK_AGES_SECONDS", AGES_SECONDS, 1.0, 7 * _DAY)
        except InvalidVariable as error:
            self._faults.append(str(error))
            return AGES_SECONDS

    def _keys(self, name: str) -> tuple[str, ...]:
        keys = _split(self._environment.get(name, ""))
        if not keys and self._development:
            return (secrets.token_hex(MINIMUM_KEY_BYTES),)
        if not keys:
            self._faults.append(f"{name} is missing")
        if any(len(key.encode()) < MINIMUM_KEY_BYTES for key in keys) and not self._development:
            self._faults.append(f"{name} must have at least {MINIMUM_KEY_BYTES} bytes")
        return keys or ("",)

    def _refuse_shared_keys(self) -> None:
        purposes = (
            *("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY"),
            *("MERCHANT_API_KEY", "OPERATOR_API_KEY", "CAMPAY_WEBHOOK_KEY"),
        )
        seen: dict[str, str] = {}
        for name in purposes:
            for key in _split(self._environment.get(name, "")):
                if seen.setdefault(key, name) != name and not self._development:
                    self._faults.append(f"{name} and {seen[key]} must not be the same key")

    def _optional(self, name: str) -> str:
        return self._environment.get(name, "")

    def _text(self, name: str, *, in_development: str) -> str:
        text = self._environment.get(name, "")
        if not text and not self._development:
            self._faults.append(f"{name} is missing")
        return text or in_development

    def _switch(self, name: str) -> bool:
        word = self._environment.get(name, "").lower()
        if word not in ("", "0", "1", "true", "false", "yes", "no"):
            self._faults.append(f"{name} must be true or false")
        return word in ("1", "true", "yes")

    def _number(self, name: str, usual: Number, minimum: Number, maximum: Number) -> Number:
        try:
            return read_number(self._environment, name, usual, minimum, maximum)
        except InvalidVariable as error:
            self._faults.append(str(error))
            return usual


def _split(keys: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.split(",") if key.strip())
