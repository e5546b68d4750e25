"""Makes clients of AWS.

They are botocore's own: boto3 would only pass their calls on, and imports its resources and S3's transfers besides.
"""

import threading
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
    # Every call's parameters are built by this product; they are validated where its tests make them, and by AWS.
    parameter_validation=False,
    # botocore would compose its own twice a call, from all that it knows about machine and configuration.
    user_agent="braidster-payments",
)
_one_at_a_time = threading.Lock()


_SERVICES = ["dynamodb", "events", "secretsmanager", "sqs"]


class _Loader(Loader):  # type: ignore[misc]  # botocore carries no types
    """Loads the models of our services, without what botocore's own loader does for all of AWS.

    That one looks through the folders of 400 services, twice. And it knows rules of end points, which botocore would
    evaluate in each call; where a service has none, it finds the end point once, when the client is made.
    """

    def list_available_services(self, type_name: str) -> list[str]:
        return [] if type_name.startswith("endpoint-rule-set") else _SERVICES


@cache
def session() -> botocore.session.Session:
    """Returns the process's session, which holds what all clients share.

    It has none of botocore's own handlers: they serve other services, or only describe a call to AWS.
    """
    made = botocore.session.Session(include_builtin_handlers=False)
    made.register_component("data_loader", _Loader())
    return made


def make_client(service: str) -> Any:
    """Makes a client that threads may share. Region, credentials and end point are those of the environment."""
    with _one_at_a_time:  # botocore's sessions are not safe for threads
        return session().create_client(service, config=_CONFIG)
