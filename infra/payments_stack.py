"""Composes the stack of a stage of its parts, each of which has a file of its own."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.alarms import Alarms
from infra.dashboard import Dashboard
from infra.deployment import FUNCTIONS
from infra.gateway import PORT, Gateway
from infra.ledger_table import LedgerTable
from infra.network import Network
from infra.order_events import OrderEvents
from infra.package import Package
from infra.payments_api import PaymentsApi
from infra.redis_group import RedisGroup
from infra.stages import Stage
from infra.work_queues import WorkQueues


class PaymentsStack(Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        stage: Stage,
        *,
        package: Package,
        secret: secretsmanager.ISecret,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"BraidSter Payments, {stage.name}",
            termination_protection=stage.moves_money,
        )
        network = Network(self, "Network", stage)
        ledger = LedgerTable(self, "Ledger", stage)
        redis = RedisGroup(self, "Redis", stage, network, secret)
        queues = WorkQueues(self, "Work")
        order_events = OrderEvents(self, "OrderEvents", stage, queues)
        both = {
            "FRONTEND_URL": stage.frontend_url,
            "SECRETS_ID": secret.secret_arn,
            "METRICS_NAMESPACE": stage.full_name,
            **redis.environment(stage),
        }
        api = PaymentsApi(
            self,
            "Api",
            stage,
            package=package,
            network=network,
            table=ledger.in_use,
            bus=order_events.bus,
            secret=secret,
            queues=queues,
            environment={
                **both,
                **queues.environment(),
                "CAMPAY_API_URL": stage.campay_api_url,
                "PAYMENTS_TABLE": ledger.in_use.table_name,
                "EVENT_BUS": order_events.bus.event_bus_name,
                **stage.environment,
            },
        )
        proxies = 2 if stage.cloudfront_addresses else 1  # the load balancer, and CloudFront before it
        gateway = Gateway(
            self,
            "Gateway",
            stage,
            network=network,
            secret=secret,
            environment={
                **both,
                **stage.gateway.environment,
                "API_URL": api.url,
                "PORT": str(PORT),
                "TRUSTED_PROXIES": str(proxies),
                "AWS_DEFAULT_REGION": self.region,  # boto3 asks for it, and Fargate does not promise it
            },
        )
        api.tell_where_the_gateway_is(gateway.url)
        alarms = Alarms(self, "Alarms", stage, api=api, gateway=gateway, redis=redis, queues=queues)
        api.shift_traffic(brakes=[alarms.by_page["api-5xx"]])
        Dashboard(
            self,
            "Dashboard",
            stage,
            alarms=alarms,
            api=api,
            gateway=gateway,
            table=ledger.in_use,
            redis=redis,
            queues=queues,
        )

        outputs = {
            "FrontendUrl": stage.frontend_url,
            "GatewayUrl": gateway.url,
            "GatewayTarget": gateway.target,
            "CampayApiUrl": stage.campay_api_url,
            FUNCTIONS: ",".join(api.function_names),
            "PaymentsTable": ledger.in_use.table_name,
            "AlarmTopic": alarms.topic.topic_arn,
            **api.outputs(),
            **order_events.outputs(),
            **queues.outputs(),
        }
        self._write_outputs(outputs)

    def _write_outputs(self, outputs: Mapping[str, str]) -> None:
        """Writes what the commands of `infra/commands` and a person look up about the stack."""
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
