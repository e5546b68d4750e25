"""Writes the CloudFormation templates of the stages: `python -m infra.cdk_app`, without network and without the CLI.

-c stage=dev        one stage instead of all
-c cluster=true     Redis in cluster mode, whatever stages.py says
--output DIRECTORY  instead of infra/cdk.out
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

from infra.deployment import STACK_NAME
from infra.node import ensure_node
from infra.package import PackagingFailed, build
from infra.stages import STAGES, Stage, UnknownStage, stage_of

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "infra" / "cdk.out"
_STRICT = {"@aws-cdk/core:validateAgainstDefaultRules": True}
"""Makes the CDK's own findings end the synthesis, as cdk-nag's do."""


def synthesise(context: dict[str, str], output: Path) -> None:
    from aws_cdk import App, Tags, Validations  # starts node
    from cdk_nag import AwsSolutionsChecks

    from infra.payments_stack import PaymentsStack
    from infra.secrets_stack import SecretsStack

    app = App(outdir=str(output), context={**_STRICT, **context})
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stages = _stages(app.node.try_get_context("stage"), app.node.try_get_context("cluster"))
    with tempfile.TemporaryDirectory() as folder:
        package = build(Path(folder))
        for stage in stages:
            name = STACK_NAME.format(stage=stage.name)
            secrets = SecretsStack(app, f"{name}-secrets", stage)
            payments = PaymentsStack(app, name, stage, package=package, secret=secrets.secret)
            for stack in (secrets, payments):
                for key, value in stage.tags.items():
                    Tags.of(stack).add(key, value)
        app.synth()


def _stages(name: str | None, cluster: str | None) -> list[Stage]:
    stages = list(STAGES.values()) if name is None else [stage_of(name)]
    if cluster is None:
        return stages
    if str(cluster).lower() not in ("true", "false"):
        sys.exit("-c cluster must be true or false")
    is_cluster = str(cluster).lower() == "true"
    return [dataclasses.replace(stage, redis=dataclasses.replace(stage.redis, cluster=is_cluster)) for stage in stages]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.cdk_app", description=__doc__.partition("\n")[0])
    parser.add_argument("-c", dest="context", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    ensure_node()
    try:
        synthesise(dict(each.split("=", 1) for each in options.context), options.output)
    except (PackagingFailed, UnknownStage) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
