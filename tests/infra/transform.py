"""`python -m tests.infra.transform FOLDER`: the templates as CloudFormation will see them, SAM's resources expanded.

By AWS's own translator, in a process of its own since it reads the region from the environment. Each
`X.template.json` gets an `X.expanded.json` beside it.
"""

import json
import sys
from pathlib import Path

from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The loader that the translator asks for names of managed policies: no function has one, each has its own role."""

    def load(self) -> dict[str, str]:
        return {}


def main(folder: Path) -> None:
    for path in folder.glob("*.template.json"):
        expanded = transform(json.loads(path.read_text(encoding="utf-8")), {}, NoManagedPolicies())
        path.with_name(path.name.replace(".template.", ".expanded.")).write_text(json.dumps(expanded), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
