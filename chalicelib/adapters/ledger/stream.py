"""Reads the records of the table's stream, in the form in which Lambda hands them over."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.ledger.attributes import to_values
from chalicelib.adapters.ledger.items import VERSION, read_version
from chalicelib.domain.version import Version

NEW_VERSIONS = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": VERSION}]}}}}
"""Lambda's filter of the stream's records: those of new versions, which are written once and never changed."""


@dataclass(frozen=True, slots=True)
class WrittenVersion:
    """A version that was written. `sequence`: the number of its record, which rises within a shard of the stream."""

    sequence: int
    version: Version

    @property
    def reference(self) -> str:
        return self.version.payment.reference

    @property
    def number(self) -> int:
        return self.version.payment.version


def written_versions(records: Iterable[Mapping[str, Any]]) -> Iterator[WrittenVersion]:
    """Yields the new versions among records, in their order."""
    for record in records:
        if record["eventName"] == "INSERT" and record["dynamodb"]["Keys"]["sk"]["S"].startswith(VERSION):
            sequence = int(record["dynamodb"]["SequenceNumber"])
            yield WrittenVersion(sequence, read_version(to_values(record["dynamodb"]["NewImage"])))
