"""Proves on real processes what this product promises: `make gauntlet`."""
