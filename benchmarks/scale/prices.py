"""Lists AWS's prices in eu-west-1 (Ireland), in US dollars before taxes."""

from dataclasses import dataclass

REGION = "eu-west-1"
AS_OF = "November 2026"
"""When the list was last gone through. AWS's pages were not at hand for every one of them: see `sure`."""
HOURS = 730
"""Hours of a month, as AWS's calculator counts them."""
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """A price. `free`: what AWS gives to each account every month, for ever, in units.

    `page`: the pricing page on aws.amazon.com that has it. `sure`: False where it was taken from another region's price
    or from a third party, and has to be looked up before anybody relies on it.
    """

    dollars: float
    unit: str
    page: str
    free: float = 0
    sure: bool = True

    def of(self, units: float) -> float:
        """Returns the dollars for these units of a month, beyond those that are free."""
        return self.dollars * max(units - self.free, 0)


def _hourly(dollars: float, page: str, *, sure: bool = True) -> Price:
    return Price(dollars, "hour", page, sure=sure)


def _millions(dollars: float, what: str, page: str, *, free: float = 0, sure: bool = True) -> Price:
    return Price(dollars / MILLION, f"million {what}", page, free=free, sure=sure)


LAMBDA_CALL = _millions(0.20, "calls", "lambda/pricing", free=MILLION)
LAMBDA_GB_SECOND = _millions(13.3334, "GB-seconds, arm64", "lambda/pricing", free=400_000)
API_CALL = _millions(3.50, "calls, REST", "api-gateway/pricing")
WRITE_UNIT = _millions(0.705, "write units, on demand", "dynamodb/pricing/on-demand")
READ_UNIT = _millions(0.141, "read units, on demand", "dynamodb/pricing/on-demand")
LEDGER_GB = Price(0.283 + 0.2264, "GB stored, with point-in-time recovery", "dynamodb/pricing/on-demand", sure=False)
QUEUE_CALL = _millions(0.40, "calls, standard queue", "sqs/pricing", free=MILLION)
ORDER_EVENT = _millions(1.00, "events of our own", "eventbridge/pricing")
LOG_GB = Price(0.57, "GB of logs", "cloudwatch/pricing", free=5)
METRIC = Price(0.30, "metric", "cloudwatch/pricing", free=10)
CONTAINER_METRIC = Price(0.07, "metric of Container Insights", "cloudwatch/pricing", sure=False)
ALARM = Price(0.10, "metric that an alarm watches", "cloudwatch/pricing", free=10)
DASHBOARD = Price(3.00, "dashboard", "cloudwatch/pricing", free=3)
SECRET = Price(0.40, "secret", "secrets-manager/pricing")
WEB_ACL = Price(5.00, "list", "waf/pricing")
WEB_ACL_RULE = Price(1.00, "rule", "waf/pricing")
WEB_ACL_CALL = _millions(0.60, "calls", "waf/pricing")
NAT_GATEWAY = _hourly(0.048, "vpc/pricing")
NAT_GB = Price(0.048, "GB through a NAT gateway", "vpc/pricing")
PUBLIC_IPV4 = _hourly(0.005, "vpc/pricing")
OUT_GB = Price(0.09, "GB to the internet", "ec2/pricing/on-demand", free=100)
LOAD_BALANCER = _hourly(0.0252, "elasticloadbalancing/pricing")
CAPACITY_UNIT = Price(0.008, "capacity unit and hour", "elasticloadbalancing/pricing")
DISK_GB = Price(0.088, "GB of a gp3 volume", "ebs/pricing")
VCPU = _hourly(0.03238, "fargate/pricing")
MEMORY_GB = _hourly(0.00356, "fargate/pricing")
SPOT_SHARE = Price(0.35, "of the price of Fargate on Spot; it moves", "fargate/pricing", sure=False)
INSTANCE = {"t4g.nano": _hourly(0.0046, "ec2/pricing/on-demand")}
NODE = {
    "cache.t4g.micro": _hourly(0.0136, "elasticache/pricing"),
    "cache.t4g.small": _hourly(0.0272, "elasticache/pricing"),
    "cache.t4g.medium": _hourly(0.0554, "elasticache/pricing"),
    "cache.m7g.large": _hourly(0.1400, "elasticache/pricing", sure=False),
    "cache.r7g.large": _hourly(0.1944, "elasticache/pricing", sure=False),
    "cache.r7g.xlarge": _hourly(0.3880, "elasticache/pricing", sure=False),
}
