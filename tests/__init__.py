"""Holds the tests, in rooms by the parts that a test needs; `harness` has what several rooms use."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
