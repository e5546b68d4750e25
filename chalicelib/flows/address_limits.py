"""Limits the calls of one network address. Redis counts them by the minute; while it is away nobody is refused."""

from dataclasses import dataclass

from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.domain.errors import LimitReached
from chalicelib.runtime import log
from chalicelib.settings import Limits


@dataclass(frozen=True, slots=True)
class AddressLimits:
    """Counts the prompts and the refused calls of each address. A limit that is reached raises LimitReached."""

    live_store: LiveStore
    limits: Limits

    def count_refusal(self, address: str) -> None:
        """Counts a call that was refused before it could start anything. Raises LimitReached after too many of them."""
        try:
            refusals = self.live_store.count_refusal(address)
        except LiveStoreUnavailable:
            return
        self._check(0, refusals)

    def take_prompt(self, address: str) -> None:
        """Counts a prompt that is about to be claimed. Raises LimitReached."""
        try:
            prompts, refusals = self.live_store.take_prompt(address)
        except LiveStoreUnavailable:
            return
        self._check(prompts, refusals)

    def return_prompt(self, address: str) -> None:
        """Takes back the count of a prompt that was not claimed after all."""
        try:
            self.live_store.return_prompt(address)
        except LiveStoreUnavailable:
            log.info("limit-not-corrected")

    def _check(self, prompts: int, refusals: int) -> None:
        limits = self.limits
        if prompts > limits.address_prompts_per_minute or refusals > limits.address_refusals_per_minute:
            raise LimitReached("address_limit", self.live_store.seconds_to_next_window())
