"""chalice.cdk's construct around a zip that is there already, which all functions then share."""

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
    """What chalice.cdk would build itself, once per stage and never twice alike, it is given here."""

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

    def _package_app(self) -> None:
        folder = Path(self._sam_package_dir)
        folder.mkdir(parents=True)
        shutil.copyfile(self._package.path, folder / sam_template.CODE)
        (folder / "sam.json").write_text(json.dumps(self._template), encoding="utf-8")

    def _tidy(self) -> None:
        """chalice.cdk leaves its folder where one happens to stand; CDK has by now taken what it needs from it."""
        folder = Path(self._sam_package_dir)
        shutil.rmtree(folder)
        folder.with_name(f"{folder.name}.sam_with_assets.json").unlink()
        with contextlib.suppress(OSError):  # another synthesis is using it
            folder.parent.rmdir()
