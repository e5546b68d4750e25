"""Tests the Socket.IO gateway on Fargate, and the order of its time-outs at a deployment."""

from dataclasses import replace
from fnmatch import fnmatch

import pytest

from infra.stages import STAGES
from socket_gateway.settings import Bounds, Timing
from tests import ROOT
from tests.infra.templates.synthesis import Properties, Template, Variant

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

PING_SECONDS = 25 + 20
"""Engine.IO's default interval and time-out: the longest silence between a browser and the gateway."""
SPOT_NOTICE_SECONDS = 120
"""Between AWS's notice to a container on Spot, which is a SIGTERM, and its end."""
CACHING_DISABLED, ALL_VIEWER = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "216adef6-5c7f-47e4-b989-5492eafa07d3"
"""AWS's own policies, by the ids that they have everywhere."""


def container(stack: Template) -> Properties:
    (only,) = stack.one("ECS::TaskDefinition")["ContainerDefinitions"]
    properties: Properties = only
    return properties


def attributes(properties: Properties, name: str) -> dict[str, str]:
    return {entry["Key"]: entry["Value"] for entry in properties[name]}


def test_it_closes_its_connections_before_the_balancer_does_and_ends_before_it_is_killed(stack: Template) -> None:
    """In another order, each deployment would disconnect browsers during payments."""
    timing = Timing()
    targets = attributes(stack.one("ElasticLoadBalancingV2::TargetGroup"), "TargetGroupAttributes")
    deregistration = int(targets["deregistration_delay.timeout_seconds"])
    assert timing.drain_accept_seconds + timing.drain_close_seconds < deregistration == 90
    assert deregistration < container(stack)["StopTimeout"] == 120


def test_a_dead_gateway_soon_gets_no_browsers(stack: Template) -> None:
    targets = stack.one("ElasticLoadBalancingV2::TargetGroup")
    assert targets["HealthCheckIntervalSeconds"] * targets["UnhealthyThresholdCount"] <= 20


def test_a_gateway_that_leaves_accepts_until_every_part_of_the_balancer_knows(stack: Template) -> None:
    """ECS deregisters it at the balancer, whose nodes learn of it within seconds."""
    assert container(stack)["StopTimeout"] > Timing().drain_accept_seconds >= 10


