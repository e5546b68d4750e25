"""Builds the Lambda zip and, with `--measure`, starts it as Lambda does: `make package`."""

import argparse
import sys
from pathlib import Path

from infra.package import ROOT, PackagingFailed, build

_OUTPUT = ROOT / ".chalice" / "deployments"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m infra.commands.package", description="Builds the API's Lambda zip."
    )
    parser.add_argument("--output", type=Path, default=_OUTPUT, help="the folder to put it into")
    parser.add_argument("--measure", action="store_true", help="start it as Lambda does, and say how long that takes")
    options = parser.parse_args()
    try:
        package = build(options.output)
    except PackagingFailed as failed:
        sys.exit(f"make package: {failed}")
    print(f"{package.path}\n{package.size:,} bytes, {package.runtime}, sha256 {package.sha256}")
    if options.measure:
        from tests.harness.lambda_runtime import init_milliseconds  # what runs Lambda here is only there for tests

        for name, milliseconds in init_milliseconds(package.path).items():
            print(f"init {name}: {milliseconds:.0f} ms")


if __name__ == "__main__":
    main()
