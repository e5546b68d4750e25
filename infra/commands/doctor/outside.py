"""Calls from outside, where no answer is a finding and no failure of the doctor."""

import requests

SECONDS = 10


def get(url: str, **headers: str) -> requests.Response | None:
    """Returns None where nobody answers in time."""
    try:
        return requests.get(url, headers=headers, timeout=SECONDS)
    except requests.RequestException:
        return None


def post(url: str, body: dict[str, str]) -> requests.Response | None:
    """Posts JSON. Returns None where nobody answers in time."""
    try:
        return requests.post(url, json=body, timeout=SECONDS)
    except requests.RequestException:
        return None


def status_of(answer: requests.Response | None) -> str:
    return "nothing" if answer is None else str(answer.status_code)
