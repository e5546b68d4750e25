"""Tests what the start of a function loads: its customer waits for it."""

import subprocess
import sys

from tests import ROOT


def test_a_start_loads_nothing_that_its_routes_do_not_need() -> None:
    """Botocore does what boto3 would, urllib3 what requests would. Most of these take a twentieth of a start."""
    program = "import gc, sys, app; print(gc.isenabled(), *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    collects_garbage, *loaded = done.stdout.split()
    assert collects_garbage == "True"
    assert {"boto3", "s3transfer", "requests", "moto", "fakeredis"} & set(loaded) == set()
