"""Makes a restored ledger whole again from the log: it lacks what was written after the moment it was restored to."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from chalicelib.adapters.ledger.change import Change
from chalicelib.adapters.ledger.items import Act
from chalicelib.adapters.ledger.ledger import Ledger, VersionConflict
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import key_hash
from chalicelib.domain.recovery import Decision, Logged, LoggedVersion, read_log
from chalicelib.runtime.clock import Clock

_AT_ONCE = 8
_ROUNDS = 8
_SAME_ACT_MS = 5_000
"""An act is noted in the ledger just before its line is written."""


@dataclass(slots=True)
class Recovery:
    """What was found and done. `written`, `raised`: payments that are there again, and with a further version.

    `known`: payments that lacked nothing. `keys`: idempotency keys that are there again. `unclaimed`: payments that no
    line of the log begins, so that they cannot be made again. `decisions`: what operators decided and the ledger lost.
    """

    written: list[Payment] = field(default_factory=list)
    raised: list[Payment] = field(default_factory=list)
    known: int = 0
    keys: int = 0
    unclaimed: list[Logged] = field(default_factory=list)
    decisions: list[tuple[Logged, Decision]] = field(default_factory=list)

    def add(self, other: "Recovery") -> None:
        self.written += other.written
        self.raised += other.raised
        self.known += other.known
        self.keys += other.keys
        self.unclaimed += other.unclaimed
        self.decisions += other.decisions


@dataclass(frozen=True, slots=True)
class RecoverPayments:
    """Gives each payment that the log tells of a version that nobody has seen, wherever the ledger lacks one.

    Nothing is paid, or paid back, by a line of the log: what is recovered is due for a check, and CamPay decides. It
    can be repeated at any time, and finishes what a run before has begun.
    """

    ledger: Ledger
    clock: Clock

    def __call__(self, lines: Iterable[Mapping[str, Any]]) -> Recovery:
        """Recovers what lines of the log name, in any order. Raises LedgerUnavailable."""
        logged = sorted(read_log(lines), key=lambda it: it.order_id)  # within an order as they were claimed
        by_order = [list(of_order) for _, of_order in groupby(logged, key=lambda it: it.order_id)]
        recovery = Recovery()
        with ThreadPoolExecutor(_AT_ONCE) as orders:
            for of_attempts in orders.map(self._recover_order, by_order):
                for of_attempt in of_attempts:
                    recovery.add(of_attempt)
        return recovery

    def _recover_order(self, attempts: Sequence[Logged]) -> list[Recovery]:
        """Recovers the attempts of an order one by one."""
        return [self._recover_anyhow(logged) for logged in attempts]

    def _recover_anyhow(self, logged: Logged) -> Recovery:
        for attempt in range(_ROUNDS):
            try:
                return self._recover(logged)
            except VersionConflict:
                self.ledger.pause(attempt)  # a check or a delivery came first
        raise LedgerUnavailable("too many conflicts")

    def _recover(self, logged: Logged) -> Recovery:
        found, recovery = self.ledger.load_with_history(logged.reference), Recovery()
        if found is not None:
            acts, lost = found.acts, logged.lost_of(found.versions)
            payment = found.stored.payment
            if payment.version <= max((it.version for it in lost), default=0) or logged.lost_refunds_of(payment):
                recovery.raised.append(self._raise(payment, logged, lost))
            else:
                recovery.known += 1
        elif logged.claimed is not None:
            acts = []
            recovery.written.append(self._write_again(logged, logged.claimed))
        else:
            return Recovery(unclaimed=[logged])
        recovery.keys = self._keep_keys(logged)
        recovery.decisions = [(logged, it) for it in logged.decisions if not _is_noted(it, acts)]
        return recovery

    def _keep_keys(self, logged: Logged) -> int:
        """Returns how many idempotency keys the order had lost."""
        order_keys = self.ledger.order(logged.order_id).keys if logged.keys else {}
        lost = logged.keys.keys() - {*order_keys, *map(key_hash, order_keys)}
        return sum(self.ledger.keep_lost_key(logged.order_id, key, logged.reference, logged.keys[key]) for key in lost)

    def _write_again(self, logged: Logged, claimed: Payment) -> Payment:
        order = self.ledger.order(claimed.order_id)
        latest = self.ledger.load(order.latest) if order.latest else None
        is_newest = latest is None or latest.payment.created_at <= claimed.created_at
        payment = self._recovered(replace(claimed, further_attempt=order.latest is not None), logged)
        self.ledger.reclaim(
            payment,
            order,
            is_newest=is_newest,
            holds_order=is_newest and order.paid is None,
            is_told=_may_be_told(payment, logged.versions),
        )
        return payment

    def _raise(self, before: Payment, logged: Logged, lost: Iterable[LoggedVersion]) -> Payment:
        after = self._recovered(before, logged)
        check_at = None if after.is_final and not after.open_refunds else after.updated_at
        is_told = _may_be_told(after, lost)
        self.ledger.commit(Change(before, after, Cause.RECOVERED, check_at, is_told=is_told))
        return after

    def _recovered(self, payment: Payment, logged: Logged) -> Payment:
        above = max(payment.version, logged.newest) + 1
        refunds = logged.lost_refunds_of(payment)
        return payment.recovered(above, logged.provider_reference, refunds, self.clock.now())


def _may_be_told(payment: Payment, lost: Iterable[LoggedVersion]) -> bool:
    """Whether a recovered version may be shown. Nobody who was told that a payment is paid is then told less.

    The version that CamPay's answer leads to is delivered in any case.
    """
    return payment.is_final or not any(it.status is PaymentStatus.SUCCESSFUL for it in lost)


def _is_noted(decision: Decision, acts: Iterable[Act]) -> bool:
    """Whether the ledger has a decision, or a person has made it again since."""
    return any(it.action == decision.action and it.at >= decision.at - _SAME_ACT_MS for it in acts)
