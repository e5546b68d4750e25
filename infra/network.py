"""Creates the network: two zones, where only the gateway's load balancer can be reached from outside."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra import nat_instance
from infra.log_groups import log_group
from infra.nat_instance import HTTPS
from infra.stages import Stage

CIDR = "10.20.0.0/16"


class Network(Construct):
    """The VPC. `api`, `gateway`: security groups of the functions and the containers, which call out by HTTPS."""

    def __init__(self, scope: Construct, construct_id: str, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        instance = nat_instance.nat_provider(stage.nat_instance, CIDR) if stage.nat_instance else None
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(CIDR),
            max_azs=2,
            nat_gateways=stage.nat_gateways,
            nat_gateway_provider=instance,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="Work", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
                ec2.SubnetConfiguration(name="Redis", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        if instance:
            nat_instance.complete(self, instance, CIDR)
        # The ledger's calls neither pass nor pay the NAT gateway.
        self.vpc.add_gateway_endpoint("Ledger", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        flows = log_group(self, "Flows", stage)
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(flows),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        self.api = self._outgoing("Api", "The API, the sweep and the statement")
        self.gateway = self._outgoing("Gateway", "Containers of the Socket.IO gateway")

    def _outgoing(self, construct_id: str, description: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(self, construct_id, vpc=self.vpc, description=description, allow_all_outbound=False)
        group.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "CamPay, the API and AWS, by HTTPS only")
        return group
