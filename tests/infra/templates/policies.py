"""Asks a resource policy of a template whether a call would be allowed, as AWS decides it."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.infra.templates.synthesis import Properties, plain


def allows(policy: Properties, *, service: str, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a service's call is allowed: some statement allows it and none denies it. `context`: condition keys."""
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        if _is_for(statement["Principal"], service)
        and any(fnmatchcase(action.lower(), each.lower()) for each in _list(statement["Action"]))
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
        assert operator in ("Bool", "StringEquals", "ArnEquals", "ArnLike"), f"{operator} is not known here"
        for key, values in wanted.items():
            if not any(fnmatchcase(context.get(key, ""), plain(each)) for each in _list(values)):
                return False
    return True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
