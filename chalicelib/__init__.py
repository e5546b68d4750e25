"""Holds what the Lambda functions run; `domain` and `runtime` are the gateway's too."""
