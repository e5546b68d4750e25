"""Tests the way out of the private subnets: a NAT gateway, or an instance in its place."""

import re

import pytest

from infra.stages import STAGES
from tests.infra.templates.synthesis import Properties, Template, Variant, plain, template_of

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tmp_path_factory, Variant("small", cluster=False))


def script(stack: Template) -> str:
    return plain(stack.one("EC2::Instance")["UserData"]["Fn::Base64"])


def of_type(stack: Template, kind: str) -> list[str]:
    return [name for name, it in stack.resources.items() if it["Type"] == f"AWS::{kind}"]


def test_each_stage_has_one_of_both(stack: Template, variant: Variant) -> None:
    stage = STAGES[variant.stage]
    instances = 1 if stage.nat_instance else 0
    assert len(of_type(stack, "EC2::Instance")) == instances
    assert len(of_type(stack, "EC2::NatGateway")) == (0 if instances else stage.nat_gateways)


def test_all_private_subnets_go_out_through_it(stack: Template, variant: Variant) -> None:
    """Redis' subnets go nowhere, and the public ones through the internet gateway."""
    key = "InstanceId" if STAGES[variant.stage].nat_instance else "NatGatewayId"
    out = [it for it in stack.of_type("EC2::Route").values() if key in it]
    tables = {it["RouteTableId"]["Ref"] for it in out}
    associations = stack.of_type("EC2::SubnetRouteTableAssociation").values()
    through = {it["SubnetId"]["Ref"] for it in associations if it["RouteTableId"]["Ref"] in tables}
    functions = stack.of_type("Lambda::Function").values()
    assert through == {subnet["Ref"] for it in functions for subnet in it["VpcConfig"]["SubnetIds"]}
    assert {it["DestinationCidrBlock"] for it in out} == {"0.0.0.0/0"}


def test_the_instance_lets_https_out_and_nothing_in(small: Template) -> None:
    instance = small.one("EC2::Instance")
    (interface,) = instance["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is True
    assert instance["SourceDestCheck"] is False, "EC2 would drop what is not the instance's own"
    (group,) = (it["Fn::GetAtt"][0] for it in interface["GroupSet"])
    rules: Properties = small.of_type("EC2::SecurityGroup")[group]
    incoming = [(it["CidrIp"], it["FromPort"], it["ToPort"]) for it in rules["SecurityGroupIngress"]]
    assert incoming == [(small.one("EC2::VPC")["CidrBlock"], 443, 443)]
    assert [(it["FromPort"], it["ToPort"]) for it in rules["SecurityGroupEgress"]] == [(443, 443)]


def test_the_instance_may_do_nothing_in_the_account(small: Template) -> None:
    (profile,) = small.of_type("IAM::InstanceProfile").values()
    (role,) = (plain(it) for it in profile["Roles"])
    assert [it for it in small.of_type("IAM::Policy").values() if role in map(plain, it["Roles"])] == []
    assert "ManagedPolicyArns" not in small.of_type("IAM::Role")[role.strip("<>")]


def test_a_deployment_fails_where_the_instance_does_not_forward(small: Template) -> None:
    """Without the signal the stage would be there, and no call of CamPay would leave it."""
    whole = small.whole("EC2::Instance")
    assert whole["CreationPolicy"]["ResourceSignal"]["Count"] == 1
    assert "cfn-signal" in script(small)
    assert "set -eux" in script(small)


def test_an_instance_that_fails_its_check_is_restarted(small: Template) -> None:
    alarms = [it for it in small.of_type("CloudWatch::Alarm").values() if it.get("Namespace") == "AWS/EC2"]
    (alarm,) = alarms
    assert [plain(it).rpartition(":ec2:")[2] for it in alarm["AlarmActions"]] == ["reboot"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 300


def test_its_disk_is_encrypted(small: Template) -> None:
    (disk,) = small.one("EC2::Instance")["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True


def test_what_leaves_the_network_gets_the_instances_own_address(small: Template) -> None:
    rules = re.search(r"<<'RULES'\n(.*?)\nRULES\n", script(small), re.DOTALL)
    assert rules
    network = small.one("EC2::VPC")["CidrBlock"]
    assert f"ip saddr {network} ip daddr != {network} masquerade" in rules[1]
    assert "net.ipv4.ip_forward=1" in script(small)
