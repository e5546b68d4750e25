"""Tests API Gateway and the functions, but for those that take work from a queue."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnResource, Stack, assertions
from chalice.app import CloudWatchEvent

from chalicelib.adapters.campay.client import COLLECT_BUDGET_SECONDS
from chalicelib.flows.settle_payment import LOOK_SECONDS
from chalicelib.settings import Limits
from infra.functions import API, FUNCTIONS, LATE_PAYMENTS, STATEMENT, SWEEP
from infra.package import LINK_PAGE, OPERATOR_PAGE, RUNTIME, PackagingFailed, runtime_python
from infra.payments_api import INTEGRATION_TIMEOUT_MS
from infra.route_limits import NEVER_ASK_CAMPAY
from infra.stages import STAGES
from infra.statement_parts import SPLIT, split
from local.api_server import COMPRESSED_FROM_BYTES
from tests.infra.templates.synthesis import Properties, Template, Variant, plain, template_of

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

INITIATE = "/api/payment/initiate"
WEBHOOK = "/api/payment/webhook"
LEDGER_SECONDS = 0.5
"""Upper bound of what a call takes besides CamPay, in seconds."""


def function(stack: Template, resource: str) -> Properties:
    return stack.of_type("Lambda::Function")[resource]


def test_campay_answers_or_is_given_up_before_lambda_and_lambda_before_api_gateway(stack: Template) -> None:
    """In another order a customer would get a 504 while the prompt is on the phone, and its outcome would be lost."""
    timeout = function(stack, API.resource)["Timeout"]
    assert timeout - COLLECT_BUDGET_SECONDS >= 5, "the outcome has to be written down and told"
    assert timeout * 1000 <= INTEGRATION_TIMEOUT_MS
    for methods in paths(stack).values():
        for method in methods.values():
            told = method["x-amazon-apigateway-integration"].get("timeoutInMillis", INTEGRATION_TIMEOUT_MS)
            assert told >= timeout * 1000


def test_a_sweep_is_over_when_the_next_one_starts(stack: Template) -> None:
    assert function(stack, SWEEP.resource)["Timeout"] < 60


def test_the_sweep_runs_once_at_a_time_and_so_does_each_part_of_a_statement(stack: Template) -> None:
    reserved = {it: function(stack, it.resource)["ReservedConcurrentExecutions"] for it in (SWEEP, *SPLIT)}
    assert reserved == {SWEEP: 1, LATE_PAYMENTS: 6, STATEMENT: 4}


def test_a_stage_with_shards_reads_each_of_them_by_a_function(tmp_path: Path) -> None:
    stack = Stack(App(outdir=str(tmp_path)), "S")
    function = CfnResource(stack, "Statement", type="AWS::Serverless::Function")
    split(STATEMENT, function, replace(STAGES["prod"], day_shards=2), "rate(1 hour)")
    (made,) = assertions.Template.from_stack(stack).find_resources("AWS::Serverless::Function").values()
    events = made["Properties"]["Events"].values()
    assert [detail_of(event["Properties"]["Input"]) for event in events] == [
        {"daysBefore": before, "shard": shard} for before in (4, 3, 2, 1) for shard in (0, 1)
    ]
    assert made["Properties"]["ReservedConcurrentExecutions"] == 8


def test_a_sweep_that_cannot_start_does_not_queue_behind_the_running_one(stack: Template) -> None:
    """By default, Lambda would queue it for 6 hours and run all queued sweeps one after the other."""
    config = stack.one("Lambda::EventInvokeConfig")
    assert config["FunctionName"] == {"Ref": SWEEP.resource}
    assert (config["MaximumEventAgeInSeconds"], config["MaximumRetryAttempts"]) == (60, 0)


def test_the_schedules_are_those_of_the_app(stack: Template) -> None:
    schedules = [
        (plain(target["Arn"]), rule["ScheduleExpression"], target.get("Input") and detail_of(target["Input"]))
        for rule in stack.of_type("Events::Rule").values()
        for target in rule["Targets"]
        if "ScheduleExpression" in rule
    ]
    assert sorted(schedules, key=str) == sorted(
        [
            ("<SweepAliaslive>", "rate(1 minute)", None),
            *(("<LatePaymentsAliaslive>", "rate(1 hour)", {"daysBefore": number}) for number in range(-1, 5)),
            *(("<StatementAliaslive>", "cron(30 2 * * ? *)", {"daysBefore": number}) for number in (1, 2, 3, 4)),
        ],
        key=str,
    )


def detail_of(text: str) -> Any:
    """Returns what `app.py` sees of a schedule's event."""
    return CloudWatchEvent(json.loads(text), None).detail


