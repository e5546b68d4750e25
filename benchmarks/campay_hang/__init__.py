"""Lets CamPay hang while customers look, and measures what webhooks and prompts notice of it.

The parts are those of `make run`: several processes of the API, as many functions of a worker, moto, a Valkey and the
simulator, each in a process of its own. First all is well for a while, then CamPay answers neither prompts nor reads
nor statements, then it does again. Customers approve all the while, and each approval comes with a webhook. Everything
that a prompt went out for must be settled in the end, and no function may run longer than its Lambda could.
"""
