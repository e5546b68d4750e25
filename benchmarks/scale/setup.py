"""Holds the settings of a stage that decide what it carries: those of infra/stages.py and of `.chalice/config.json`."""

import json
from dataclasses import dataclass

from infra.stages import PROD, Stage
from tests import ROOT

CHALICE = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """The size of a Lambda function, in MB and in seconds."""

    lambda_memory_size: int
    lambda_timeout: int


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions that read CamPay's statement; the hourly pass is None where there is none."""

    statement: FunctionSize
    late_payments: FunctionSize | None


@dataclass(frozen=True, slots=True)
class Setup:
    stage: Stage
    functions: Functions


def _function(name: str) -> FunctionSize | None:
    configured = CHALICE["lambda_functions"].get(name)
    if configured is None:
        return None
    whole = {**CHALICE, **configured}
    return FunctionSize(whole["lambda_memory_size"], whole["lambda_timeout"])


def _as_it_is() -> Setup:
    statement = _function("statement")
    assert statement
    return Setup(PROD, Functions(statement, _function("late_payments")))


CHECKS = _function("checks")
"""The functions that check payments, and search CamPay's statement for those whose answer was lost."""
AS_IT_IS = _as_it_is()
"""`prod` with nothing changed."""