def test_a_flood_of_all_other_calls_leaves_room_for_webhooks(stack: Template, variant: Variant) -> None:
    """While CamPay hangs, API Gateway's limits leave enough Lambda concurrency for a webhook per payment.

    Each initiate call then holds a function for its longest time, and each other call that asks CamPay for 2 s.
    """
    reserved = function(stack, API.resource)["ReservedConcurrentExecutions"]
    assert reserved == STAGES[variant.stage].api.concurrency
    assert {path for _, path in routes(stack)} >= NEVER_ASK_CAMPAY
    taken = 0.0
    for method, path in routes(stack):
        if path != WEBHOOK:
            limit = limit_of(stack, method, path)
            assert limit, f"{method} {path} can take all of it"
            taken += limit["ThrottlingRateLimit"] * longest_seconds(path) + limit["ThrottlingBurstLimit"]
    payments = limit_of(stack, "POST", INITIATE)
    assert payments
    webhooks = payments["ThrottlingRateLimit"] * longest_seconds(WEBHOOK)
    assert taken + webhooks <= reserved


def longest_seconds(path: str) -> float:
    """Returns how long a call occupies a function while CamPay hangs."""
    if path in NEVER_ASK_CAMPAY:
        return LEDGER_SECONDS
    return LEDGER_SECONDS + (COLLECT_BUDGET_SECONDS if path == INITIATE else LOOK_SECONDS)


def test_there_is_one_public_stage_and_it_has_the_limits_and_the_log(stack: Template, variant: Variant) -> None:
    """SAM once made a second stage, named `Stage`, which had no limits."""
    (stage,) = stack.of_type("ApiGateway::Stage").values()
    assert stage["StageName"] == variant.stage
    assert stage["MethodSettings"]
    assert stage["AccessLogSetting"]
    (deployment,) = stack.of_type("ApiGateway::Deployment").values()
    assert "StageName" not in deployment, "a deployment with a stage's name makes that stage"


def test_the_api_serves_the_operators_page_and_knows_the_gateway(stack: Template, variant: Variant) -> None:
    """One function alone depends on the load balancer, which depends on none: CloudFormation allows no circle."""
    variables = {it: function(stack, it.resource)["Environment"]["Variables"] for it in FUNCTIONS}
    assert variables[API]["OPERATOR_PAGE_DIR"] == OPERATOR_PAGE
    assert variables[API]["LINK_PAGE_DIR"] == LINK_PAGE
    assert [it for it, has in variables.items() if "GATEWAY_URL" in has] == [API]
    domain = STAGES[variant.stage].gateway_domain
    gateway = plain(variables[API]["GATEWAY_URL"])
    assert gateway == f"https://{domain.name}" if domain else gateway.startswith(("https://<", "http://<"))
    assert "OperatorPageUrl" in stack.outputs()
    compressed = stack.one("ApiGateway::RestApi")["MinimumCompressionSize"]
    assert compressed > 2_000, "not what customers are answered"
    assert compressed == COMPRESSED_FROM_BYTES, "a developer's machine does the same"


def test_with_a_domain_the_other_address_is_off(stack: Template, variant: Variant) -> None:
    endpoint = stack.one("ApiGateway::RestApi")["Body"].get("x-amazon-apigateway-endpoint-configuration", {})
    assert endpoint.get("disableExecuteApiEndpoint", False) is (STAGES[variant.stage].api_domain is not None)


def test_one_address_cannot_use_up_the_rate_of_initiate(stack: Template, variant: Variant) -> None:
    stage = STAGES[variant.stage]
    if not stage.has_firewall:
        assert not [it for it in stack.resources.values() if it["Type"].startswith("AWS::WAFv2")], "it costs money"
        return
    acl = stack.one("WAFv2::WebACL")
    (rule,) = acl["Rules"]
    limit = rule["Statement"]["RateBasedStatement"]
    assert (rule["Action"], acl["DefaultAction"], limit["AggregateKeyType"]) == ({"Block": {}}, {"Allow": {}}, "IP")
    minutes = limit["EvaluationWindowSec"] / 60
    assert limit["Limit"] / minutes >= 2 * Limits().address_prompts_per_minute, "the service lets so many through"
    assert limit["Limit"] / minutes / 60 <= stage.api.initiate_rate / 4, "four addresses are needed, not one"
    association = stack.one("WAFv2::WebACLAssociation")
    assert plain(association["ResourceArn"]).endswith("::/restapis/<RestAPI>/stages/<RestAPIprodStage>")


