"""Adds the missing keys to a stage's secret and changes no existing one: `python -m infra.commands.fill_secret STAGE`.

Our own keys are made here, at random. CamPay's are asked for, or read with `--campay FILE` from a JSON object of names
and texts (`-` is the standard input). `--operator NAME:RIGHT` gives an operator a new key, beside those that there are:
read it in the secret. No value is printed. Without `--operator`, run it as often as you like.
"""

import argparse
import getpass
import json
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from chalicelib.domain.event_signature import write_secret
from chalicelib.domain.operators import MalformedOperatorKey, OperatorKey
from infra.commands.account import NoAccount, sign_in
from infra.deployment import NotDeployed, secret_of_stage
from infra.stages import UnknownStage, stage_of

EVENTS_KEY = "ORDER_EVENTS_KEY"
OUR_KEYS = (
    *("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY"),
    *("MERCHANT_API_KEY", "OPERATOR_API_KEY", EVENTS_KEY),
)
CAMPAY_KEYS = (
    "CAMPAY_WEBHOOK_KEY",
    "CAMPAY_PERMANENT_ACCESS_TOKEN",
    "CAMPAY_USERNAME",
    "CAMPAY_APP_PASSWORD",
)
_KEY_BYTES = 32
Ask = Callable[[str], str]


class CannotFill(Exception):
    """Says why in one line."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The outcome, by names only. `missing`: what a person still has to give."""

    added: list[str]
    missing: list[str]


def fill(client: Any, secrets_id: str, ask: Ask) -> Filled:
    """Adds what a secret lacks. `client`: boto3's for Secrets Manager; `ask`: gives a value of CamPay's by name, or "".

    Raises CannotFill.
    """
    there = _content(client, secrets_id)
    wanted = [name for name in OUR_KEYS if name != "OPERATOR_API_KEY" or not there.get("OPERATOR_KEYS")]
    new = {name: _new_key(name) for name in wanted if not there.get(name)}
    for name in _wanted_of_campay(there, new):
        if value := ask(name).strip():
            new[name] = value
    if new:
        client.put_secret_value(SecretId=secrets_id, SecretString=json.dumps({**there, **new}))
    return Filled(sorted(new), list(_wanted_of_campay({**there, **new}, {})))


def add_operator(client: Any, secrets_id: str, operator: str) -> None:
    """Adds a key for an operator, named as `name:right`. Raises CannotFill."""
    entry = f"{operator}:{secrets.token_hex(_KEY_BYTES)}"
    try:
        OperatorKey.parse(entry)
    except MalformedOperatorKey as error:
        raise CannotFill(f"--operator wants NAME:RIGHT, such as amina:view: {error}") from error
    there = _content(client, secrets_id)
    keys = ",".join(filter(None, (there.get("OPERATOR_KEYS"), entry)))
    client.put_secret_value(SecretId=secrets_id, SecretString=json.dumps({**there, "OPERATOR_KEYS": keys}))


def _new_key(name: str) -> str:
    return write_secret(secrets.token_bytes(_KEY_BYTES)) if name == EVENTS_KEY else secrets.token_hex(_KEY_BYTES)


def _content(client: Any, secrets_id: str) -> dict[str, str]:
    try:
        content: dict[str, str] = json.loads(client.get_secret_value(SecretId=secrets_id)["SecretString"])
    except client.exceptions.ResourceNotFoundException as error:
        raise CannotFill(f"there is no secret {secrets_id}: deploy the stack of the secret first") from error
    return content


def _wanted_of_campay(there: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Lists CamPay's keys that are missing, one by one: a permanent token in `new` makes the later ones needless."""
    webhook, token, username, password = CAMPAY_KEYS
    if not there.get(webhook):
        yield webhook
    if there.get(token) or (there.get(username) and there.get(password)):
        return
    yield token
    if new.get(token):
        return
    yield from (name for name in (username, password) if not there.get(name))


def _ask_person(name: str) -> str:
    return getpass.getpass(f"{name} (empty: none): ")


def _read(path: str) -> Ask:
    text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    values = json.loads(text)
    if not isinstance(values, dict) or not all(isinstance(it, str) for it in values.values()):
        raise CannotFill("--campay wants a JSON object of names and texts")
    if unknown := sorted(values.keys() - set(CAMPAY_KEYS)):
        raise CannotFill(f"--campay knows {', '.join(CAMPAY_KEYS)}, and not {', '.join(unknown)}")
    return lambda name: values.get(name, "")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.commands.fill_secret")
    parser.add_argument("stage")
    parser.add_argument("--campay", metavar="FILE", help="a JSON object of CamPay's keys; - reads the standard input")
    parser.add_argument("--operator", metavar="NAME:RIGHT", help="gives an operator a new key; RIGHT is view or act")
    options = parser.parse_args()
    try:
        ask = _read(options.campay) if options.campay else _ask_person
        sign_in()
        secrets_id = secret_of_stage(stage_of(options.stage).name, boto3.client("cloudformation"))
        client = boto3.client("secretsmanager")
        if options.operator:
            add_operator(client, secrets_id, options.operator)
        filled = fill(client, secrets_id, ask)
    except (CannotFill, NoAccount, NotDeployed, UnknownStage) as error:
        sys.exit(str(error))
    print(f"added: {', '.join(filled.added) or 'nothing, all was there'}")
    if filled.missing:
        sys.exit(f"still missing: {', '.join(filled.missing)} (a permanent token, or a username and a password)")


if __name__ == "__main__":
    main()
