"""Evaluates the policies of a template for a call, as AWS does."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.infra.templates.synthesis import Properties, plain


def allows(policy: Properties, *, service: str, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a resource's policy allows a service's call. `context`: condition keys."""
    statements = [it for it in policy["Statement"] if _is_for(it["Principal"], service)]
    return _decide(statements, action, resource, context)


_OF_CODE = {"lambda:SourceFunctionArn": "arn:of-the-function"}


def role_allows(
    statements: Iterable[Properties], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Whether the statements of a Lambda function's role allow a call that the function's code makes.

    `context`: condition keys of the call. `statements` may have those of the resource's own policy too.
    """
    return _decide(statements, action, resource, {**_OF_CODE, **(context or {})})


def granted(statements: Iterable[Properties]) -> set[tuple[str, str]]:
    """Returns (action, resource) pairs that the statements allow, as written in them."""
    return {
        (action, plain(resource))
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in _list(statement["Action"])
        for resource in _list(statement["Resource"])
    }


def _decide(statements: Iterable[Properties], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Returns whether some statement allows the call and none denies it."""
    effects = {
        statement["Effect"]
        for statement in statements
        if any(fnmatchcase(action.lower(), each.lower()) for each in _list(statement["Action"]))
        and any(fnmatchcase(resource, plain(each)) for each in _list(statement["Resource"]))
        and _holds(statement.get("Condition", {}), context)
    }
    return effects == {"Allow"}


def _is_for(principal: Any, service: str) -> bool:
    if principal == "*" or principal.get("AWS") == "*":
        return True
    return service in _list(principal.get("Service", []))


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    for operator, wanted in conditions.items():
        for key, values in wanted.items():
            if operator == "Null":
                is_met = str(key not in context).lower() == plain(values)
            else:
                assert operator in ("Bool", "StringEquals", "ArnEquals", "ArnLike"), f"{operator} is not known here"
                is_met = any(fnmatchcase(context.get(key, ""), plain(each)) for each in _list(values))
            if not is_met:
                return False
    return True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
