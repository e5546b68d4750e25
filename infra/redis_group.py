"""Creates Redis (ElastiCache for Valkey) for the API and the gateway alone: a primary, its replicas in another zone."""

from aws_cdk import SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.network import Network
from infra.secrets_stack import REDIS_PASSWORD
from infra.stages import Stage

PORT = 6380
"""Differs from the usual port, which scanners try."""


class RedisGroup(Construct):
    """The replication group. `members`: the ids of its nodes, by which CloudWatch measures each."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        stage: Stage,
        network: Network,
        secret: secretsmanager.ISecret,
    ) -> None:
        super().__init__(scope, construct_id)
        size = stage.redis
        callers = ec2.SecurityGroup(
            self, "Access", vpc=network.vpc, description="Redis: the API and the gateway", allow_all_outbound=False
        )
        for caller in (network.api, network.gateway):
            caller.connections.allow_to(callers, ec2.Port.tcp(PORT), "Redis")
        subnets = elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            description="Private, without any way in or out of the VPC",
            subnet_ids=network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED).subnet_ids,
        )
        # Another id in cluster mode: a switch makes a new group and deletes the old one, since neither can become
        # the other in one step and nothing in it has to be kept.
        self.group = elasticache.CfnReplicationGroup(
            self,
            "Cluster" if size.cluster else "Pair",
            replication_group_description=f"{stage.full_name}: live payments, channels, registry",
            engine="valkey",
            engine_version="8.0",
            cache_node_type=size.node_type,
            cache_parameter_group_name="default.valkey8.cluster.on" if size.cluster else "default.valkey8",
            cache_subnet_group_name=subnets.ref,
            security_group_ids=[callers.security_group_id],
            port=PORT,
            num_node_groups=size.shards if size.cluster else 1,
            replicas_per_node_group=size.replicas,
            automatic_failover_enabled=size.cluster or size.replicas > 0,  # AWS takes no cluster mode without it
            multi_az_enabled=size.replicas > 0,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            at_rest_encryption_enabled=True,
            auth_token=SecretValue.secrets_manager(secret.secret_arn, json_field=REDIS_PASSWORD).unsafe_unwrap(),
            snapshot_retention_limit=0,  # it may be lost at any moment, and nothing is lost with it
            auto_minor_version_upgrade=True,
        )
        if not size.replicas:
            acknowledge(self.group, "AwsSolutions-AEC4", "it may be lost, and nothing is lost with it: docs/cost.md")
        self.host = (
            self.group.attr_configuration_end_point_address
            if size.cluster
            else self.group.attr_primary_end_point_address
        )
        suffixes = [
            f"{shard:04}-{member:03}" if size.cluster else f"{member:03}"
            for shard in range(1, (size.shards if size.cluster else 1) + 1)
            for member in range(1, size.replicas + 2)
        ]
        self.members = [f"{self.group.ref}-{suffix}" for suffix in suffixes]

    def environment(self, stage: Stage) -> dict[str, str]:
        """Returns the variables by which the API and the gateway reach it; the password stays in the secret."""
        return {
            "REDIS_HOST": self.host,
            "REDIS_PORT": str(PORT),
            "REDIS_TLS": "true",
            "REDIS_CLUSTER": "true" if stage.redis.cluster else "false",
        }
