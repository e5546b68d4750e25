"""Names the keys and channels of Redis, and how long keys last. Pure.

API, worker and gateway meet there: these words stand here and in `tests/contract/`, nowhere else.
"""

PAYMENT_TTL_SECONDS = 3600
CLIENT_TTL_SECONDS = 86_400
GATEWAY_TTL_SECONDS = 30
WAITING_TTL_SECONDS = 86_400
OUTCOMES_TTL_SECONDS = 86_400
LAST_PAID_TTL_SECONDS = 7 * 86_400
WEBHOOKS_TTL_SECONDS = 7 * 86_400
WEBHOOK_COUNTS_TTL_SECONDS = 2 * 86_400


def payment_key(reference: str) -> str:
    """Names the Redis key of a payment's newest version, and the channel of its changes.

    The braces make every key of one payment share a cluster slot.
    """
    return f"payment:{{{reference}}}"


payment_channel = payment_key


def reference_of_channel(channel: str) -> str | None:
    """Returns the reference in a payment's channel name; None for any other channel."""
    if channel.startswith("payment:{") and channel.endswith("}"):
        return channel[len("payment:{") : -1]
    return None


def client_key(socket_id: str) -> str:
    """Names the Redis key of a connected client's registry entry."""
    return f"client:{socket_id}"


def gateway_key(gateway_id: str) -> str:
    """Names the Redis key of a gateway's registry entry."""
    return f"gateway:{gateway_id}"


def gateways_key() -> str:
    """Names the sorted set of gateways' ids, by the time of their last heartbeat in seconds."""
    return "registry:gateways"


def clients_key(gateway_id: str) -> str:
    """Names the sorted set of a gateway's socket ids. All have the same score, so Redis sorts them by id."""
    return f"registry:clients:{gateway_id}"


def probe_channel(gateway_id: str) -> str:
    """Names a gateway's own channel. It publishes to itself to learn that its subscription is alive."""
    return f"probe:{gateway_id}"


def operators_channel() -> str:
    """Names the channel that tells gateways, for the shop's people, which payments have changed."""
    return "operators:changes"


def waiting_key() -> str:
    """Names the sorted set of the references of payments that wait, by when they were claimed (milliseconds)."""
    return "payments:waiting"


def webhooks_key() -> str:
    """Names the sorted set of when a webhook was last the first to tell of a change, and when one last failed to.

    Its members are `told` and `missing`; a score is in milliseconds.
    """
    return "payments:webhooks"


def webhook_counts_key(day: str) -> str:
    """Names the sorted set of what has become of a day's webhooks (Cameroon's day, as ISO 8601 has it).

    Its members are an outcome, with how many there were; `<outcome>:last`, with the time of the last one; and `since`,
    with the time when the counting began. Times are in milliseconds.
    """
    return f"payments:webhooks:{day}"


def outcomes_key(operator: str) -> str:
    """Names the sorted set of an operator's last outcomes, by when the payments were claimed (milliseconds).

    A member is `<reference>:paid`, `<reference>:technical` or, of any other that failed, `<reference>:failed`.
    """
    return f"outcomes:{{{operator}}}"


def last_paid_key() -> str:
    """Names the sorted set of operators, by when the latest of their payments that were paid was claimed (ms)."""
    return "payments:last-paid"


def limit_key(kind: str, address: str, window: int) -> str:
    """Names the counter of one address in one window (the window's number since the epoch)."""
    return f"limit:{kind}:{{{address}}}:{window}"


def breaker_key(service: str, calls: str) -> str:
    """Names the state of the circuit breaker of one kind of calls to a service."""
    return f"breaker:{{{service}}}:{calls}"
