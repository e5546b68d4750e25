"""Gives chalice.cdk's construct a zip that is built already, which all functions share."""

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalice.cdk import Chalice
from constructs import Construct

from infra import sam_template
from infra.package import Package


class PackagedChalice(Chalice):
    """Chalice's construct with a given zip. It would build one for each stage, and its builds are not reproducible."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        package: Package,
        stage: str,
        settings: Mapping[str, Any],
        frontend_url: str,
    ) -> None:
        self._package = package
        self._template = sam_template.generate(stage, settings, frontend_url)
        super().__init__(scope, construct_id, source_dir=str(sam_template.ROOT), stage_config=dict(settings))
        self._tidy()

    def schedule_of(self, function: str) -> str:
        """Returns the schedule that `app.py` gives a function. `function`: its id in the template."""
        (event,) = self._template["Resources"][function]["Properties"]["Events"].values()
        return str(event["Properties"]["Schedule"])

    def _package_app(self) -> None:
        folder = Path(self._sam_package_dir)
        folder.mkdir(parents=True)
        shutil.copyfile(self._package.path, folder / sam_template.CODE)
        (folder / "sam.json").write_text(json.dumps(self._template), encoding="utf-8")

    def _tidy(self) -> None:
        """Deletes the folder that chalice.cdk leaves in the working directory; the CDK has its own copy."""
        folder = Path(self._sam_package_dir)
        shutil.rmtree(folder)
        folder.with_name(f"{folder.name}.sam_with_assets.json").unlink()
        with contextlib.suppress(OSError):  # another synthesis is using it
            folder.parent.rmdir()
