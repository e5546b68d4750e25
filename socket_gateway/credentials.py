"""Holds the keys and passwords that are valid now, and reads them again after one was refused: it may be rotated."""

import asyncio
import time

from redis.credentials import CredentialProvider

from chalicelib.runtime import log
from chalicelib.runtime.settings_reader import InvalidSettings
from socket_gateway.settings import Settings, read_settings


class Credentials(CredentialProvider):
    """Provides the keys of tracking tokens and of operators, and the password of Redis.

    redis-py asks for the password at each connection.
    """

    def __init__(self, settings: Settings) -> None:
        self.tracking_token_keys = settings.tracking_token_keys
        self.operator_keys = settings.operator_keys
        self._redis = settings.redis
        self._secrets_id = settings.secrets_id
        self._reload_interval = settings.timing.secrets_reload_interval_seconds
        self._loaded_at = time.monotonic()
        self._loading: asyncio.Task[bool] | None = None

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        if self._redis.username:
            return self._redis.username, self._redis.password
        return (self._redis.password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()

    async def reload(self) -> bool:
        """Reads the secrets again after a credential was refused. Returns True where a retry makes sense.

        Returns False where they were read less than `secrets_reload_interval_seconds` ago, so that forged tokens cannot
        generate load on Secrets Manager, where they cannot be read, and where the process has no secret.
        """
        if self._loading is None:
            is_young = time.monotonic() - self._loaded_at < self._reload_interval
            if is_young or not self._secrets_id:
                return False
            self._loaded_at = time.monotonic()
            self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> bool:
        try:
            settings = await asyncio.to_thread(read_settings)  # boto3 blocks
        except InvalidSettings as error:
            log.warning("secrets-not-read-again", reason=str(error))
            return False
        finally:
            self._loading = None
        self.tracking_token_keys, self.operator_keys = settings.tracking_token_keys, settings.operator_keys
        self._redis = settings.redis
        log.info("secrets-read-again")
        return True
