"""Reads the API's settings from the environment. One error names every variable that is missing or wrong."""

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.check_schedule import AGES_SECONDS
from chalicelib.domain.event_signature import MalformedSecret, read_secret
from chalicelib.domain.operators import UNNAMED, OperatorKey
from chalicelib.runtime.public_address import is_public_https
from chalicelib.runtime.settings_reader import MINIMUM_KEY_BYTES, RedisSettings, SettingsReader, split, with_secrets

DEMO_API_URL = "https://demo.campay.net/api"
_ORIGIN = re.compile(r"https?://[^/,*\s]+")
_ADDRESS = re.compile(r"\+?[0-9 ]{8,20}|(https://|mailto:)[^\s\"<>]{1,200}")
_DAY = 86_400.0
MOST_DAY_SHARDS = 5
KEPT_DAYS = 3_650
"""Ten years: what the member states of OHADA, Cameroon among them, ask of a merchant's books and vouchers."""
PAYMENTS_KEPT_DAYS = (100, 36_500)
"""At least the 90 days of a link's receipt, and the four days in which a payment may change."""
"""A page of a day's payments takes a query of each shard."""
STATEMENT_ROWS = (1_000, 100_000_000)
STATEMENT_SECONDS = (5, 600)
"""The least and the most of what is read of a day's statement. A function of Lambda ends after 900 s."""


@dataclass(frozen=True, slots=True)
class CampaySettings:
    """CamPay's address and credentials: a permanent token, or a username and password.

    `webhook_keys`: newest first. `statement_rows`, `statement_seconds`: the longest statement of a day that is read.
    """

    api_url: str
    webhook_keys: tuple[str, ...]
    permanent_token: str = ""
    username: str = ""
    password: str = ""
    statement_rows: int = 500_000
    statement_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """Where the shop takes order events, and the keys that sign them, newest first.

    `only_public`: the address must be on the internet, which only a developer's need not be.
    """

    url: str
    keys: tuple[bytes, ...]
    only_public: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of prompts per phone and of calls per address. Calls with the merchant key count for no address."""

    phone_prompts_per_15_minutes: int = 3
    phone_prompts_per_day: int = 6
    address_prompts_per_minute: int = 60
    address_refusals_per_minute: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The API's settings. Keys are tuples: the first signs, all verify. `redis`: None for an in-memory live store.

    `prompts_paused`: whether no payment may start and no money go back, while the ledger is being restored. `refunds`:
    whether operators may pay money back.
    """

    development: bool
    campay: CampaySettings
    redis: RedisSettings | None
    frontend_url: str
    order_token_keys: tuple[str, ...]
    tracking_token_keys: tuple[str, ...]
    phone_hash_keys: tuple[str, ...]
    merchant_api_keys: tuple[str, ...]
    operator_keys: tuple[OperatorKey, ...]
    payments_table: str
    event_bus: str
    limits: Limits
    expires_after_seconds: float
    check_ages_seconds: tuple[float, ...]
    sweep_seconds: float = 60.0
    checks_queue_url: str = ""
    deliveries_queue_url: str = ""
    shop_queue_url: str = ""
    secrets_id: str = ""
    metrics_namespace: str = ""
    day_shards: int = 1
    payments_kept_days: int = KEPT_DAYS
    operator_session_seconds: int = 900
    operator_page_dir: str = ""
    link_page_dir: str = ""
    gateway_url: str = ""
    merchant_name: str = ""
    merchant_support: str = ""
    prompts_paused: bool = False
    refunds: bool = False
    shop: ShopSettings | None = None


def allowed_origin() -> str:
    """Returns the shop's origin. It is read apart from the other settings: the routes are declared with it."""
    return os.environ.get("FRONTEND_URL", "http://localhost:8080").rstrip("/")


def runs_in_lambda(environment: Mapping[str, str] = os.environ) -> bool:
    return "AWS_LAMBDA_FUNCTION_NAME" in environment


