"""Proves on real processes what this product promises: `make gauntlet`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
