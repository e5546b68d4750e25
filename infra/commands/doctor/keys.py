"""Checks the stage's secret, and what its keys open."""

from collections.abc import Generator, Iterator

from chalicelib.adapters.campay.client import Campay
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.runtime.clock import Clock
from chalicelib.runtime.settings_reader import InvalidSettings
from chalicelib.settings import CampaySettings, Settings, read_settings
from infra.commands.doctor.finding import Finding, ill, well
from infra.deployment import Deployment
from infra.stages import Stage

_PRODUCTION_HOST = "https://www.campay.net/api"


def check_secret(deployment: Deployment, stage: Stage | None) -> Generator[Finding, None, Settings | None]:
    """Reads the secret exactly as the API does, so that what the API would refuse is refused here.

    `stage`: what infra/stages.py says of it; None where it has none such. Returns the settings that the secret makes,
    None where they are refused.
    """
    settings = None
    try:
        settings = read_settings(_environment(deployment, stage))
    except InvalidSettings as error:
        yield ill(f"the secrets are not complete: {error}", f"python -m infra.commands.fill_secret {deployment.stage}")
    else:
        yield well("all secrets are there, long enough, each for one purpose")
    if deployment.is_to_move_money and deployment.campay_api_url != _PRODUCTION_HOST:
        yield ill(
            f"production talks to {deployment.campay_api_url}",
            f"set CamPay's address of {deployment.stage} to {_PRODUCTION_HOST} in infra/stages.py",
        )
    if stage and stage.prompts_paused:
        yield ill(
            "prompts are paused: no payment starts, and nothing is paid back",
            "once the ledger is whole, take prompts_paused out of infra/stages.py and deploy (docs/operations.md)",
        )
    if settings:
        yield well(f"refunds are {'on: operators who may act pay charges back' if settings.refunds else 'off'}")
    return settings


def _environment(deployment: Deployment, stage: Stage | None) -> dict[str, str]:
    return {
        **(stage.environment if stage else {}),
        "SECRETS_ID": deployment.secrets_id,
        "CAMPAY_API_URL": deployment.campay_api_url,
        "FRONTEND_URL": deployment.frontend_url,
        "REDIS_HOST": "known-to-the-stack",
        "PAYMENTS_TABLE": deployment.table,
        "EVENT_BUS": deployment.event_bus,
        "CHECKS_QUEUE_URL": deployment.checks_queue,
        "DELIVERIES_QUEUE_URL": deployment.deliveries_queue,
        "SHOP_QUEUE_URL": deployment.shop_queue,
    }


def check_campay(settings: CampaySettings) -> Iterator[Finding]:
    """Asks CamPay for the balance, which needs its credentials and moves nothing."""
    client = Campay(settings, Clock())
    try:
        balance = client.balance()
    except ProviderUnavailable as error:
        yield ill(
            f"CamPay does not let us in ({error.detail})",
            "check CAMPAY_PERMANENT_ACCESS_TOKEN, or CAMPAY_USERNAME and CAMPAY_APP_PASSWORD, in the secret: "
            "those of the demo host and of the production host are different",
        )
    else:
        yield well(f"CamPay's credentials are valid; the balance is {balance.to_decimal()} {balance.currency}")
    finally:
        client.close()
