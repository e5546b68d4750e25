"""The tests, in rooms by what a test stands on; what several rooms use is in `harness`."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
