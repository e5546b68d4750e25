"""The keys and passwords of this moment: where one is refused they are read again, since they may have been rotated."""

import asyncio
import time

from redis.credentials import CredentialProvider

from chalicelib.runtime import log
from chalicelib.runtime.settings_reader import InvalidSettings
from socket_gateway.settings import Settings, read_settings


class Credentials(CredentialProvider):
    """Starts with those of `settings`. redis-py asks it for the password at each connection."""

    def __init__(self, settings: Settings) -> None:
        self.tracking_token_keys = settings.tracking_token_keys
        self._redis = settings.redis
        self._secrets_id = settings.secrets_id
        self._believed_seconds = settings.timing.secrets_believed_seconds
        self._read_at = time.monotonic()
        self._reading: asyncio.Task[bool] | None = None

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        if self._redis.username:
            return self._redis.username, self._redis.password
        return (self._redis.password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()

    async def read_again(self) -> bool:
        """After a refusal. True: they were, and it is worth another try. They are not when they are young, so that
        strangers with forged tokens cannot keep Secrets Manager busy.
        """
        if self._reading is None:
            young = time.monotonic() - self._read_at < self._believed_seconds
            if young or not self._secrets_id:
                return False
            self._read_at = time.monotonic()
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(self._reading)

    async def _read(self) -> bool:
        try:
            settings = await asyncio.to_thread(read_settings)  # boto3 blocks
        except InvalidSettings as error:
            log.warning("secrets-not-read-again", reason=str(error))
            return False
        finally:
            self._reading = None
        self.tracking_token_keys, self._redis = settings.tracking_token_keys, settings.redis
        log.info("secrets-read-again")
        return True
