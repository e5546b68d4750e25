"""Checks the API from outside: its health, what browsers may call, and CamPay's webhook."""

import time
import uuid
from collections.abc import Iterator

import jwt
import requests

from chalicelib.settings import Settings
from infra.commands.doctor.finding import Finding, ill, well
from infra.commands.doctor.outside import SECONDS, get, post, status_of
from infra.deployment import Deployment


def check_health(api_url: str) -> Iterator[Finding]:
    answer = get(f"{api_url}/api/payment/health")
    if answer is None or answer.status_code != 200:
        yield ill(
            f"the API's health answers {status_of(answer)}",
            "look at the API's log: it names what it lacks at its start",
        )
    elif answer.json().get("status") != "healthy":
        yield ill(
            "the API cannot reach Redis: payments go on, screens are slow",
            "look at ElastiCache's events, REDIS_PASSWORD in the secret, and the security groups",
        )
    else:
        yield well(f"the API is healthy, its storage is {answer.json()['storage']}")


def check_browser_access(deployment: Deployment) -> Iterator[Finding]:
    """Makes the preflight call of a browser on the shop's page. Says nothing where nobody answers: the health does."""
    origin = deployment.frontend_url
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    try:
        answer = requests.options(f"{deployment.api_url}/api/payment/initiate", headers=headers, timeout=SECONDS)
    except requests.RequestException:
        return
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    if allowed != origin:
        yield ill(
            f"browsers on {origin} may not call the API: it allows {allowed or 'nobody'}",
            "set FRONTEND_URL to the shop's exact origin in infra/stages.py",
        )


def check_webhook(url: str, settings: Settings | None) -> Iterator[Finding]:
    """Makes CamPay's call about a payment that does not exist, which changes nothing: forged, then signed."""
    forged = post(url, {"external_reference": str(uuid.uuid4()), "signature": "forged"})
    if forged is None or forged.status_code != 401:
        yield ill(f"the webhook address answers a forged call with {status_of(forged)}, not 401", "make deploy")
        return
    if settings is None:
        return
    signature = _signature(settings.campay.webhook_keys[0])
    signed = post(url, {"external_reference": str(uuid.uuid4()), "signature": signature})
    if signed is None or signed.status_code != 200:
        yield ill(
            "the API refuses a webhook that is signed with the secret's key",
            "wait a minute and call again: the API reads a changed secret after a refusal; else see its log",
        )
    else:
        yield well(f"webhooks come through; enter this address in CamPay's dashboard: {url}")


def _signature(key: str) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now, "nbf": now, "exp": now + 3600, "source": "CamPay"}, key, algorithm="HS256")
