"""Prints the account and region of AWS that this shell is signed in to: `python -m infra.commands.account`."""

import sys

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

_REGION = ["AWS_REGION", "AWS_DEFAULT_REGION"]
"""The variables that name a region, the stronger first, as the CDK's command line reads them; boto3 by itself reads the
second one only."""


class NoAccount(Exception):
    """Raised where this shell is not signed in; says in one line what it lacks."""


def sign_in() -> str:
    """Makes boto3 use the account and region of this shell from now on.

    Returns `aws://ACCOUNT/REGION`, as the CDK writes it. Raises NoAccount.
    """
    session = botocore.session.Session(session_vars={"region": ("region", _REGION, None, None)})
    try:
        region = session.get_config_variable("region")
        if region is None:
            raise NoAccount("no region of AWS is set: export AWS_REGION=eu-west-1, say")
        boto3.setup_default_session(botocore_session=session)
        account = boto3.client("sts").get_caller_identity()["Account"]
    except NoCredentialsError:
        raise NoAccount("no credentials of AWS in this shell: aws configure, or export AWS_PROFILE=…") from None
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise NoAccount(f"AWS refuses the credentials of this shell ({code}): sign in again") from None
    except BotoCoreError as error:
        raise NoAccount(f"AWS: {error}") from None
    return f"aws://{account}/{region}"


if __name__ == "__main__":
    try:
        print(sign_in())
    except NoAccount as error:
        sys.exit(str(error))