@pytest.mark.parametrize(
    ("method", "path", "is_counted"),
    [
        ("POST", INITIATE, True),
        ("POST", f"/prod{INITIATE}", True),
        ("POST", f"{INITIATE}/", True),
        ("POST", "/api/payment/%69nitiate", True),
        ("POST", "/api/payment/tracking/5f0c/give-up", True),
        ("POST", WEBHOOK, False),
        ("GET", WEBHOOK, False),
        ("GET", "/api/payment/status/order-1", False),
        ("GET", "/api/payment/tracking/5f0c", False),
    ],
)
def test_an_address_is_limited_in_what_it_posts_but_for_webhooks(
    prod: Template, method: str, path: str, is_counted: bool
) -> None:
    """Webhooks are exempt, since all of them come from CamPay's few addresses, and so is the NAT gateway's address."""
    (rule,) = prod.one("WAFv2::WebACL")["Rules"]
    assert is_met(rule["Statement"]["RateBasedStatement"]["ScopeDownStatement"], method, path) is is_counted


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tmp_path_factory, Variant("prod", cluster=False))


def is_met(statement: Properties, method: str, path: str) -> bool:
    """Evaluates a WAF statement for a request."""
    match statement:
        case {"AndStatement": {"Statements": parts}}:
            return all(is_met(part, method, path) for part in parts)
        case {"NotStatement": {"Statement": part}}:
            return not is_met(part, method, path)
        case {"ByteMatchStatement": match}:
            value = method if "Method" in match["FieldToMatch"] else path
            assert [it["Type"] for it in match["TextTransformations"]] == ["NONE"]
            if match["PositionalConstraint"] == "EXACTLY":
                return bool(value == match["SearchString"])
            if match["PositionalConstraint"] == "ENDS_WITH":
                return value.endswith(str(match["SearchString"]))
    raise NotImplementedError(statement)


def test_the_firewall_answers_with_a_rate_limit_problem(stack: Template) -> None:
    """A 403 `invalid_token` would make the page stop following an active payment."""
    response = responses(stack)["WAF_FILTERED"]
    problem = json.loads(response["responseTemplates"]["application/json"])
    assert (response["statusCode"], problem["code"], problem["retryable"]) == ("429", "address_limit", True)
    assert int(response["responseParameters"]["gatewayresponse.header.Retry-After"].strip("'")) >= 30


def test_the_functions_runtime_is_pinned_and_no_other_python_makes_their_bytecode(stack: Template) -> None:
    assert {function(stack, it.resource)["Runtime"] for it in FUNCTIONS} == {RUNTIME}
    with pytest.raises(PackagingFailed, match=r"^packaging needs python3\.99, the functions' runtime, on the PATH"):
        runtime_python("python3.99")


def paths(stack: Template) -> Mapping[str, Properties]:
    found: Mapping[str, Properties] = stack.one("ApiGateway::RestApi")["Body"]["paths"]
    return found


def routes(stack: Template) -> Iterator[tuple[str, str]]:
    """Yields the routes that invoke a function: API Gateway answers OPTIONS itself."""
    for path, methods in paths(stack).items():
        for method, operation in methods.items():
            if operation["x-amazon-apigateway-integration"]["type"] != "mock":
                yield method.upper(), path


def limit_of(stack: Template, method: str, path: str) -> Properties | None:
    settings = stack.one("ApiGateway::Stage")["MethodSettings"]
    found = [it for it in settings if (it["HttpMethod"], it["ResourcePath"]) == (method, "/" + path.replace("/", "~1"))]
    return found[0] if found else None


def test_public_routes_are_limited_and_the_webhook_is_not(stack: Template) -> None:
    """The sweep recovers a lost webhook, but late; a flood of other calls must not cause that."""
    limited = {(method, path) for method, path in routes(stack) if limit_of(stack, method, path)}
    assert set(routes(stack)) - limited == {("GET", WEBHOOK), ("POST", WEBHOOK)}
    for it in stack.one("ApiGateway::Stage")["MethodSettings"]:
        assert (it["HttpMethod"], it["ResourcePath"][1:].replace("~1", "/")) in limited, "it limits no route"
        assert it["ThrottlingBurstLimit"] >= it["ThrottlingRateLimit"] > 0


def responses(stack: Template) -> Mapping[str, Properties]:
    body = stack.one("ApiGateway::RestApi")["Body"]
    found: Mapping[str, Properties] = body["x-amazon-apigateway-gateway-responses"]
    return found


