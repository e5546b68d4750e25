"""Makes the SAM template of `app.py` with chalice, for one stage and without building code.

`python -m infra.sam_template STAGE` reads the stage's settings as JSON and writes the template. A process of its own:
chalice imports `app.py`, whose routes are declared with the FRONTEND_URL of the environment.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalice.cli.factory import CLIFactory
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import BaseDeployStep, BuildStage, InjectDefaults, SwaggerBuilder
from chalice.deploy.models import DeploymentPackage
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import ResourceBuilder, SAMTemplateGenerator

from infra.release import ALIAS

ROOT = Path(__file__).resolve().parent.parent
CODE = "deployment.zip"
"""The CodeUri of each function, which the construct replaces with the real place."""
_ANY_REGION = "eu-west-1"  # chalice wants one, and nothing in the template depends on it


class _CodeComesLater(BaseDeployStep):
    """Replaces chalice's step that downloads and zips: infra/package.py builds the zip, once."""

    def handle_deploymentpackage(
        self,
        config: Config,  # noqa: ARG002 - the base class's signature
        resource: DeploymentPackage,
    ) -> None:
        resource.filename = CODE


class _InvokesAlias(CFNSwaggerGenerator):
    """Makes API Gateway invoke the function's alias, where chalice lets it invoke whatever was deployed last."""

    def _uri(self, lambda_arn: str | None = None) -> dict[str, str]:
        uri: dict[str, str] = super()._uri(lambda_arn)
        return {key: value.replace("${APIHandler.Arn}", f"${{APIHandler.Arn}}:{ALIAS}") for key, value in uri.items()}


def generate(stage: str, settings: Mapping[str, Any], frontend_url: str) -> dict[str, Any]:
    """Returns the template. `settings`: as in a stage of `.chalice/config.json`, and stronger than those there."""
    variables = [f"FRONTEND_URL={frontend_url}", f"AWS_DEFAULT_REGION={_ANY_REGION}"]
    command = ["env", *variables, sys.executable, "-m", "infra.sam_template", stage]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(settings), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"chalice makes no template of app.py: {done.stderr.strip()}")
    template: dict[str, Any] = json.loads(done.stdout)
    return template


def main(stage: str) -> None:
    factory = CLIFactory(str(ROOT), environ={})
    config = factory.create_config_obj(stage, user_provided_params=json.load(sys.stdin))
    steps = [InjectDefaults(), _CodeComesLater(), SwaggerBuilder(_InvokesAlias())]
    builder = ResourceBuilder(ApplicationGraphBuilder(), DependencyBuilder(), BuildStage(steps=steps))
    resources = builder.construct_resources(config, stage)
    json.dump(SAMTemplateGenerator(config, factory.create_package_options()).generate(resources), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
