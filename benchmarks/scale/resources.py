"""Counts in a stage's templates what AWS bills by the hour or by the month, and keeps it in `resources.json`."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Properties = Mapping[str, Any]
PATH = Path(__file__).with_name("resources.json")
_ALARMS_OF_TARGET_TRACKING = 2
"""Auto scaling makes them itself, one for out and one for in."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage has. `containers`: of the gateway, at the least; `redis_nodes`: of `redis_type`.

    `public_ipv4`: addresses, of which a load balancer has one in each of its subnets. `instances`: type -> number, of
    EC2. `alarm_metrics`: what all alarms watch together; `log_metrics`: those that are made of log lines;
    `writes_metrics`: whether the functions and the gateway write metrics of their own. `polled_queues`: those of which
    Lambda takes work. `day_shards`: of the ledger's days, each with functions of its own that read CamPay's statement.
    """

    nat_gateways: int
    instances: dict[str, int]
    disk_gb: int
    public_ipv4: int
    load_balancers: int
    containers: int
    cpu: int
    memory: int
    is_spot: bool
    has_container_metrics: bool
    redis_type: str
    redis_nodes: int
    secrets: int
    alarm_metrics: int
    log_metrics: int
    dashboards: int
    web_acls: int
    web_acl_rules: int
    polled_queues: int
    day_shards: int
    writes_metrics: bool


def write(stages: Mapping[str, Resources], path: Path = PATH) -> None:
    content = {name: asdict(resources) for name, resources in stages.items()}
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read(path: Path = PATH) -> dict[str, Resources]:
    return {name: Resources(**it) for name, it in json.loads(path.read_text(encoding="utf-8")).items()}


def of_templates(*templates: Properties) -> Resources:
    """Counts in the templates of a stage, its secret's and its own, as they are before SAM's transform."""
    all_of = {kind: list(_of_type(templates, kind)) for kind in _KINDS}
    (task,), (scaling,), (redis,) = (all_of[it] for it in (_TASK, _SCALING, _REDIS))
    balancers, instances = all_of[_BALANCER], all_of[_INSTANCE]
    (cluster,), (service,) = all_of[_CLUSTER], all_of[_SERVICE]
    return Resources(
        nat_gateways=len(all_of[_NAT]),
        instances=dict(Counter(str(it["InstanceType"]) for it in instances)),
        disk_gb=sum(_disk_gb(it) for it in instances),
        public_ipv4=len(all_of[_ADDRESS]) + sum(map(_addresses, balancers)) + sum(map(_has_address, instances)),
        load_balancers=len(balancers),
        containers=scaling["MinCapacity"],
        cpu=int(task["Cpu"]),
        memory=int(task["Memory"]),
        is_spot=any(it["CapacityProvider"] == "FARGATE_SPOT" for it in service.get("CapacityProviderStrategy", [])),
        has_container_metrics=cluster["ClusterSettings"][0]["Value"] != "disabled",
        redis_type=redis["CacheNodeType"],
        redis_nodes=int(redis["NumNodeGroups"] * (redis["ReplicasPerNodeGroup"] + 1)),
        secrets=len(all_of[_SECRET]),
        alarm_metrics=sum(map(_watched, all_of[_ALARM])) + _tracked(all_of[_POLICY]),
        log_metrics=len({it["MetricTransformations"][0]["MetricName"] for it in all_of[_FILTER]}),
        dashboards=len(all_of[_DASHBOARD]),
        web_acls=len(all_of[_ACL]),
        web_acl_rules=sum(len(it["Rules"]) for it in all_of[_ACL]),
        polled_queues=sum(map(_polled, all_of[_FUNCTION])),
        day_shards=max(map(_day_shards, all_of[_FUNCTION])),
        writes_metrics="METRICS_NAMESPACE" in {it["Name"] for it in task["ContainerDefinitions"][0]["Environment"]},
    )


_TASK, _SCALING, _REDIS = (
    "ECS::TaskDefinition",
    "ApplicationAutoScaling::ScalableTarget",
    "ElastiCache::ReplicationGroup",
)
_CLUSTER, _SERVICE, _POLICY = "ECS::Cluster", "ECS::Service", "ApplicationAutoScaling::ScalingPolicy"
_BALANCER, _INSTANCE, _ADDRESS = "ElasticLoadBalancingV2::LoadBalancer", "EC2::Instance", "EC2::EIP"
_NAT, _SECRET, _FUNCTION = "EC2::NatGateway", "SecretsManager::Secret", "Serverless::Function"
_ALARM, _FILTER, _DASHBOARD, _ACL = "CloudWatch::Alarm", "Logs::MetricFilter", "CloudWatch::Dashboard", "WAFv2::WebACL"
_KINDS = (
    *(_TASK, _SCALING, _REDIS, _CLUSTER, _SERVICE, _POLICY, _BALANCER, _INSTANCE, _ADDRESS),
    *(_NAT, _SECRET, _FUNCTION, _ALARM, _FILTER, _DASHBOARD, _ACL),
)


def _of_type(templates: tuple[Properties, ...], kind: str) -> Iterator[Properties]:
    for template in templates:
        for resource in template["Resources"].values():
            if resource["Type"] == f"AWS::{kind}":
                yield resource.get("Properties", {})


def _polled(function: Properties) -> int:
    return [it["Type"] for it in function.get("Events", {}).values()].count("SQS")


def _day_shards(function: Properties) -> int:
    return int(function["Environment"]["Variables"]["DAY_SHARDS"])


def _addresses(balancer: Properties) -> int:
    subnets: list[Any] = balancer["Subnets"] if balancer["Scheme"] == "internet-facing" else []
    return len(subnets)


def _has_address(instance: Properties) -> int:
    return sum(bool(it.get("AssociatePublicIpAddress")) for it in instance.get("NetworkInterfaces", []))


def _disk_gb(instance: Properties) -> int:
    sizes: list[int] = [it["Ebs"]["VolumeSize"] for it in instance.get("BlockDeviceMappings", [])]
    return sum(sizes)


def _watched(alarm: Properties) -> int:
    """Returns the number of metrics that an alarm watches: AWS bills each, and the two bounds of a learned band."""
    bounds = 2 if "ThresholdMetricId" in alarm else 0
    return bounds + sum("MetricStat" in it for it in alarm["Metrics"]) if "Metrics" in alarm else 1


def _tracked(policies: list[Properties]) -> int:
    return _ALARMS_OF_TARGET_TRACKING * [it["PolicyType"] for it in policies].count("TargetTrackingScaling")
