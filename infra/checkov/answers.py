"""Answers what checkov finds in the templates: each finding that stays, with the reason, in one line.

`tests/infra/templates/test_checkov.py` fails for a finding without an answer, and for an answer without a finding.
"""

from fnmatch import fnmatchcase
from typing import NamedTuple


class Answer(NamedTuple):
    """Says why a finding stays. `resources`: `TYPE.LOGICAL_ID` as in a report, without `AWS::`, by wildcards."""

    check: str
    resources: str
    reason: str

    def covers(self, check: str, resource: str) -> bool:
        return self.check == check and fnmatchcase(resource.removeprefix("AWS::"), self.resources)


_OWN_KEY = "AWS's own key encrypts it; a key of ours costs per call, and losing it would lose all that it encrypts"
_QUEUE = "SQS's own key encrypts it (SSE-SQS), which checkov does not read"
_NO_DOMAIN = "without a domain there is no certificate: dev moves no money, small has CloudFront end TLS before it"
_SYNCHRONOUS = "API Gateway awaits the answer: nothing is queued that could be lost"
_ITS_QUEUE = "it takes from a queue, which has dead letters"
_ITS_STREAM = "what it fails with stays in the stream and comes again, and an alarm rings"
_NEXT_RUN = "a run that failed loses nothing: the next one reads the same from the ledger, and an alarm rings"
_ALL_INTERFACES = "only the network interfaces: Lambda's own calls name no resource, and the code is denied them"

ANSWERS = (
    Answer("CKV_AWS_2", "ElasticLoadBalancingV2::Listener.GatewayBalancerHttp*", _NO_DOMAIN),
    Answer("CKV_AWS_26", "SNS::Topic.AlarmsTopic*", "AWS's own key keeps CloudWatch out; an alarm names nobody"),
    Answer("CKV_AWS_27", "SQS::Queue.Work*", _QUEUE),
    Answer("CKV_AWS_65", "ECS::Cluster.Gateway*", "in small alone: its metrics cost twice what the container does"),
    Answer("CKV_AWS_68", "CloudFront::Distribution.*", "the gateway has limits; WAF costs more than it does"),
    Answer("CKV_AWS_73", "ApiGateway::Stage.*", "log lines trace a payment (`make trace`) at no price"),
    Answer("CKV_AWS_86", "CloudFront::Distribution.*", "an access log would keep every customer's address"),
    Answer("CKV_AWS_88", "EC2::Instance.*NatInstance*", "it is the way out to CamPay and takes nothing from outside"),
    Answer("CKV_AWS_91", "ElasticLoadBalancingV2::LoadBalancer.*", "an access log would keep every customer's address"),
    Answer("CKV_AWS_103", "ElasticLoadBalancingV2::Listener.GatewayBalancerHttp*", _NO_DOMAIN),
    Answer("CKV_AWS_111", "IAM::Policy.Api*RolePolicy*", _ALL_INTERFACES),
    Answer("CKV_AWS_116", "Lambda::Function.APIHandler", _SYNCHRONOUS),
    Answer("CKV_AWS_116", "Lambda::Function.Checks", _ITS_QUEUE),
    Answer("CKV_AWS_116", "Lambda::Function.Deliveries", _ITS_QUEUE),
    Answer("CKV_AWS_116", "Lambda::Function.LatePayments", _NEXT_RUN),
    Answer("CKV_AWS_116", "Lambda::Function.Rollups", _ITS_STREAM),
    Answer("CKV_AWS_116", "Lambda::Function.Shop", _ITS_QUEUE),
    Answer("CKV_AWS_116", "Lambda::Function.Statement", _NEXT_RUN),
    Answer("CKV_AWS_116", "Lambda::Function.Sweep", _NEXT_RUN),
    Answer("CKV_AWS_119", "DynamoDB::Table.LedgerTable*", _OWN_KEY),
    Answer("CKV_AWS_120", "ApiGateway::Stage.*", "an answer says how a payment is now: none may come from a cache"),
    Answer("CKV_AWS_149", "SecretsManager::Secret.*", _OWN_KEY),
    Answer("CKV_AWS_158", "Logs::LogGroup.*", _OWN_KEY),
    Answer("CKV_AWS_173", "Lambda::Function.*", "addresses and names only; keys are read by SECRETS_ID"),
    Answer("CKV_AWS_174", "CloudFront::Distribution.*", "AWS sets the protocols of CloudFront's own name"),
    Answer("CKV_AWS_192", "WAFv2::WebACL.ApiFirewall*", "nothing runs Java here"),
    Answer("CKV_AWS_260", "EC2::SecurityGroup.GatewayPublic*", "for browsers anywhere; prod's port 80 only redirects"),
)
