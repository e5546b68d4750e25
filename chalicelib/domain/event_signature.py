"""Signs order events for the shop, by the Standard Webhooks specification. Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with


class MalformedSecret(ValueError):
    """Raised for a text that is no secret. The message never has the text."""


def read_secret(text: str) -> bytes:
    """Returns the key that a secret such as `whsec_MfKQ…` holds. Raises MalformedSecret."""
    if not text.startswith(SECRET_PREFIX):
        raise MalformedSecret(f"it begins with {SECRET_PREFIX}")
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise MalformedSecret(f"after {SECRET_PREFIX} it is base64") from error


def write_secret(key: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signed_headers(event_id: str, at: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Returns the headers that a receiver verifies: a signature for each key, of which it may know one.

    `at`: when it is sent, in milliseconds since the epoch. A receiver refuses what is older than five minutes.
    """
    timestamp = str(at // 1000)
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
