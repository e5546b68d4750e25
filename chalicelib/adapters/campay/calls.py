"""Logs and measures the calls of CamPay."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chalicelib.adapters.breaker import BreakerOpen
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.provider import NeverSent, OutcomeUnknown, PayoutOutcome, PromptOutcome, ProviderRecord
from chalicelib.runtime import log, metrics
from chalicelib.runtime.clock import Clock

UNAVAILABLE, NOT_ASKED = "UNAVAILABLE", "NOT_ASKED"


@dataclass(slots=True)
class Call:
    """One call that is being made. `outcome`: what its line will say of it; `fields`: what else."""

    outcome: str = UNAVAILABLE
    is_answered: bool = False
    fields: dict[str, object] = field(default_factory=dict)

    def prompted(self, outcome: PromptOutcome, operator: str | None) -> None:
        """Takes the outcome of a collect. `operator`: by the number, where CamPay names none."""
        self.outcome = type(outcome).__name__
        self.is_answered = not isinstance(outcome, NeverSent | OutcomeUnknown)
        self.fields["operator"] = getattr(outcome, "operator", None) or operator
        if outcome.retries:
            self.fields["retries"] = outcome.retries
        if reason := getattr(outcome, "reason", None):
            self.fields["reason"] = reason

    def paid_out(self, outcome: PayoutOutcome) -> None:
        """Takes the outcome of a withdraw."""
        self.outcome = type(outcome).__name__
        self.is_answered = not isinstance(outcome, NeverSent | OutcomeUnknown)
        if reason := getattr(outcome, "reason", None):
            self.fields["reason"] = reason

    def refused(self, error: BreakerOpen) -> None:
        """Takes that the circuit breaker has refused a collect."""
        self.outcome, self.fields["reason"] = NOT_ASKED, str(error)

    def read(self, record: ProviderRecord | None) -> None:
        """Takes the outcome of a read; None where CamPay knows no such reference."""
        self.outcome, self.is_answered = record.status.value if record else "NOT_FOUND", True
        if record and record.operator:
            self.fields["operator"] = record.operator
        if record and record.reason:
            self.fields["reason"] = record.reason

    def began(self) -> None:
        """Takes that an answer has begun to arrive, which its reader will follow to its end."""
        self.outcome, self.is_answered = "ANSWERED", True

    def failed(self, error: ProviderUnavailable) -> None:
        if isinstance(error.__cause__, BreakerOpen):
            self.outcome = NOT_ASKED
        self.fields["reason"] = str(error)


@contextmanager
def told(event: str, call_name: str, clock: Clock, **fields: object) -> Iterator[Call]:
    """Logs the call that is made inside, with what came of it and how long it took. Passes on what it raises.

    A call that the circuit breaker refuses is logged but not measured.
    """
    started, call = clock.now(), Call(fields=fields)
    try:
        yield call
    except ProviderUnavailable as error:
        call.failed(error)
        raise
    finally:
        ms = clock.now() - started
        log.info(event, outcome=call.outcome, ms=ms, **call.fields)
        if call.outcome != NOT_ASKED:
            answer = "answered" if call.is_answered else "unanswered"
            metrics.milliseconds("CampayLatency", ms, call=call_name, answer=answer)
