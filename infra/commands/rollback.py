"""Points the functions of a stage back to the release before: `python -m infra.commands.rollback STAGE`.

All functions together or none. It says what it would do and asks first. The next deployment moves on from there.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from infra.commands.account import NoAccount, sign_in
from infra.deployment import NotDeployed, functions_of_stage
from infra.release import ALIAS, RELEASED
from infra.stages import UnknownStage, stage_of

_ONCE = Config(retries={"total_max_attempts": 1})
"""boto3 repeats a call that Lambda refused for an inactive version, and one that succeeds runs the earlier code."""


class CannotGoBack(Exception):
    """Says why in one line."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a function. `release`: the same for all functions that were deployed together.

    `published`: as Lambda writes it, 2026-01-31T12:00:00.000+0000, which sorts by time.
    """

    number: int
    release: str
    published: str


@dataclass(frozen=True, slots=True)
class Live:
    """A function with the version that is invoked, and those of earlier releases, the newest last."""

    function: str
    version: Version
    earlier: tuple[Version, ...]

    def back_to(self, release: str) -> Version:
        """Returns the function's version of a release. Raises CannotGoBack."""
        for version in (self.version, *reversed(self.earlier)):
            if version.release == release:
                return version
        raise CannotGoBack(f"{self.function} has no version of the release before ({release}): it is younger")


@dataclass(frozen=True, slots=True)
class Step:
    function: str
    now: Version
    then: Version


def plan(functions: Iterable[str], client: Any) -> list[Step]:
    """Finds what has to be pointed where. `client`: boto3's for Lambda. Raises CannotGoBack.

    A function that is back already is left out: an interrupted run is completed by the next one.
    """
    live = [_read(function, client) for function in functions]
    release = _release_before(live)
    steps = [Step(it.function, it.version, it.back_to(release)) for it in live]
    return [step for step in steps if step.now != step.then]


def _release_before(live: Sequence[Live]) -> str:
    """Returns the release before the newest one in use: an interrupted run leaves two in use."""
    before = [it.earlier[-1] for it in live if it.earlier]
    if not before:
        raise CannotGoBack(f"there is no earlier release: {live[0].version.release} is the first")
    return max(before, key=lambda it: it.published).release


def wake(steps: Iterable[Step], client: Any) -> None:
    """Makes the earlier versions ready, and returns when they are. `client`: one that repeats no call.

    Lambda detaches a version from the VPC when it was idle for some weeks. It then refuses the first call, which
    attaches it again.
    """
    asleep = [step for step in steps if not _is_ready(step, client)]
    for step in asleep:
        with contextlib.suppress(client.exceptions.ResourceNotReadyException):
            client.invoke(FunctionName=step.function, Qualifier=str(step.then.number), Payload=b"{}")
    for step in asleep:
        waiter = client.get_waiter("function_active_v2")
        waiter.wait(FunctionName=step.function, Qualifier=str(step.then.number))


def _is_ready(step: Step, client: Any) -> bool:
    found = client.get_function_configuration(FunctionName=step.function, Qualifier=str(step.then.number))
    return bool(found["State"] == "Active")


def go_back(steps: Iterable[Step], client: Any) -> None:
    """Points each alias to the earlier version, with all of its calls."""
    for step in steps:
        client.update_alias(
            FunctionName=step.function,
            Name=ALIAS,
            FunctionVersion=str(step.then.number),
            RoutingConfig={"AdditionalVersionWeights": {}},
        )


def _read(function: str, client: Any) -> Live:
    aliases = {
        it["Name"]: it["FunctionVersion"] for it in _all(client, "list_aliases", "Aliases", FunctionName=function)
    }
    if ALIAS not in aliases:
        raise CannotGoBack(f"{function} has no alias {ALIAS}: deploy it once more first")
    versions = {
        it["Version"]: Version(int(it["Version"]), it["Description"], it["LastModified"])
        for it in _all(client, "list_versions_by_function", "Versions", FunctionName=function)
        if it["Version"] != "$LATEST"
    }
    now = versions[aliases[ALIAS]]
    released = [versions[number] for name, number in aliases.items() if name.startswith(RELEASED)]
    earlier = [it for it in released if it.number < now.number and it.release != now.release]
    return Live(function, now, tuple(sorted(earlier, key=lambda it: it.number)))


def _all(client: Any, operation: str, key: str, **arguments: str) -> list[dict[str, Any]]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return [it for page in pages for it in page[key]]


def _describe(steps: Sequence[Step]) -> str:
    lines = [
        f"{it.function}: from version {it.now.number} to {it.then.number}, published {it.then.published}"
        for it in steps
    ]
    first = steps[0]
    return "\n".join([f"From release {first.now.release} back to {first.then.release}:", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.commands.rollback")
    parser.add_argument("stage")
    try:
        stage = stage_of(parser.parse_args().stage)
        sign_in()
        functions = functions_of_stage(stage.name, boto3.client("cloudformation"))
        client = boto3.client("lambda")
        steps = plan(functions, client)
        print(_describe(steps))
        if input(f"Point {stage.name} back? (yes/no) ") != "yes":
            sys.exit("nothing was changed")
        wake(steps, boto3.client("lambda", config=_ONCE))
        go_back(steps, client)
    except (CannotGoBack, NoAccount, NotDeployed, UnknownStage) as error:
        sys.exit(str(error))
    except (ClientError, WaiterError) as error:
        sys.exit(f"AWS: {error}. Run it again: what is back already stays so")
    print(f"{stage.name} is back. The next deployment moves on from here; the same commit again changes nothing.")


if __name__ == "__main__":
    main()