def test_a_browser_that_waits_is_not_cut_off(stack: Template) -> None:
    balancer = attributes(stack.one("ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
    assert int(balancer["idle_timeout.timeout_seconds"]) == 120 > PING_SECONDS
    assert Timing().keep_alive_seconds > 120, "the balancer would send into connections that the gateway closes"
    assert balancer["routing.http.drop_invalid_header_fields.enabled"] == "true"


def test_long_polling_comes_back_to_the_container_that_knows_it(stack: Template) -> None:
    targets = attributes(stack.one("ElasticLoadBalancingV2::TargetGroup"), "TargetGroupAttributes")
    assert targets["stickiness.enabled"] == "true"
    assert targets["stickiness.type"] == "lb_cookie"


def test_only_a_dead_gateway_is_replaced(stack: Template) -> None:
    """With a readiness check, an outage of Redis of 20 s would make ECS replace every gateway."""
    assert stack.one("ElasticLoadBalancingV2::TargetGroup")["HealthCheckPath"] == "/healthz"
    check = container(stack)["HealthCheck"]
    assert "/healthz" in check["Command"][-1]
    compile(check["Command"][-1], "health check", "exec")


def test_the_container_can_do_nothing_but_serve(stack: Template) -> None:
    it = container(stack)
    assert it["ReadonlyRootFilesystem"] is True
    assert it["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert not it["User"].startswith(("0", "root"))
    assert f"USER {it['User']}" in (ROOT / "socket_gateway" / "Dockerfile").read_text(encoding="utf-8")
    assert "Secrets" not in it, "a secret in the environment would be shown by whoever describes the task"


def test_it_may_open_as_many_sockets_as_it_takes_browsers(stack: Template) -> None:
    (limit,) = container(stack)["Ulimits"]
    assert limit["SoftLimit"] > Bounds().max_connections > 2 * Bounds().max_sockets


def test_browsers_speak_tls_wherever_money_moves(stack: Template, variant: Variant) -> None:
    listeners = list(stack.of_type("ElasticLoadBalancingV2::Listener").values())
    stage = STAGES[variant.stage]
    if stage.cloudfront_addresses:
        front = stack.one("CloudFront::Distribution")["DistributionConfig"]
        assert front["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
        return
    if stage.gateway_domain is None:
        assert not stage.moves_money
        return
    for listener in listeners:
        (action,) = listener["DefaultActions"]
        if listener["Protocol"] == "HTTPS":
            assert "TLS13" in listener["SslPolicy"]
            assert listener["Certificates"]
        else:
            assert action["Type"] == "redirect"
            assert action["RedirectConfig"]["Protocol"] == "HTTPS"


def test_it_has_no_public_address_and_is_reached_through_the_balancer_alone(stack: Template) -> None:
    network = stack.one("ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    (group,) = (it["Fn::GetAtt"][0] for it in network["SecurityGroups"])
    assert "SecurityGroupIngress" not in stack.of_type("EC2::SecurityGroup")[group]


def test_a_failing_deployment_goes_back_and_never_takes_the_old_ones_first(stack: Template) -> None:
    deployment = stack.one("ECS::Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["MinimumHealthyPercent"] == 100


def test_it_grows_with_processor_time_and_with_browsers(stack: Template, variant: Variant) -> None:
    size = STAGES[variant.stage].gateway
    target = stack.one("ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (size.minimum, size.maximum)
    kinds = {it["PolicyType"] for it in stack.of_type("ApplicationAutoScaling::ScalingPolicy").values()}
    assert kinds == {"TargetTrackingScaling", "StepScaling"}
    assert size.connections < Bounds().max_sockets, "another one is started before readiness fails"


def test_it_runs_a_process_for_each_processor(stack: Template, variant: Variant) -> None:
    size = STAGES[variant.stage].gateway
    variables = {it["Name"]: it["Value"] for it in container(stack)["Environment"]}
    assert variables.get("GATEWAY_PROCESSES") == size.environment.get("GATEWAY_PROCESSES")


@pytest.mark.parametrize(("cpu", "processes"), [(256, None), (1024, None), (2048, "2"), (16384, "16")])
def test_a_processor_is_1024_units(cpu: int, processes: str | None) -> None:
    assert replace(STAGES["prod"].gateway, cpu=cpu).environment.get("GATEWAY_PROCESSES") == processes


def test_a_deployment_leaves_the_number_of_gateways_to_auto_scaling(stack: Template) -> None:
    assert "DesiredCount" not in stack.one("ECS::Service")


@pytest.mark.parametrize(
    ("path", "is_public"),
    [("/socket.io/", True), ("/metrics", False), ("/readyz", False), ("/healthz", False), ("/", False)],
)
def test_the_internet_reaches_socket_io_and_nothing_else(stack: Template, path: str, is_public: bool) -> None:
    rules = list(stack.of_type("ElasticLoadBalancingV2::ListenerRule").values())
    patterns = [each for rule in rules for each in rule["Conditions"][0]["PathPatternConfig"]["Values"]]
    assert any(fnmatch(path, pattern) for pattern in patterns) is is_public
    for listener in stack.of_type("ElasticLoadBalancingV2::Listener").values():
        (default,) = listener["DefaultActions"]
        assert default["Type"] in ("fixed-response", "redirect"), "what no rule takes goes to no container"


def test_behind_cloudfront_the_balancer_is_reached_by_nobody_else(stack: Template, variant: Variant) -> None:
    addresses = STAGES[variant.stage].cloudfront_addresses
    balancer = stack.one("ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Scheme"] == ("internal" if addresses else "internet-facing")
    if addresses:
        (group,) = (it["Fn::GetAtt"][0] for it in balancer["SecurityGroups"])
        assert "SecurityGroupIngress" not in stack.of_type("EC2::SecurityGroup")[group]
        rules = stack.of_type("EC2::SecurityGroupIngress").values()
        incoming = [it for it in rules if it["GroupId"]["Fn::GetAtt"][0] == group]
        assert [(it["SourcePrefixListId"], it["FromPort"], it["ToPort"]) for it in incoming] == [(addresses, 80, 80)]


def test_a_browser_is_known_by_the_address_that_the_outermost_proxy_saw(stack: Template, variant: Variant) -> None:
    """One too many, and a browser could claim any address; one too few, and all browsers would share one."""
    variables = {it["Name"]: it["Value"] for it in container(stack)["Environment"]}
    assert variables["TRUSTED_PROXIES"] == ("2" if STAGES[variant.stage].cloudfront_addresses else "1")


def test_cloudfront_keeps_nothing_and_lets_long_polling_wait(stack: Template, variant: Variant) -> None:
    if STAGES[variant.stage].cloudfront_addresses is None:
        return
    front = stack.one("CloudFront::Distribution")["DistributionConfig"]
    behaviour, (origin,) = front["DefaultCacheBehavior"], front["Origins"]
    assert behaviour["CachePolicyId"] == CACHING_DISABLED
    assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER, "WebSockets need its headers, long polling its cookie"
    assert "POST" in behaviour["AllowedMethods"]
    assert origin["VpcOriginConfig"]["OriginReadTimeout"] > PING_SECONDS


def test_spot_has_time_to_close_its_connections(stack: Template, variant: Variant) -> None:
    service = stack.one("ECS::Service")
    providers = [it["CapacityProvider"] for it in service.get("CapacityProviderStrategy", [])]
    assert providers == (["FARGATE_SPOT"] if STAGES[variant.stage].gateway.is_spot else [])
    assert container(stack)["StopTimeout"] <= SPOT_NOTICE_SECONDS


def test_prod_loses_one_gateway_and_goes_on() -> None:
    assert STAGES["prod"].gateway.minimum >= 2


def test_it_is_the_same_processor_as_the_image(stack: Template) -> None:
    assert stack.one("ECS::TaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
