"""docs/configuration.md lists exactly the variables that the two processes read, and of each number what it may be."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from chalicelib import settings as of_api
from chalicelib.runtime.settings_reader import InvalidSettings
from socket_gateway import settings as of_gateway
from tests import ROOT
from tests.gateway.test_settings import PRODUCTION as GATEWAY
from tests.harness.markdown import code, rows
from tests.unit.test_settings import PRODUCTION as API

PAGE = ROOT / "docs" / "configuration.md"
READERS: Mapping[str, tuple[Callable[[Mapping[str, str]], Any], Mapping[str, str]]] = {
    "## Numbers of the API": (of_api.read_settings, API),
    "## Numbers of the gateway": (of_gateway.read_settings, GATEWAY),
}
NUMBERS = [(heading, code(name), *bounds) for heading in READERS for name, *bounds, _ in rows(PAGE, heading)]
OF_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME", "AWS_CHALICE_CLI_MODE"}
"""Variables that the API's runtime sets, never a person."""


class Recorder(Mapping[str, str]):
    """An environment that records which variables are read."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.asked: set[str] = set()
        self._environment = environment

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._environment[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


def read_by(heading: str) -> set[str]:
    read, environment = READERS[heading]
    recorder = Recorder(environment)
    read(recorder)
    return recorder.asked - OF_LAMBDA


def listed(*headings: str) -> set[str]:
    return {code(name) for heading in headings for name, *_ in rows(PAGE, heading)}


def test_the_api_reads_what_is_listed() -> None:
    assert listed("## Both", "## The API", "## Numbers of the API") == read_by("## Numbers of the API")


def test_the_gateway_reads_what_is_listed() -> None:
    assert listed("## Both", "## The gateway", "## Numbers of the gateway") == read_by("## Numbers of the gateway")


@pytest.mark.parametrize(("heading", "name", "usual", "minimum", "maximum"), NUMBERS)
def test_a_number_is_what_the_page_says(heading: str, name: str, usual: str, minimum: str, maximum: str) -> None:
    read, environment = READERS[heading]
    assert read({**environment, name: usual}) == read(environment)
    for allowed in (minimum, maximum):
        read({**environment, name: allowed})
    for refused in (float(minimum) - 0.001, float(maximum) + 1):
        with pytest.raises(InvalidSettings, match=name):
            read({**environment, name: f"{refused:.12g}"})


def test_the_example_names_nothing_else() -> None:
    names = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    known = listed(*("## Both", "## The API", "## The gateway"), *READERS)
    of_make_run = {"API_PORT", "GATEWAY_PORT", "SIMULATOR_PORT"}
    assert names - known == of_make_run
