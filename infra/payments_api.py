"""Creates the Lambda functions and the API Gateway that chalice makes of `app.py`, and sets what chalice cannot."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, CfnResource, RemovalPolicy, Token
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import live_alias
from infra.acknowledged import acknowledge
from infra.firewall import Firewall
from infra.functions import API, FUNCTIONS, SWEEP, Function, Work
from infra.gateway_responses import gateway_responses
from infra.ledger_table import changes_event
from infra.log_groups import log_group
from infra.network import Network
from infra.package import Package
from infra.packaged_chalice import PackagedChalice
from infra.release import release_of
from infra.roles import function_role
from infra.route_limits import route_limits
from infra.stages import Stage
from infra.statement_parts import SPLIT, split
from infra.work_queues import WorkQueues

INTEGRATION_TIMEOUT_MS = 29_000
"""API Gateway's maximum."""
_ONE_MINUTE = 60
_COMPRESSED_FROM_BYTES = 10_000
"""The operators' page and long lists; an answer to a customer is shorter."""
_DOMAIN = "ApiGatewayCustomDomain"
_PERMISSION = "APIHandlerInvokePermission"
_ACCOUNT_POLICY = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_ACCESS_LINE = {
    "requestId": "$context.requestId",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "error": "$context.error.responseType",
}
"""A line of the access log: the route's template and nothing that a caller wrote. A webhook by GET has a signature and
a phone number in its query, and order numbers stand in paths."""


