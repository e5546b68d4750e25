"""Has moto make a call without the web framework around it, which costs more than most calls do.

moto routes a call through Flask and werkzeug, reads its body as a form, and checks it against the API's model. What is
left of it here is moto's own action, and its own answer: the tests compare both ways.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.responses import DynamoHandler
from moto.sqs.responses import SQSResponse
from werkzeug.wrappers import Response

_MADE_BY: Mapping[str, Any] = {
    **dict.fromkeys(("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan"), DynamoHandler),
    **dict.fromkeys(("TransactWriteItems", "UpdateItem"), DynamoHandler),
    **dict.fromkeys(("DeleteMessageBatch", "ReceiveMessage", "SendMessageBatch"), SQSResponse),
}
"""What the product calls all the time. Their parameters are JSON as they come: no bytes, no times."""


def is_made_directly(operation: str) -> bool:
    return operation in _MADE_BY


def made_directly(operation: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Makes a call whose region is in its headers."""
    call = _MADE_BY[operation]()
    call.headers, call.response_headers = headers, {"server": "amazon.com"}
    call.querystring, call.uri_match, call.params = {}, {}, json.loads(body)
    call.region, call.current_account = headers["Authorization"].split("/")[2], DEFAULT_ACCOUNT_ID
    status, answered, content = call.call_action()
    return Response(cast(str, content), status=int(status), headers=answered)
