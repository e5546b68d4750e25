"""Creates the Socket.IO gateway: containers on Fargate behind a load balancer with sticky sessions."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.cloudfront import before_gateway
from infra.log_groups import log_group
from infra.network import Network
from infra.sam_template import ROOT
from infra.stages import Stage

PORT = 8080
IDLE_SECONDS = 120
"""The load balancer's idle time-out. Longer than Engine.IO's pings are apart, or waiting browsers would be cut off."""
DEREGISTRATION_SECONDS = 90
"""How long the load balancer leaves open connections to a container that stops. Longer than the gateway takes to close
them itself, paced.
"""
STOP_SECONDS = 120
"""Time from SIGTERM to SIGKILL: Fargate's maximum. Longer than the deregistration, so that no browser is cut off."""
PUBLIC_PATHS = "/socket.io/*"
"""The only paths that are forwarded from the internet. Metrics and health are for the load balancer and the VPC."""
_NOTHING_ELSE = elb.ListenerAction.fixed_response(404)
_USER = "10001:10001"
_ALIVE = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{PORT}/healthz', timeout=2)"


class Gateway(Construct):
    """The gateway's service. `url`: what browsers connect to; `target`: where the domain's DNS entry has to point."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        stage: Stage,
        *,
        network: Network,
        secret: secretsmanager.ISecret,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self.log = log_group(self, "Log", stage)
        self.balancer = self._balancer(network)
        self.service = self._service(network, self._task(secret, environment))
        self.targets = self._listen()
        self._scale()
        self.target = self.balancer.load_balancer_dns_name
        self.url = self._url()

    def _url(self) -> str:
        if self._stage.cloudfront_addresses:
            return f"https://{before_gateway(self, self.balancer).distribution_domain_name}"
        domain = self._stage.gateway_domain
        return f"https://{domain.name}" if domain else f"http://{self.target}"

    def connections(self) -> cloudwatch.IMetric:
        """Returns the connections per healthy container. The load balancer counts both sides of each."""
        return cloudwatch.MathExpression(
            expression="IF(healthy > 0, connections / 2 / healthy, 0)",
            using_metrics={
                "connections": self.balancer.metrics.active_connection_count(statistic="Sum"),
                "healthy": self.targets.metrics.healthy_host_count(statistic="Average"),
            },
            period=Duration.minutes(1),
            label="connections per container",
        )

    def _task(self, secret: secretsmanager.ISecret, environment: Mapping[str, str]) -> ecs.FargateTaskDefinition:
        size = self._stage.gateway
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=size.cpu,
            memory_limit_mib=size.memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        task.add_to_task_role_policy(
            iam.PolicyStatement(sid="Keys", actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn])
        )
        kernel = ecs.LinuxParameters(self, "Kernel")
        kernel.drop_capabilities(ecs.Capability.ALL)
        task.add_container(
            "gateway",
            image=ecs.ContainerImage.from_docker_image_asset(self._image()),
            environment=dict(environment),
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", _ALIVE],
                interval=Duration.seconds(15),
                timeout=Duration.seconds(5),
                retries=3,
                start_period=Duration.seconds(30),
            ),
            stop_timeout=Duration.seconds(STOP_SECONDS),
            readonly_root_filesystem=True,
            user=_USER,
            linux_parameters=kernel,
            ulimits=[ecs.Ulimit(name=ecs.UlimitName.NOFILE, soft_limit=65_536, hard_limit=65_536)],
            logging=ecs.LogDrivers.aws_logs(stream_prefix="gateway", log_group=self.log),
        )
        role = task.obtain_execution_role()
        acknowledge(role, "AwsSolutions-IAM5[Resource::*]", "ecr:GetAuthorizationToken has no resource level")
        acknowledge(task, "AwsSolutions-ECS2", "addresses and names only: keys and passwords are read by SECRETS_ID")
        return task

    def _image(self) -> ecr_assets.DockerImageAsset:
        return ecr_assets.DockerImageAsset(
            self,
            "Image",
            directory=str(ROOT),
            file="socket_gateway/Dockerfile",
            platform=ecr_assets.Platform.LINUX_ARM64,
        )

    def _service(self, network: Network, task: ecs.FargateTaskDefinition) -> ecs.FargateService:
        size = self._stage.gateway
        insights = ecs.ContainerInsights.ENABLED if size.has_insights else ecs.ContainerInsights.DISABLED
        cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=network.vpc,
            container_insights_v2=insights,
            enable_fargate_capacity_providers=size.is_spot,
        )
        if not size.has_insights:
            acknowledge(cluster, "AwsSolutions-ECS4", "its metrics cost twice what the container does")
        spot = [ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=1)]
        # No desired count: auto scaling owns it, and each deployment would reset it to its minimum.
        return ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            capacity_provider_strategies=spot if size.is_spot else None,
            security_groups=[network.gateway],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            health_check_grace_period=Duration.seconds(60),
        )

    def _balancer(self, network: Network) -> elb.ApplicationLoadBalancer:
        cloudfront = self._stage.cloudfront_addresses
        group = ec2.SecurityGroup(
            self,
            "Public",
            vpc=network.vpc,
            description="CloudFront" if cloudfront else "Browsers, from anywhere",
            allow_all_outbound=False,
        )
        if cloudfront:
            group.add_ingress_rule(ec2.Peer.prefix_list(cloudfront), ec2.Port.tcp(80), "CloudFront")
        else:
            reason = "browsers come from anywhere; only the load balancer's ports are open"
            acknowledge(group, "AwsSolutions-EC23", reason)
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            internet_facing=cloudfront is None,
            security_group=group,
            idle_timeout=Duration.seconds(IDLE_SECONDS),
            drop_invalid_header_fields=True,
        )
        acknowledge(
            balancer,
            "AwsSolutions-ELB2",
            "an access log would keep every customer's address; the gateway and CloudWatch count what is needed",
        )
        return balancer

    def _listen(self) -> elb.ApplicationTargetGroup:
        domain = self._stage.gateway_domain
        if domain:
            certificate = acm.Certificate.from_certificate_arn(self, "Certificate", domain.certificate_arn)
            listener = self.balancer.add_listener(
                "Https",
                port=443,
                certificates=[certificate],
                ssl_policy=elb.SslPolicy.RECOMMENDED_TLS,
                default_action=_NOTHING_ELSE,
            )
            self.balancer.add_redirect()
        else:
            listener = self.balancer.add_listener(
                "Http",
                port=80,
                protocol=elb.ApplicationProtocol.HTTP,
                default_action=_NOTHING_ELSE,
                open=self._stage.cloudfront_addresses is None,
            )
        return listener.add_targets(
            "Containers",
            priority=1,
            conditions=[elb.ListenerCondition.path_patterns([PUBLIC_PATHS])],
            port=PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[self.service],
            deregistration_delay=Duration.seconds(DEREGISTRATION_SECONDS),
            stickiness_cookie_duration=Duration.days(1),  # long-polling must come back to the same container
            health_check=elb.HealthCheck(
                # Alive, not ready: without Redis no gateway is ready, and all of them would be replaced at once.
                path="/healthz",
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
        )

    def _scale(self) -> None:
        size = self._stage.gateway
        scaling = self.service.auto_scale_task_count(min_capacity=size.minimum, max_capacity=size.maximum)
        scaling.scale_on_cpu_utilization(
            "Cpu",
            target_utilization_percent=60,
            scale_in_cooldown=Duration.minutes(10),  # each scale-in makes browsers reconnect
            scale_out_cooldown=Duration.minutes(1),
        )
        scaling.scale_on_metric(
            "Connections",
            metric=self.connections(),
            adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            cooldown=Duration.minutes(2),
            scaling_steps=[
                autoscaling.ScalingInterval(upper=size.connections // 4, change=-1),
                autoscaling.ScalingInterval(lower=size.connections, change=1),
                autoscaling.ScalingInterval(lower=2 * size.connections, change=2),
            ],
        )
