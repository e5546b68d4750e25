"""The same routes and clients as `app.py`, as FastAPI's documentation would have them: what its start costs.

Only its initialisation is measured, so that no route does anything with what it has read.
"""

import json
import os
from typing import Annotated, Any, Literal
from uuid import UUID

import boto3
import jwt
import redis
import requests
from botocore.config import Config
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.middleware.cors import CORSMiddleware
from mangum import Mangum
from pydantic import BaseModel, Field

CONFIG = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
_secrets = boto3.client("secretsmanager", config=CONFIG)
SECRETS: dict[str, str] = json.loads(_secrets.get_secret_value(SecretId=os.environ["SECRETS_ID"])["SecretString"])
dynamodb = boto3.client("dynamodb", config=CONFIG)
event_bus = boto3.client("events", config=CONFIG)
live_store = redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]))
campay = requests.Session()

application = FastAPI()
application.add_middleware(
    CORSMiddleware,
    allow_origins=[os.environ["FRONTEND_URL"]],
    allow_methods=["GET", "POST"],
    allow_headers=["Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "X-Api-Key"],
    expose_headers=["Idempotent-Replayed", "Retry-After"],
)

Key = Annotated[str | None, Header(alias="X-Api-Key")]


class Order(BaseModel):
    order_token: str | None = Field(None, alias="orderToken")
    order_id: str | None = Field(None, alias="orderId", pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")
    amount: int | None = Field(None, gt=0, le=100_000_000)
    currency: Literal["XAF", "XOF", "EUR", "USD"] | None = None
    phone_number: str = Field(alias="phoneNumber", pattern=r"^2376\d{8}$")
    description: str | None = Field(None, min_length=1, max_length=200)
    locale: Literal["fr", "en"] = "fr"


class Simulation(BaseModel):
    outcome: Literal["approved", "declined", "cancelled", "lost-webhook", "late"]
    amount: int = 5000


class Decision(BaseModel):
    status: Literal["SUCCESSFUL", "FAILED"]
    reason: str = Field(min_length=1, max_length=200)


class Reply(BaseModel):
    reference: UUID
    status: str
    operator: str | None
    ussd_code: str | None = Field(serialization_alias="ussdCode")
    tracking_token: str = Field(serialization_alias="trackingToken")
    expires_at: str = Field(serialization_alias="expiresAt")
    version: int


def merchant(key: Key = None) -> None:
    if key != SECRETS["MERCHANT_API_KEY"]:
        raise HTTPException(401)


def operator(key: Key = None) -> None:
    if key != SECRETS["OPERATOR_API_KEY"]:
        raise HTTPException(401)


def tracked(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        authorization.removeprefix("Bearer "), SECRETS["TRACKING_TOKEN_KEY"], algorithms=["HS256"]
    )
    return claims


@application.post("/api/payment/initiate", status_code=201, response_model=Reply)
def initiate(order: Order, idempotency_key: Annotated[str | None, Header(max_length=128)] = None) -> Any:
    raise HTTPException(501, [order.order_id, idempotency_key])


@application.api_route("/api/payment/webhook", methods=["GET", "POST"])
async def webhook(request: Request) -> dict[str, bool]:
    raise HTTPException(501, request.method)


@application.get("/api/payment/status/{order_id}")
def status(order_id: str, grant: Annotated[dict[str, Any], Depends(tracked)]) -> dict[str, Any]:
    return {"orderId": order_id, **grant}


@application.get("/api/payment/tracking/{reference}")
def tracking(reference: UUID, grant: Annotated[dict[str, Any], Depends(tracked)]) -> dict[str, Any]:
    return {"reference": reference, **grant}


@application.post("/api/payment/tracking/{reference}/give-up")
def give_up(reference: UUID, grant: Annotated[dict[str, Any], Depends(tracked)]) -> dict[str, Any]:
    return {"reference": reference, **grant}


@application.get("/api/payment/health")
def health() -> dict[str, Any]:
    return {"storage": live_store.ping()}


@application.get("/api/payment/debug/connections", dependencies=[Depends(operator)])
def connections(cursor: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    return {"cursor": cursor, "limit": limit}


@application.post("/api/payment/test/simulate", dependencies=[Depends(merchant)])
def simulate(simulation: Simulation) -> Simulation:
    return simulation


@application.post("/api/payment/operator/{reference}/{action}", dependencies=[Depends(operator)])
def operate(reference: UUID, action: str, decision: Decision | None = None) -> dict[str, Any]:
    return {"reference": reference, "action": action, "decision": decision}


app = Mangum(application)
