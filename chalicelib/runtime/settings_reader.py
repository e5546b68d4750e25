"""Reads settings from environment variables, for the functions and for the gateway alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.operators import MalformedOperatorKey, OperatorKey
from chalicelib.runtime.environment import InvalidVariable, Number, read_number, read_numbers
from chalicelib.runtime.secrets_manager import SecretsUnavailable, read_secrets

MINIMUM_KEY_BYTES = 32
LAST_PORT = 65_535
MOST_OPERATOR_KEYS = 100
"""Every operator's call is compared with each of them."""


class InvalidSettings(Exception):
    """Raised for wrong settings: names every variable that is missing or wrong, and never a value."""


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Redis' address and how to connect to it."""

    host: str
    port: int = 6379
    username: str = ""
    password: str = ""
    database: int = 0
    tls: bool = False
    cluster: bool = False


def with_secrets(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the environment, with the secret's values where SECRETS_ID is set. Raises InvalidSettings."""
    secrets_id = environment.get("SECRETS_ID")
    if not secrets_id:
        return environment
    try:
        return {**environment, **read_secrets(secrets_id)}
    except SecretsUnavailable as error:
        raise InvalidSettings(str(error)) from error


class SettingsReader:
    """Reads variables one by one and collects the faults, so that one error names all of them.

    In development a missing variable has a default, and a key may be short.
    """

    def __init__(self, environment: Mapping[str, str], usual_stage: str = "production") -> None:
        self.faults: list[str] = []
        self._environment = environment
        name = self.optional("APP_ENV") or self.optional("NODE_ENV") or usual_stage
        if name not in ("production", "development"):
            self.faults.append("APP_ENV must be production or development")
        self.development = name == "development"

    def refuse_faults(self) -> None:
        """Raises InvalidSettings if anything that was read is missing or wrong."""
        if self.faults:
            raise InvalidSettings("; ".join(self.faults))

    def optional(self, name: str) -> str:
        """Returns a text, or "" where it is unset."""
        return self._environment.get(name, "")

    def text(self, name: str, *, in_development: str) -> str:
        """Returns a text that must be set, except in development."""
        text = self.optional(name)
        if not text and not self.development:
            self.faults.append(f"{name} is missing")
        return text or in_development

    def parts(self, name: str) -> tuple[str, ...]:
        """Returns a list of texts, separated by commas."""
        return split(self.optional(name))

    def keys(self, name: str) -> tuple[str, ...]:
        """Returns at least one key; several, separated by commas, while a key is rotated."""
        keys = self.parts(name)
        if not keys:
            self.faults.append(f"{name} is missing")
        if any(map(self.is_too_short, keys)):
            self.faults.append(f"{name} must have at least {MINIMUM_KEY_BYTES} bytes")
        return keys

    def is_too_short(self, key: str) -> bool:
        """Whether a key has too few bytes; in development none has."""
        return len(key.encode()) < MINIMUM_KEY_BYTES and not self.development

    def switch(self, name: str, *, usual: bool = False) -> bool:
        """Returns a yes or no."""
        word = self.optional(name).lower() or str(usual).lower()
        if word not in ("0", "1", "true", "false", "yes", "no", "on", "off"):
            self.faults.append(f"{name} must be true or false")
        return word in ("1", "true", "yes", "on")

    def choice(self, name: str, options: Sequence[str]) -> str:
        """Returns one of these words; the first where it is unset."""
        word = self.optional(name) or options[0]
        if word not in options:
            self.faults.append(f"{name} must be {' or '.join(options)}")
        return word

    def number(self, name: str, usual: Number, minimum: Number, maximum: Number) -> Number:
        """Returns a number. Both bounds are inclusive."""
        try:
            return read_number(self._environment, name, usual, minimum, maximum)
        except InvalidVariable as error:
            self.faults.append(str(error))
            return usual

    def numbers(self, name: str, usual: tuple[float, ...], minimum: float, maximum: float) -> tuple[float, ...]:
        """Returns numbers, separated by commas, in rising order."""
        try:
            return read_numbers(self._environment, name, usual, minimum, maximum)
        except InvalidVariable as error:
            self.faults.append(str(error))
            return usual

    def named_operator_keys(self) -> list[OperatorKey]:
        """Returns the keys of OPERATOR_KEYS. A fault names an entry by its place."""
        keys, entries = [], self.parts("OPERATOR_KEYS")
        for number, entry in enumerate(entries[:MOST_OPERATOR_KEYS], 1):
            try:
                keys.append(self._operator_key(entry))
            except MalformedOperatorKey as error:
                self.faults.append(f"OPERATOR_KEYS entry {number}: {error}")
        if len(entries) > MOST_OPERATOR_KEYS:
            self.faults.append(f"OPERATOR_KEYS must have at most {MOST_OPERATOR_KEYS} entries")
        if len({key.secret for key in keys}) < len(keys):
            self.faults.append("OPERATOR_KEYS must not have one key twice")
        return keys

    def _operator_key(self, entry: str) -> OperatorKey:
        key = OperatorKey.parse(entry)
        if self.is_too_short(key.secret):
            raise MalformedOperatorKey(f"its key must have at least {MINIMUM_KEY_BYTES} bytes")
        return key

    def redis(self, host: str) -> RedisSettings:
        """Returns how to reach Redis on a host."""
        return RedisSettings(
            host=host,
            port=self.number("REDIS_PORT", 6379, 1, LAST_PORT),
            username=self.optional("REDIS_USERNAME"),
            password=self.optional("REDIS_PASSWORD"),
            database=self.number("REDIS_DB", 0, 0, 9_999),
            tls=self.switch("REDIS_TLS"),
            cluster=self.switch("REDIS_CLUSTER"),
        )


def split(text: str) -> tuple[str, ...]:
    """Returns the parts between commas, without spaces around them and without empty ones."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