def test_a_browser_can_read_what_api_gateway_answers_by_itself(stack: Template, variant: Variant) -> None:
    """Without CORS headers the page sees a network error, and the customer may pay again."""
    told = responses(stack)
    assert {
        "UNAUTHORIZED",
        "ACCESS_DENIED",
        "MISSING_AUTHENTICATION_TOKEN",
        "DEFAULT_4XX",
        "DEFAULT_5XX",
    } <= told.keys()
    assert {"401", "403", "404", "413", "429", "500", "504"} <= {it["statusCode"] for it in told.values()}
    for response in told.values():
        headers = response["responseParameters"]
        origin = headers["gatewayresponse.header.Access-Control-Allow-Origin"]
        assert origin == f"'{STAGES[variant.stage].frontend_url}'"
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert headers["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"
        assert headers["gatewayresponse.header.Strict-Transport-Security"].startswith("'max-age=31536000;")


def test_api_gateways_own_answers_are_problems_like_the_apis(stack: Template) -> None:
    for name, response in responses(stack).items():
        problem = json.loads(response["responseTemplates"]["application/json"])
        assert problem["status"] == int(response["statusCode"]), name
        assert problem.keys() == {"type", "title", "status", "code", "detail", "retryable"}
        assert "$" not in problem["detail"], "it would be taken for a variable of the template"


def test_no_gateway_response_calls_a_payment_failed_that_may_have_been_made(stack: Template) -> None:
    for name in ("INTEGRATION_TIMEOUT", "INTEGRATION_FAILURE", "DEFAULT_5XX"):
        detail = json.loads(responses(stack)[name]["responseTemplates"]["application/json"])["detail"]
        assert "Ne payez pas une seconde fois" in detail


def test_a_throttled_caller_gets_a_retry_after(stack: Template) -> None:
    assert responses(stack)["THROTTLED"]["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"


def test_the_preflight_allows_the_shops_origin_alone(stack: Template, variant: Variant) -> None:
    for path in (INITIATE, "/api/payment/status/{order_id}", "/api/payment/tracking/{reference}/give-up"):
        told = paths(stack)[path]["options"]["x-amazon-apigateway-integration"]["responses"]["default"][
            "responseParameters"
        ]
        allowed = told["method.response.header.Access-Control-Allow-Origin"]
        assert allowed == f"'{STAGES[variant.stage].frontend_url}'"
    assert "options" not in paths(stack)[WEBHOOK]


def test_the_access_log_has_nothing_that_a_caller_wrote(stack: Template) -> None:
    """The query of a GET webhook has a signature and a phone number, and paths have order numbers."""
    line = json.loads(stack.one("ApiGateway::Stage")["AccessLogSetting"]["Format"])
    assert set(line.values()) == {
        "$context.requestId",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.responseLatency",
        "$context.error.responseType",
    }
    settings = stack.one("ApiGateway::Stage")["MethodSettings"]
    assert not any(it.get("DataTraceEnabled") or it.get("LoggingLevel") for it in settings)


def test_each_function_has_a_role_of_its_own(stack: Template) -> None:
    assert len({plain(function(stack, it.resource)["Role"]) for it in FUNCTIONS}) == len(FUNCTIONS)


def test_a_functions_code_cannot_touch_the_network_that_it_is_put_into(stack: Template) -> None:
    denied = [
        statement
        for policy in stack.of_type("IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert len(denied) == len(FUNCTIONS)
    for statement in denied:
        assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_the_functions_run_where_they_cannot_be_reached_and_call_out_by_https_alone(stack: Template) -> None:
    for it in FUNCTIONS:
        where = function(stack, it.resource)["VpcConfig"]
        assert len(where["SubnetIds"]) == 2, "two zones"
        (group,) = (reference["Fn::GetAtt"][0] for reference in where["SecurityGroupIds"])
        rules = stack.of_type("EC2::SecurityGroup")[group]
        assert "SecurityGroupIngress" not in rules
        assert [(rule["FromPort"], rule["ToPort"]) for rule in rules["SecurityGroupEgress"]] == [(443, 443)]
    subnets = stack.of_type("EC2::Subnet").values()
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)


def test_each_function_writes_to_the_log_that_the_alarms_read(stack: Template) -> None:
    for it in FUNCTIONS:
        properties = function(stack, it.resource)
        assert properties["Architectures"] == ["arm64"]
        assert plain(properties["LoggingConfig"]["LogGroup"]).startswith(f"<Api{it.name}Log")
        assert properties["LoggingConfig"]["LogFormat"] == "JSON"


def test_a_domain_of_its_own_waits_for_the_stage_that_it_points_to(stack: Template, variant: Variant) -> None:
    domain = STAGES[variant.stage].api_domain
    if domain is None:
        return
    assert stack.one("ApiGateway::DomainName")["SecurityPolicy"] == "TLS_1_2"
    assert stack.one("ApiGateway::BasePathMapping")["Stage"] == {"Ref": f"RestAPI{variant.stage}Stage"}
    assert "ApiTarget" in stack.outputs()
