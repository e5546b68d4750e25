"""Takes a customer's phone out of the ledger, and leaves the payments and all sums as they are."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.attention import LAST_CHANGE_MS, Need, need_of
from chalicelib.domain.payment import Payment
from chalicelib.domain.phone_number import FORGOTTEN_MASK, hash_phone
from chalicelib.runtime.clock import Clock

SETTLED_SECONDS = 65
"""How long a write that has read the ledger before may still take: no function runs for longer than a minute."""


@dataclass(frozen=True)
class PhoneInUse(Exception):
    """Raised where a payment of the phone may still need it; nothing was changed.

    `until`: when it can no longer change, in milliseconds; None: a person has to decide about it first.
    """

    reference: str
    until: int | None


@dataclass(frozen=True, slots=True)
class ForgetPhone:
    """Writes one made-up name in place of a phone's keyed hash and its mask, wherever the ledger has them.

    The payments of the phone can still be counted as those of one phone, and nobody can find them by its number. It can
    be repeated at any time.
    """

    ledger: Ledger
    clock: Clock
    phone_hash_keys: Sequence[str]

    def __call__(self, phone_number: str) -> int:
        """Returns how many payments the phone had; it waits for a minute where there are any.

        Raises PhoneInUse and LedgerUnavailable.
        """
        hashes, phones = hash_phone(phone_number, self.phone_hash_keys), self.ledger.phones
        references = list(dict.fromkeys(self._references(hashes)))
        for stored in self.ledger.load_many(references):
            self._check_rest(stored.payment)
        name = f"forgotten-{uuid.uuid4().hex}"
        for reference in references:
            phones.rename(reference, hashes, name, FORGOTTEN_MASK)
        if references:
            self.clock.sleep(SETTLED_SECONDS)
        for reference in references:  # a writer that had read the payment before may have written the phone again
            phones.rename(reference, hashes, name, FORGOTTEN_MASK)
            phones.hide(reference, hashes)
        for phone_hash in hashes:
            phones.delete(phone_hash, self.clock.now())
        return len(references)

    def _references(self, hashes: Sequence[str]) -> Iterator[str]:
        for phone_hash in hashes:
            yield from self.ledger.phones.references(phone_hash)

    def _check_rest(self, payment: Payment) -> None:
        """Raises PhoneInUse where a payment still changes by itself, or its customer is to get money back."""
        until = payment.created_at + LAST_CHANGE_MS
        if self.clock.now() < until:
            raise PhoneInUse(payment.reference, until)
        if need_of(payment) in (Need.UNDER_REVIEW, Need.DUPLICATE):
            raise PhoneInUse(payment.reference, None)
