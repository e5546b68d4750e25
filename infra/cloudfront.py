"""Puts CloudFront before the gateway's load balancer, which then needs neither public addresses nor a certificate."""

from aws_cdk import Duration
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from infra.acknowledged import acknowledge

_ANSWER = Duration.seconds(60)
"""CloudFront's most without a raised quota. A long poll is answered after 25 s at the latest, by a ping."""
_ACKNOWLEDGED = {
    "AwsSolutions-CFR1": "customers pay from wherever they are",
    "AwsSolutions-CFR2": "the gateway bounds what an address may do; a list of WAF costs more than the gateway itself",
    "AwsSolutions-CFR3": "an access log would keep every customer's address",
    "AwsSolutions-CFR4": "AWS sets the protocols of CloudFront's own name; all browsers of the page have TLS 1.2",
}


def before_gateway(scope: Construct, balancer: elb.ApplicationLoadBalancer) -> cloudfront.Distribution:
    """Makes a distribution that passes everything on to a load balancer in private subnets, WebSockets too."""
    # Without TLS: the way is CloudFront's own, into the private network.
    origin = origins.VpcOrigin.with_application_load_balancer(
        balancer, protocol_policy=cloudfront.OriginProtocolPolicy.HTTP_ONLY, http_port=80, read_timeout=_ANSWER
    )
    distribution = cloudfront.Distribution(
        scope,
        "Front",
        comment="Browsers' way to the gateway",
        default_behavior=cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        ),
        price_class=cloudfront.PriceClass.PRICE_CLASS_ALL,  # its places in Africa are in no smaller one
    )
    for rule, reason in _ACKNOWLEDGED.items():
        acknowledge(distribution, rule, reason)
    return distribution
