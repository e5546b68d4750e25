"""Makes an instance of EC2 that does for the private subnets what a NAT gateway does, for a sixth of its price.

It is one machine: while it is replaced, which a deployment does where AWS has a newer image, nothing goes out.
"""

from aws_cdk import CfnCreationPolicy, CfnResourceSignal, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.acknowledged import acknowledge

HTTPS = ec2.Port.tcp(443)
_DISK_GIB = 8
_STARTED_WITHIN = "PT10M"
_FORWARD = "/etc/sysctl.d/90-forward.conf"
_RULES = "/etc/sysconfig/nftables.conf"


def nat_provider(kind: str, cidr: str) -> ec2.NatInstanceProviderV2:
    """Returns what `ec2.Vpc` makes the instance with. `kind`: its type, for ARM; `cidr`: the network that it serves."""
    return ec2.NatInstanceProviderV2(
        instance_type=ec2.InstanceType(kind),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
        credit_specification=ec2.CpuCredits.STANDARD,
        default_allowed_traffic=ec2.NatTrafficDirection.NONE,
        associate_public_ip_address=True,
        user_data=_user_data(cidr),
    )


def complete(scope: Construct, provider: ec2.NatInstanceProviderV2, cidr: str) -> None:
    """Lets HTTPS through the instances, encrypts their disks, and has EC2 restart one that fails its check.

    To be called once the VPC has made them.
    """
    provider.connections.allow_from(ec2.Peer.ipv4(cidr), HTTPS, "The functions and the gateway")
    provider.connections.allow_to(ec2.Peer.any_ipv4(), HTTPS, "CamPay, AWS, and what it installs, by HTTPS only")
    for number, instance in enumerate(provider.gateway_instances):
        instance.instance.block_device_mappings = [
            ec2.CfnInstance.BlockDeviceMappingProperty(
                device_name="/dev/xvda",
                ebs=ec2.CfnInstance.EbsProperty(encrypted=True, volume_size=_DISK_GIB, volume_type="gp3"),
            )
        ]
        # A deployment fails where the script does, rather than leave a stage that reaches nobody.
        instance.user_data.add_signal_on_exit_command(instance)
        signal = CfnResourceSignal(count=1, timeout=_STARTED_WITHIN)
        instance.instance.cfn_options.creation_policy = CfnCreationPolicy(resource_signal=signal)
        acknowledge(instance, "AwsSolutions-EC28", "the minute's metrics cost more than half of the instance")
        acknowledge(instance, "AwsSolutions-EC29", "it keeps nothing: CloudFormation makes another one")
        _restart(scope, f"NatHangs{number}", instance)


def _restart(scope: Construct, construct_id: str, instance: ec2.Instance) -> None:
    """Has EC2 reboot an instance that fails its own check. A host that fails is replaced by EC2 without being asked."""
    failed = cloudwatch.Metric(
        namespace="AWS/EC2",
        metric_name="StatusCheckFailed_Instance",
        dimensions_map={"InstanceId": instance.instance_id},
        statistic="Maximum",
        period=Duration.minutes(1),
    )
    alarm = failed.create_alarm(scope, construct_id, threshold=1, evaluation_periods=3)
    alarm.add_alarm_action(actions.Ec2Action(actions.Ec2InstanceAction.REBOOT))


def _user_data(cidr: str) -> ec2.UserData:
    """Returns the script of the first start: it forwards, and gives what leaves the network its own address."""
    script = ec2.UserData.for_linux()
    script.add_commands(
        "set -eux",
        "dnf install -y nftables",
        f"echo net.ipv4.ip_forward=1 > {_FORWARD}",
        f"sysctl -p {_FORWARD}",
        f"cat > {_RULES} <<'RULES'",
        "table ip nat {",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat;",
        f"    ip saddr {cidr} ip daddr != {cidr} masquerade",
        "  }",
        "}",
        "RULES",
        "systemctl enable --now nftables",
    )
    return script
