"""API Gateway and the three functions behind it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib import reconcile_payments
from chalicelib.campay import COLLECT_BUDGET_SECONDS
from infra.api import API, FUNCTIONS, INTEGRATION_TIMEOUT_MS, STATEMENT, SWEEP
from infra.stages import STAGES
from tests.infra.synthesis import Properties, Template, Variant, plain

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

WEBHOOK = "/api/payment/webhook"


def function(stack: Template, resource: str) -> Properties:
    return stack.of_type("Serverless::Function")[resource]


def test_campay_answers_or_is_given_up_before_lambda_and_lambda_before_api_gateway(stack: Template) -> None:
    """Or a customer gets a 504 while the prompt is on the phone, and nobody writes down how it went."""
    timeout = function(stack, API.resource)["Timeout"]
    assert timeout - COLLECT_BUDGET_SECONDS >= 5, "the outcome has to be written down and told"
    assert timeout * 1000 <= INTEGRATION_TIMEOUT_MS
    for methods in stack.one("Serverless::Api")["DefinitionBody"]["paths"].values():
        for method in methods.values():
            told = method["x-amazon-apigateway-integration"].get("timeoutInMillis", INTEGRATION_TIMEOUT_MS)
            assert told >= timeout * 1000


def test_a_sweep_has_time_to_end_what_it_began(stack: Template) -> None:
    """It ticks for just under a minute and then still waits for CamPay."""
    assert function(stack, SWEEP.resource)["Timeout"] > reconcile_payments.RUN_SECONDS + COLLECT_BUDGET_SECONDS


def test_one_sweep_and_one_statement_at_a_time(stack: Template) -> None:
    for it in (SWEEP, STATEMENT):
        assert function(stack, it.resource)["ReservedConcurrentExecutions"] == 1


def test_a_sweep_that_cannot_start_does_not_queue_behind_the_running_one(stack: Template) -> None:
    """Lambda would keep it for 6 hours and start all of them one after the other."""
    assert function(stack, SWEEP.resource)["EventInvokeConfig"] == {
        "MaximumEventAgeInSeconds": 60,
        "MaximumRetryAttempts": 0,
    }


def test_the_schedules_are_those_of_the_app(stack: Template) -> None:
    schedules = {
        it.name: [event["Properties"]["Schedule"] for event in function(stack, it.resource)["Events"].values()]
        for it in (SWEEP, STATEMENT)
    }
    assert schedules == {"Sweep": ["rate(1 minute)"], "Statement": ["cron(30 2 * * ? *)"]}


def test_a_flood_of_payments_leaves_room_for_webhooks(stack: Template, variant: Variant) -> None:
    """Where CamPay hangs, each call of initiate holds a Lambda for as long as it may: all that API Gateway lets through
    take half of what is reserved.
    """
    reserved = function(stack, API.resource)["ReservedConcurrentExecutions"]
    assert reserved == STAGES[variant.stage].api.concurrency
    assert limits(stack)["/api/payment/initiate"]["ThrottlingRateLimit"] * COLLECT_BUDGET_SECONDS <= reserved / 2


def limits(stack: Template) -> Mapping[str, Properties]:
    settings = stack.one("Serverless::Api")["MethodSettings"]
    return {it["ResourcePath"][1:].replace("~1", "/"): it for it in settings}


def test_what_strangers_call_is_limited_and_the_webhook_is_not(stack: Template) -> None:
    """A lost webhook is made good, but late; nobody else may cause that."""
    assert limits(stack).keys() == {
        "/api/payment/initiate",
        "/api/payment/status/{order_id}",
        "/api/payment/tracking/{reference}",
        "/api/payment/tracking/{reference}/give-up",
    }
    paths = stack.one("Serverless::Api")["DefinitionBody"]["paths"]
    for path, limit in limits(stack).items():
        assert limit["HttpMethod"].lower() in paths[path], "a limit on a route that does not exist limits nothing"
        assert limit["ThrottlingBurstLimit"] >= limit["ThrottlingRateLimit"] > 0
    assert {"get", "post"} <= paths[WEBHOOK].keys()


def responses(stack: Template) -> Mapping[str, Properties]:
    found: Mapping[str, Properties] = stack.one("Serverless::Api")["DefinitionBody"][
        "x-amazon-apigateway-gateway-responses"
    ]
    return found


def test_a_browser_can_read_what_api_gateway_answers_by_itself(stack: Template, variant: Variant) -> None:
    """Without CORS the page sees a network error, and a customer pays again."""
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


def test_what_api_gateway_answers_is_a_problem_as_the_api_tells_it(stack: Template) -> None:
    for name, response in responses(stack).items():
        problem = json.loads(response["responseTemplates"]["application/json"])
        assert problem["status"] == int(response["statusCode"]), name
        assert problem.keys() == {"type", "title", "status", "code", "detail", "retryable"}
        assert "$" not in problem["detail"], "it would be taken for a variable of the template"


def test_nobody_is_told_that_a_payment_failed_that_may_have_been_made(stack: Template) -> None:
    for name in ("INTEGRATION_TIMEOUT", "INTEGRATION_FAILURE", "DEFAULT_5XX"):
        detail = json.loads(responses(stack)[name]["responseTemplates"]["application/json"])["detail"]
        assert "Ne payez pas une seconde fois" in detail


def test_a_throttled_caller_is_told_when_to_come_back(stack: Template) -> None:
    assert responses(stack)["THROTTLED"]["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"


def test_the_preflight_allows_the_shops_origin_alone(stack: Template, variant: Variant) -> None:
    paths = stack.one("Serverless::Api")["DefinitionBody"]["paths"]
    for path in ("/api/payment/initiate", "/api/payment/status/{order_id}", "/api/payment/tracking/{reference}"):
        told = paths[path]["options"]["x-amazon-apigateway-integration"]["responses"]["default"]["responseParameters"]
        allowed = told["method.response.header.Access-Control-Allow-Origin"]
        assert allowed == f"'{STAGES[variant.stage].frontend_url}'"
    assert "options" not in paths[WEBHOOK]


def test_the_access_log_has_nothing_that_a_caller_wrote(stack: Template) -> None:
    """A webhook by GET has its signature and a phone number in the query; paths have order numbers."""
    line = json.loads(stack.one("Serverless::Api")["AccessLogSetting"]["Format"])
    assert set(line.values()) == {
        "$context.requestId",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.responseLatency",
        "$context.error.responseType",
    }
    assert not any(it.get("DataTraceEnabled") or it.get("LoggingLevel") for it in limits(stack).values())


def test_each_function_has_a_role_of_its_own_for_the_indexes_that_it_queries(stack: Template) -> None:
    roles = {it.name: plain(function(stack, it.resource)["Role"]) for it in FUNCTIONS}
    assert len(set(roles.values())) == 3
    queried = {}
    for policy in stack.of_type("IAM::Policy").values():
        (role,) = policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement.get("Sid") == "LedgerIndexes":
                resources: Any = statement["Resource"]
                arns = [plain(it) for it in (resources if isinstance(resources, list) else [resources])]
                queried[f"<{role['Ref']}>"] = {arn.rpartition("/")[2] for arn in arns}
    assert queried == {roles["Sweep"]: {"due", "undelivered"}, roles["Statement"]: {"day"}}


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
    assert stack.one("ApiGateway::BasePathMapping")["Stage"] == {"Ref": "RestAPI.Stage"}
    assert "ApiTarget" in stack.outputs()
