"""Examines a deployed stage, prints what is wrong, in plain words, and how to mend it: `make doctor STAGE=…`.

Ends with exit code 1 where something is wrong. Every check asks the deployed system itself. Two leave a trace: an alarm
is put into ALARM and back, so that its subscribers get two mails, and where no money moves (CamPay's demo host) a
payment is made.
"""

import argparse
import sys
from collections.abc import Iterator

import boto3

from infra.commands.account import NoAccount, sign_in
from infra.commands.doctor.examination import examine
from infra.commands.doctor.finding import Finding
from infra.deployment import Deployment, NotDeployed


def report(findings: Iterator[Finding]) -> int:
    """Prints each finding as it is made. Returns how many are ill."""
    faults = 0
    for finding in findings:
        print(f"  {'ok  ' if finding.is_well else 'WRONG'} {finding.what}", flush=True)
        if not finding.is_well:
            faults += 1
            print(f"        -> {finding.mend}", flush=True)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("stage", help="of infra/stages.py, such as dev")
    stage = parser.parse_args().stage
    try:
        sign_in()
        deployment = Deployment.of_stage(stage, boto3.client("cloudformation"))
    except (NoAccount, NotDeployed) as error:
        print(f"make doctor: {error}", file=sys.stderr)
        return 1
    faults = report(examine(deployment, boto3))
    print(f"\n{faults} to mend." if faults else "\nAll is well.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