def handler_name(environment: Mapping[str, str] = os.environ) -> str:
    """Returns the name in `app.py` of the function that this process runs; "" outside Lambda.

    The name that Lambda's context has is CloudFormation's, with the stack before it and random letters after it.
    """
    return environment.get("_HANDLER", "").rpartition(".")[2]


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings from the environment and, where SECRETS_ID is set, Secrets Manager. Raises InvalidSettings."""
    return _Reader(with_secrets(os.environ if environment is None else environment)).settings()


class _Reader(SettingsReader):
    def __init__(self, environment: Mapping[str, str]) -> None:
        in_lambda = runs_in_lambda(environment)
        # `chalice local` sets the variable. `chalice package` does too, but only in its own process.
        is_chalice_local = "AWS_CHALICE_CLI_MODE" in environment and not in_lambda
        super().__init__(environment, "development" if is_chalice_local else "production")
        if self.development and in_lambda:
            self.faults.append("APP_ENV=development is refused inside Lambda")

    def settings(self) -> Settings:
        redis_host = self.text("REDIS_HOST", in_development="")
        named = self.named_operator_keys()
        settings = Settings(
            development=self.development,
            campay=self._campay(),
            redis=self.redis(redis_host) if redis_host else None,
            frontend_url=self._origin(),
            order_token_keys=self._keys("ORDER_TOKEN_KEY"),
            tracking_token_keys=self._keys("TRACKING_TOKEN_KEY"),
            phone_hash_keys=self._keys("PHONE_HASH_KEY"),
            merchant_api_keys=self._keys("MERCHANT_API_KEY"),
            operator_keys=(*self._unnamed_operator_keys(), *named),
            payments_table=self.text("PAYMENTS_TABLE", in_development=""),
            event_bus=self.text("EVENT_BUS", in_development=""),
            limits=self._limits(),
            expires_after_seconds=self.number("PAYMENT_EXPIRES_SECONDS", 300.0, 1.0, _DAY),
            check_ages_seconds=self.numbers("CHECK_AGES_SECONDS", AGES_SECONDS, 1.0, 7 * _DAY),
            sweep_seconds=self.number("SWEEP_SECONDS", 60.0, 1.0, 60.0),
            checks_queue_url=self.text("CHECKS_QUEUE_URL", in_development=""),
            deliveries_queue_url=self.text("DELIVERIES_QUEUE_URL", in_development=""),
            shop_queue_url=self.text("SHOP_QUEUE_URL", in_development=""),
            secrets_id=self.optional("SECRETS_ID"),
            metrics_namespace=self.optional("METRICS_NAMESPACE"),
            day_shards=self.number("DAY_SHARDS", 1, 1, MOST_DAY_SHARDS),
            payments_kept_days=self.number("PAYMENTS_KEPT_DAYS", KEPT_DAYS, *PAYMENTS_KEPT_DAYS),
            operator_session_seconds=self.number("OPERATOR_SESSION_SECONDS", 900, 60, 43_200),
            operator_page_dir=self.optional("OPERATOR_PAGE_DIR"),
            link_page_dir=self.optional("LINK_PAGE_DIR"),
            gateway_url=self.optional("GATEWAY_URL").rstrip("/"),
            merchant_name=self.optional("MERCHANT_NAME"),
            merchant_support=self._support(),
            prompts_paused=self.switch("PROMPTS_PAUSED"),
            refunds=self.switch("REFUNDS"),
            shop=self._shop(),
        )
        self._refuse_shared_keys(named)
        self.refuse_faults()
        return settings

    def _origin(self) -> str:
        origin = self.text("FRONTEND_URL", in_development="http://localhost:8080").rstrip("/")
        if origin and not _ORIGIN.fullmatch(origin):
            self.faults.append("FRONTEND_URL must be one exact origin such as https://shop.example")
        return origin

    def _support(self) -> str:
        url = self.optional("MERCHANT_SUPPORT")
        if url and not _ADDRESS.fullmatch(url):
            self.faults.append("MERCHANT_SUPPORT must be a number such as +237677777777, or an address")
        return url

    def _shop(self) -> ShopSettings | None:
        url, keys = self.optional("ORDER_EVENTS_URL"), self._event_keys()
        if not url:
            return None
        if not self.development and not is_public_https(url):
            self.faults.append("ORDER_EVENTS_URL must be HTTPS, on port 443, to a host on the internet")
        if not keys:
            self.faults.append("ORDER_EVENTS_KEY is missing")
        return ShopSettings(url, keys, only_public=not self.development)

    def _event_keys(self) -> tuple[bytes, ...]:
        """Returns the keys that sign order events. They may be there before the shop has an address."""
        try:
            keys = tuple(map(read_secret, self.parts("ORDER_EVENTS_KEY")))
        except MalformedSecret as error:
            self.faults.append(f"ORDER_EVENTS_KEY is no secret: {error}")
            return ()
        if any(len(key) < MINIMUM_KEY_BYTES for key in keys):
            self.faults.append(f"ORDER_EVENTS_KEY must have at least {MINIMUM_KEY_BYTES} bytes")
        return keys

    def _campay(self) -> CampaySettings:
        campay = CampaySettings(
            api_url=self.text("CAMPAY_API_URL", in_development=DEMO_API_URL).rstrip("/"),
            webhook_keys=split(self.text("CAMPAY_WEBHOOK_KEY", in_development="")),
            permanent_token=self.optional("CAMPAY_PERMANENT_ACCESS_TOKEN"),
            username=self.optional("CAMPAY_USERNAME"),
            password=self.optional("CAMPAY_APP_PASSWORD"),
            statement_rows=self.number("STATEMENT_MAXIMUM_ROWS", 500_000, *STATEMENT_ROWS),
            statement_seconds=self.number("STATEMENT_SECONDS", 120.0, *STATEMENT_SECONDS),
        )
        has_credentials = campay.permanent_token or (campay.username and campay.password)
        if not has_credentials and not self.development:
            self.faults.append("CAMPAY_PERMANENT_ACCESS_TOKEN or CAMPAY_USERNAME and CAMPAY_APP_PASSWORD is missing")
        return campay

    def _limits(self) -> Limits:
        usual = Limits()
        return Limits(
            # One row of the ledger holds the times of a phone's prompts, and DynamoDB limits its size.
            self.number("PHONE_PROMPTS_PER_15_MINUTES", usual.phone_prompts_per_15_minutes, 1, 10_000),
            self.number("PHONE_PROMPTS_PER_DAY", usual.phone_prompts_per_day, 1, 10_000),
            self.number("ADDRESS_PROMPTS_PER_MINUTE", usual.address_prompts_per_minute, 1, 1_000_000),
            self.number("ADDRESS_REFUSALS_PER_MINUTE", usual.address_refusals_per_minute, 1, 1_000_000),
        )

    def _keys(self, name: str) -> tuple[str, ...]:
        """Returns the keys of one purpose. In development a missing key is generated for this process."""
        if self.development and not self.parts(name):
            return (secrets.token_hex(MINIMUM_KEY_BYTES),)
        return self.keys(name) or ("",)

    def _unnamed_operator_keys(self) -> list[OperatorKey]:
        """Returns the keys of OPERATOR_API_KEY, which is optional where OPERATOR_KEYS is set."""
        if self.parts("OPERATOR_KEYS") and not self.parts("OPERATOR_API_KEY"):
            return []
        return [OperatorKey(UNNAMED, secret) for secret in self._keys("OPERATOR_API_KEY")]

    def _refuse_shared_keys(self, named: Sequence[OperatorKey]) -> None:
        purposes = (
            *("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY"),
            *("MERCHANT_API_KEY", "OPERATOR_API_KEY", "CAMPAY_WEBHOOK_KEY", "ORDER_EVENTS_KEY"),
        )
        keys_of = {name: self.parts(name) for name in purposes} | {"OPERATOR_KEYS": tuple(key.secret for key in named)}
        seen: dict[str, str] = {}
        for name, keys in keys_of.items():
            for key in keys:
                if seen.setdefault(key, name) != name and not self.development:
                    self.faults.append(f"{name} and {seen[key]} must not be the same key")
