"""Expands SAM's resources, so that the templates are as CloudFormation will see them.

`python -m tests.infra.templates.transform FOLDER` writes an `X.expanded.json` beside each `X.template.json`, by AWS's
own translator. It is a process of its own since the translator reads the region from the environment.
"""

import json
import sys
from pathlib import Path

from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """A loader of managed policies for the translator. It has none, since each function has its own role."""

    def load(self) -> dict[str, str]:
        return {}


def main(folder: Path) -> None:
    for path in folder.glob("*.template.json"):
        expanded = transform(json.loads(path.read_text(encoding="utf-8")), {}, NoManagedPolicies())
        path.with_name(path.name.replace(".template.", ".expanded.")).write_text(json.dumps(expanded), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
