"""Tells the shop's people who watch live which payments have changed, once the changes are counted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.domain.cause import Cause, split_note
from chalicelib.domain.contract import ChangeNotice, to_event
from chalicelib.domain.operator_trouble import outcomes_of
from chalicelib.domain.payment import Payment
from chalicelib.domain.rollup import day_of, outcome_of
from chalicelib.domain.version import Version
from chalicelib.domain.webhooks import WebhookNews
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

MOST_PAYMENTS = 100
"""Payments that one notice names; a page that is told of more reads its list again."""


@dataclass(frozen=True, slots=True)
class TellOperators:
    """Publishes a notice of changed payments, and keeps in the live store which payments wait, and how webhooks come.

    Nothing depends on it: what is lost is made good by the next notice, by the sweep, and by what a page reads.
    """

    live_store: LiveStore
    clock: Clock

    def __call__(self, changed: Sequence[Version], counted: Sequence[Version] = ()) -> None:
        """Tells of versions in the order in which they were written. Never raises.

        `counted`: those of them that come for the first time, of which the webhooks' count is.
        """
        newest: dict[str, Payment] = {}
        for version in changed:
            newest.pop(version.payment.reference, None)
            newest[version.payment.reference] = version.payment
        if not newest:
            return
        waiting = {it.reference: it.created_at for it in newest.values() if outcome_of(it) is None}
        ended, outcomes = newest.keys() - waiting.keys(), outcomes_of(newest.values())
        try:
            notice = self._notice([*newest.values()])
            told = sum(map(_is_by_webhook, counted))
            self.live_store.tell_operators(waiting, ended, notice, outcomes, _webhooks(changed), told)
        except LiveStoreUnavailable:
            log.info("operators-not-told", reason="LiveStoreUnavailable")
        except Exception:
            log.failure("operators-not-told")

    def _notice(self, payments: list[Payment]) -> str:
        now = self.clock.now()
        notice: ChangeNotice = {
            "payments": [to_event(it, now) for it in payments[-MOST_PAYMENTS:]],
            "days": sorted({day_of(it.created_at).isoformat() for it in payments}),
            "complete": len(payments) <= MOST_PAYMENTS,
        }
        return json.dumps(notice, separators=(",", ":"), ensure_ascii=False)


def _webhooks(changed: Sequence[Version]) -> WebhookNews:
    told = [it.at for it in changed if _is_by_webhook(it)]
    missing = [it.payment.webhook_missing_at for it in changed if it.payment.webhook_missing_at is not None]
    return WebhookNews(max(told, default=None), max(missing, default=None))


def _is_by_webhook(version: Version) -> bool:
    return split_note(version.cause)[0] == Cause.WEBHOOK
