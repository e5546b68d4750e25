"""Gives a Python process a clock of its own, where its PYTHONPATH has this folder.

Python imports a module of this name before any other. OWN_CLOCK names a file with the clock's error in seconds, which
may change at any time; without the file the clock is right. What is measured by the monotonic clock, such as a
time-out, is left alone.
"""

import os
import time

_machine_ns = time.time_ns


def time_ns() -> int:
    try:
        with open(os.environ["OWN_CLOCK"], encoding="ascii") as file:
            return _machine_ns() + int(file.read()) * 1_000_000_000
    except FileNotFoundError:
        return _machine_ns()


time.time_ns = time_ns
time.time = lambda: time_ns() / 1_000_000_000