class PaymentsApi(Construct):
    """The API and its functions.

    `url`: the part before `/api/payment`. `target`: where the API's own domain has to point. `logs`: function name ->
    log group.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        stage: Stage,
        *,
        package: Package,
        network: Network,
        table: dynamodb.ITable,
        bus: events.EventBus,
        secret: secretsmanager.ISecret,
        queues: WorkQueues,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        work = network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
        settings: dict[str, Any] = {
            "manage_iam_role": False,
            "iam_role_arn": "each-function-has-its-own",
            "lambda_architecture": "arm64",
            "api_gateway_endpoint_type": "REGIONAL",
            "subnet_ids": work.subnet_ids,
            "security_group_ids": [network.api.security_group_id],
            "environment_variables": dict(environment),
        }
        if stage.api_domain:
            settings["api_gateway_custom_domain"] = {
                "domain_name": stage.api_domain.name,
                "certificate_arn": stage.api_domain.certificate_arn,
            }
        self._chalice = PackagedChalice(
            self,
            "Chalice",
            package=package,
            stage=stage.name,
            settings=settings,
            frontend_url=stage.frontend_url,
        )
        self.logs = {function.name: log_group(self, f"{function.name}Log", stage) for function in FUNCTIONS}
        release = release_of(stage, package)
        for function in FUNCTIONS:
            log = self.logs[function.name]
            role = function_role(self, function, log=log, table=table, bus=bus, secret=secret, queues=queues)
            self._complete(function, role, package.runtime)
            live_alias.publish(self._resource(function), release)
            if function.takes:
                self._invoke_with_work(function, function.takes, queues, stage)
            if function.follows:
                self._resource(function).add_property_override("Events.Changes", changes_event(table))
            if function in SPLIT:
                split(function, self._resource(function), stage, self._chalice.schedule_of(function.resource))
        # What is kept for a function is kept from all else: neither a busy neighbour in the account nor one of the
        # others can take it. The sweep has one, of .chalice/config.json, and so has each part of a statement: none runs
        # twice at once. The rollups have as many as the stream of a new table has shards.
        self._resource(API).add_property_override("ReservedConcurrentExecutions", stage.api.concurrency)
        # A sweep that could not start within a minute is replaced by the next one, and must not queue behind it.
        self._resource(SWEEP).add_property_override(
            "EventInvokeConfig", {"MaximumEventAgeInSeconds": _ONE_MINUTE, "MaximumRetryAttempts": 0}
        )
        self._complete_rest_api(stage)
        live_alias.invoke_alias(self._in_template(_PERMISSION), self._resource(API))
        self._stage = stage
        host = f"{self._rest_api.ref}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}"
        self.url = f"https://{stage.api_domain.name}" if stage.api_domain else f"https://{host}/{stage.name}"
        self.target: str | None = None
        if stage.api_domain:
            self.target = Token.as_string(self._in_template(_DOMAIN).get_att("RegionalDomainName"))

    def outputs(self) -> dict[str, str]:
        """Returns the stack's outputs about the API's addresses."""
        target = {"ApiTarget": self.target} if self.target else {}
        page = {"OperatorPageUrl": f"{self.url}/operator"} if self._stage.has_operator_page else {}
        return {"ApiUrl": self.url, "WebhookUrl": f"{self.url}/api/payment/webhook", **page, **target}

    def metric(self, name: str, **options: Any) -> cloudwatch.Metric:
        """Returns a metric of API Gateway, such as 5XXError."""
        dimensions = {"ApiName": self._stage.full_name, "Stage": self._stage.name}
        return cloudwatch.Metric(namespace="AWS/ApiGateway", metric_name=name, dimensions_map=dimensions, **options)

    def function_metric(self, function: Function, name: str, **options: Any) -> cloudwatch.Metric:
        """Returns a metric of Lambda, such as Errors."""
        dimensions = {"FunctionName": self._resource(function).ref}
        return cloudwatch.Metric(namespace="AWS/Lambda", metric_name=name, dimensions_map=dimensions, **options)

    @property
    def function_names(self) -> list[str]:
        return [self._resource(function).ref for function in FUNCTIONS]

    def tell_where_the_gateway_is(self, url: str) -> None:
        """Tells the API's function, which tells the operators' page."""
        self._resource(API).add_property_override("Environment.Variables.GATEWAY_URL", url)

    def shift_traffic(self, brakes: Sequence[cloudwatch.Alarm]) -> None:
        """Makes a deployment move the API's traffic step by step, and back when one of the alarms rings."""
        live_alias.TrafficShift(self, "Shift", self._resource(API), pace=self._stage.traffic_shift, brakes=brakes)

    @property
    def _rest_api(self) -> CfnResource:
        return self._in_template("RestAPI")

    def _resource(self, function: Function) -> CfnResource:
        return self._in_template(function.resource)

    def _in_template(self, resource: str) -> CfnResource:
        found: CfnResource = self._chalice.get_resource(resource)
        return found

    def _complete(self, function: Function, role: iam.Role, runtime: str) -> None:
        resource = self._resource(function)
        resource.add_property_override("Role", role.role_arn)
        resource.add_property_override("Runtime", runtime)  # of the bytecode in the zip
        log = {"LogGroup": self.logs[function.name].log_group_name, "LogFormat": "JSON"}  # Lambda's own lines too
        resource.add_property_override("LoggingConfig", log)
        # Lambda puts the function into the VPC when it creates it: what the role may do must be there by then.
        resource.node.add_dependency(role.node.find_child("Policy"))

    def _invoke_with_work(self, function: Function, work: Work, queues: WorkQueues, stage: Stage) -> None:
        resource, concurrency = self._resource(function), stage.work.of(work)
        resource.add_property_override("Events.Work", queues.event(work, concurrency))
        # As many as the queue may invoke: with fewer, Lambda would take batches that it cannot invoke anything with.
        resource.add_property_override("ReservedConcurrentExecutions", concurrency)

    def _complete_rest_api(self, stage: Stage) -> None:
        api = self._rest_api
        api.add_property_override("Name", stage.full_name)
        # Without it SAM makes a second public stage, named `Stage`, that has no limits and no access log.
        api.add_property_override("OpenApiVersion", "2.0")
        api.add_property_override("MinimumCompressionSize", _COMPRESSED_FROM_BYTES)
        definition = "DefinitionBody"
        responses = gateway_responses(stage.frontend_url)
        api.add_property_override(f"{definition}.x-amazon-apigateway-gateway-responses", responses)
        api.add_property_override("MethodSettings", route_limits(stage))
        if stage.api_domain:
            # The other address would pass by whatever is put before the domain.
            api.add_property_override("DisableExecuteApiEndpoint", True)
        if stage.has_firewall:
            Firewall(self, "Firewall", stage)
        access = log_group(self, "AccessLog", stage)
        api.add_property_override(
            "AccessLogSetting", {"DestinationArn": access.log_group_arn, "Format": json.dumps(_ACCESS_LINE)}
        )
        api.add_resource_dependency(self._account())
        if stage.api_domain:
            # Chalice refers to the stage by name, which is no dependency: a Ref makes CloudFormation create it first.
            mapping = self._in_template(f"{_DOMAIN}Mapping")
            mapping.add_property_override("Stage", {"Ref": "RestAPI.Stage"})
            acknowledge(
                mapping,
                "CloudFormation-Validate::F1020",
                "SAM's own name for the stage that it makes; cfn-lint knows it",
            )

    def _account(self) -> apigateway.CfnAccount:
        """Sets the role with which API Gateway writes access logs, for the account in this region.

        It is retained when a stage is deleted, since the other stage's logs need it too.
        """
        role = iam.Role(
            self,
            "ApiGatewayLogs",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_ACCOUNT_POLICY)],
        )
        role.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        acknowledge(
            role,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_ACCOUNT_POLICY}]",
            "API Gateway takes an account's role only where it may do all that this policy says",
        )
        account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        account.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        return account
