"""Tests the settings: all faults are named at once, and no key is ever shown."""

import pytest

from chalicelib.domain.check_schedule import AGES_SECONDS
from chalicelib.domain.event_signature import write_secret
from chalicelib.domain.operators import Operator, OperatorKey, Right
from chalicelib.runtime.settings_reader import InvalidSettings, RedisSettings
from chalicelib.settings import ShopSettings, read_settings

KEYS = ("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY", "MERCHANT_API_KEY", "OPERATOR_API_KEY")
PRODUCTION = {
    "CAMPAY_API_URL": "https://www.campay.net/api",
    "CAMPAY_WEBHOOK_KEY": "short",
    "CAMPAY_PERMANENT_ACCESS_TOKEN": "t",
    "FRONTEND_URL": "https://shop.example",
    "REDIS_HOST": "redis.internal",
    "PAYMENTS_TABLE": "payments",
    "EVENT_BUS": "payments",
    "CHECKS_QUEUE_URL": "https://sqs.example/1/checks",
    "DELIVERIES_QUEUE_URL": "https://sqs.example/1/deliveries",
    "SHOP_QUEUE_URL": "https://sqs.example/1/shop",
    **{name: f"{name}-with-more-than-thirty-two-bytes" for name in KEYS},
}


def faults(environment: dict[str, str]) -> str:
    with pytest.raises(InvalidSettings) as refused:
        read_settings(environment)
    return str(refused.value)


def test_production_is_the_default_and_names_everything_that_is_missing_at_once() -> None:
    named = faults({})
    for name in PRODUCTION:
        assert name in named
    settings = read_settings(PRODUCTION)
    assert not settings.development
    assert settings.redis == RedisSettings("redis.internal")
    assert settings.limits.phone_prompts_per_15_minutes == 3
    assert settings.expires_after_seconds == 300


@pytest.mark.parametrize("name", sorted(PRODUCTION))
def test_each_missing_name_is_named(name: str) -> None:
    named = faults({other: value for other, value in PRODUCTION.items() if other != name})
    assert name in named
    assert not any(other in named for other in PRODUCTION if other != name and other not in name)


@pytest.mark.parametrize("name", KEYS)
def test_a_short_key_is_refused(name: str) -> None:
    short = "0123456789012345678901234567890"
    named = faults(PRODUCTION | {name: short})
    assert name in named
    assert short not in named
    assert name in faults(PRODUCTION | {name: f"{PRODUCTION[name]},{short}"})


def test_one_key_for_two_purposes_is_refused() -> None:
    shared = PRODUCTION["ORDER_TOKEN_KEY"]
    named = faults(PRODUCTION | {"TRACKING_TOKEN_KEY": f"{PRODUCTION['TRACKING_TOKEN_KEY']},{shared}"})
    assert "ORDER_TOKEN_KEY" in named
    assert "TRACKING_TOKEN_KEY" in named
    assert shared not in named


def test_two_keys_at_a_time_for_rotation() -> None:
    new = "a-new-key-with-more-than-thirty-two-bytes"
    settings = read_settings(PRODUCTION | {"ORDER_TOKEN_KEY": f"{new}, {PRODUCTION['ORDER_TOKEN_KEY']}"})
    assert settings.order_token_keys == (new, PRODUCTION["ORDER_TOKEN_KEY"])


def test_prompts_go_out_unless_they_are_paused() -> None:
    assert not read_settings(PRODUCTION).prompts_paused
    assert read_settings(PRODUCTION | {"PROMPTS_PAUSED": "true"}).prompts_paused
    assert "PROMPTS_PAUSED must be true or false" in faults(PRODUCTION | {"PROMPTS_PAUSED": "for a while"})


def test_refunds_are_off_unless_they_are_switched_on() -> None:
    assert not read_settings(PRODUCTION).refunds
    assert [read_settings(PRODUCTION | {"REFUNDS": word}).refunds for word in ("true", "on", "off")] == [
        True,
        True,
        False,
    ]
    assert "REFUNDS must be true or false" in faults(PRODUCTION | {"REFUNDS": "perhaps"})


SECRET = "a-key-of-one-operator-of-thirty-two-bytes"
OTHER_SECRET = "a-key-of-another-operator-of-32-bytes-too"


def test_operators_have_names_and_rights() -> None:
    named = f"amina:view:{SECRET}, paul:act:{OTHER_SECRET}"
    unnamed = OperatorKey(Operator("operator", Right.ACT), PRODUCTION["OPERATOR_API_KEY"])
    keys = (
        OperatorKey(Operator("amina", Right.VIEW), SECRET),
        OperatorKey(Operator("paul", Right.ACT), OTHER_SECRET),
    )
    assert read_settings(PRODUCTION | {"OPERATOR_KEYS": named}).operator_keys == (unnamed, *keys)
    assert read_settings(PRODUCTION | {"OPERATOR_KEYS": named, "OPERATOR_API_KEY": ""}).operator_keys == keys
    assert read_settings(PRODUCTION).operator_keys == (unnamed,)


def test_an_operators_key_may_have_colons_and_is_rotated_under_one_name() -> None:
    keys = read_settings(PRODUCTION | {"OPERATOR_KEYS": f"paul:act:{SECRET}:x,paul:act:{SECRET}"}).operator_keys
    assert [(key.operator.name, key.secret) for key in keys[1:]] == [("paul", f"{SECRET}:x"), ("paul", SECRET)]


def test_all_wrong_entries_of_operators_are_named_at_once_without_their_values() -> None:
    wrong = (
        SECRET,
        f"Amina:view:{SECRET}",
        f"paul:admin:{SECRET}",
        f"{SECRET}:act:paul",
        "paul:act:",
        "paul:act:too-short",
        f"view:{SECRET}",
    )
    named = faults(PRODUCTION | {"OPERATOR_KEYS": ",".join(["good:view:" + OTHER_SECRET, *wrong])})
    assert [fault.partition(":")[0] for fault in named.split("; ")] == [
        f"OPERATOR_KEYS entry {number}" for number in range(2, 2 + len(wrong))
    ]
    assert "entry 4: its right must be view or act" in named
    assert "entry 7: its key must have at least 32 bytes" in named
    for shown in (SECRET, OTHER_SECRET, "Amina", "admin", "paul", "too-short", "good"):
        assert shown not in named


def test_one_key_of_two_operators_is_refused() -> None:
    twice = faults(PRODUCTION | {"OPERATOR_KEYS": f"paul:act:{SECRET},amina:view:{SECRET}"})
    assert twice == "OPERATOR_KEYS must not have one key twice"
    for name in KEYS:
        shared = faults(PRODUCTION | {"OPERATOR_KEYS": f"paul:act:{PRODUCTION[name]}"})
        assert shared == f"OPERATOR_KEYS and {name} must not be the same key"


def test_in_development_an_operators_key_may_be_short_and_stands_alone() -> None:
    settings = read_settings({"APP_ENV": "development", "OPERATOR_KEYS": "paul:act:short"})
    assert settings.operator_keys == (OperatorKey(Operator("paul", Right.ACT), "short"),)
    (generated,) = read_settings({"APP_ENV": "development"}).operator_keys
    assert (generated.operator, len(generated.secret)) == (Operator("operator", Right.ACT), 64)


def test_there_may_be_a_hundred_keys_of_operators() -> None:
    entries = [f"paul:act:{SECRET}{number}" for number in range(101)]
    assert len(read_settings(PRODUCTION | {"OPERATOR_KEYS": ",".join(entries[:100])}).operator_keys) == 101
    assert faults(PRODUCTION | {"OPERATOR_KEYS": ",".join(entries)}) == "OPERATOR_KEYS must have at most 100 entries"


def test_an_operators_key_is_not_shown_with_the_settings() -> None:
    assert SECRET not in repr(read_settings(PRODUCTION | {"OPERATOR_KEYS": f"paul:act:{SECRET}"}).operator_keys)


def test_campay_needs_one_of_two_ways_in() -> None:
    without = {name: value for name, value in PRODUCTION.items() if name != "CAMPAY_PERMANENT_ACCESS_TOKEN"}
    assert "CAMPAY_USERNAME" in faults(without | {"CAMPAY_USERNAME": "u"})
    assert read_settings(without | {"CAMPAY_USERNAME": "u", "CAMPAY_APP_PASSWORD": "p"}).campay.password == "p"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("REDIS_PORT", "six"),
        ("REDIS_TLS", "maybe"),
        ("PAYMENT_EXPIRES_SECONDS", "soon"),
        ("CHECK_AGES_SECONDS", "1,x"),
        ("STATEMENT_MAXIMUM_ROWS", "999"),
        ("STATEMENT_SECONDS", "601"),
        ("PHONE_PROMPTS_PER_DAY", "1.5"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    assert name in faults(PRODUCTION | {name: value})


NUMBERS = {
    "REDIS_PORT": (1, 65_535),
    "REDIS_DB": (0, 9_999),
    "PHONE_PROMPTS_PER_15_MINUTES": (1, 10_000),
    "PHONE_PROMPTS_PER_DAY": (1, 10_000),
    "ADDRESS_PROMPTS_PER_MINUTE": (1, 1_000_000),
    "ADDRESS_REFUSALS_PER_MINUTE": (1, 1_000_000),
    "PAYMENT_EXPIRES_SECONDS": (1, 86_400),
    "CHECK_AGES_SECONDS": (1, 604_800),
    "SWEEP_SECONDS": (1, 60),
    "STATEMENT_MAXIMUM_ROWS": (1_000, 100_000_000),
    "STATEMENT_SECONDS": (5, 600),
    "DAY_SHARDS": (1, 5),
    "PAYMENTS_KEPT_DAYS": (100, 36_500),
    "OPERATOR_SESSION_SECONDS": (60, 43_200),
}
"""The minimum and maximum of each number."""


@pytest.mark.parametrize(
    "value", ["-1", "-0.5", "nan", "inf", "-inf", "1e999", "999999999999", "many", "0x10", "٣", "1;2"]
)
def test_no_number_is_negative_endless_or_none_at_all_and_every_wrong_one_is_named_at_once(value: str) -> None:
    """With PHONE_PROMPTS_PER_DAY=0 the API once started, and then answered 500 to each payment."""
    named = faults(PRODUCTION | dict.fromkeys(NUMBERS, value)).split("; ")
    assert {fault.split()[0] for fault in named} == set(NUMBERS)


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_each_number_ends_at_its_minimum_and_its_maximum(name: str) -> None:
    smallest, largest = NUMBERS[name]
    for allowed in (smallest, largest):
        read_settings(PRODUCTION | {name: str(allowed)})
    for refused in (smallest - 1, smallest - 0.001, largest + 1):
        assert name in faults(PRODUCTION | {name: f"{refused:.12g}"})


def test_the_ages_at_which_a_payment_is_checked() -> None:
    assert read_settings(PRODUCTION).check_ages_seconds == AGES_SECONDS
    assert read_settings(PRODUCTION | {"CHECK_AGES_SECONDS": "60, 2.5,10"}).check_ages_seconds == (2.5, 10.0, 60.0)
    for wrong in (",", "1,", "1,,2", "1,x", "1,nan", "5,0", "1 2", ",".join(["1"] * 101)):
        told = faults(PRODUCTION | {"CHECK_AGES_SECONDS": wrong})
        assert told == "CHECK_AGES_SECONDS must be up to 100 numbers from 1 to 604800, separated by commas"


def test_development_needs_nothing_and_is_refused_inside_lambda() -> None:
    for environment in ({"APP_ENV": "development"}, {"NODE_ENV": "development"}):
        settings = read_settings(environment)
        assert settings.development
        assert settings.redis is None
        assert len({*settings.order_token_keys, *settings.tracking_token_keys, *settings.phone_hash_keys}) == 3
        assert "Lambda" in faults(environment | {"AWS_LAMBDA_FUNCTION_NAME": "api"})
    assert not read_settings(PRODUCTION | {"NODE_ENV": "development", "APP_ENV": "production"}).development


def test_chalices_command_line_means_development_but_not_inside_lambda() -> None:
    by_chalice = {"AWS_CHALICE_CLI_MODE": "true"}
    assert read_settings(by_chalice).development
    assert "MERCHANT_API_KEY is missing" in faults(by_chalice | {"AWS_LAMBDA_FUNCTION_NAME": "api"})
    assert not read_settings(PRODUCTION | by_chalice | {"AWS_LAMBDA_FUNCTION_NAME": "api"}).development
    assert not read_settings(PRODUCTION | by_chalice | {"APP_ENV": "production"}).development


def test_redis_as_elasticache_wants_it() -> None:
    settings = read_settings(
        PRODUCTION
        | {
            "REDIS_PORT": "6380",
            "REDIS_PASSWORD": "p",
            "REDIS_USERNAME": "u",
            "REDIS_TLS": "true",
            "REDIS_CLUSTER": "1",
        }
    )
    assert settings.redis == RedisSettings("redis.internal", 6380, "u", "p", 0, tls=True, cluster=True)


@pytest.mark.parametrize(
    "support", ["+237 6 77 77 77 77", "237677777777", "https://wa.me/237677777777", "mailto:a@b.cm"]
)
def test_a_shop_is_reached_by_a_number_or_an_address(support: str) -> None:
    assert read_settings(PRODUCTION | {"MERCHANT_SUPPORT": support}).merchant_support == support


@pytest.mark.parametrize("support", ["javascript:alert(1)", "http://shop.example", "ask Awa", 'https://a"b'])
def test_a_page_links_to_nothing_else(support: str) -> None:
    assert "MERCHANT_SUPPORT" in faults(PRODUCTION | {"MERCHANT_SUPPORT": support})


SHOP = {"ORDER_EVENTS_URL": "https://shop.example/payment-events", "ORDER_EVENTS_KEY": write_secret(b"k" * 32)}


def test_the_shop_is_told_where_it_has_an_address() -> None:
    """The keys may be there before: a new stage's secret has them."""
    assert read_settings(PRODUCTION).shop is None
    assert read_settings(PRODUCTION | {"ORDER_EVENTS_KEY": SHOP["ORDER_EVENTS_KEY"]}).shop is None
    assert read_settings(PRODUCTION | SHOP).shop == ShopSettings(SHOP["ORDER_EVENTS_URL"], (b"k" * 32,))


def test_two_keys_of_order_events_at_a_time() -> None:
    both = f"{write_secret(b'n' * 32)},{SHOP['ORDER_EVENTS_KEY']}"
    shop = read_settings(PRODUCTION | SHOP | {"ORDER_EVENTS_KEY": both}).shop
    assert shop is not None
    assert shop.keys == (b"n" * 32, b"k" * 32)


@pytest.mark.parametrize("key", ["", "k" * 43, write_secret(b"k" * 31), "whsec_no base64"])
def test_a_key_of_order_events_that_signs_nothing_is_refused(key: str) -> None:
    named = faults(PRODUCTION | SHOP | {"ORDER_EVENTS_KEY": key})
    assert "ORDER_EVENTS_KEY" in named
    assert not key or key not in named


@pytest.mark.parametrize("url", ["http://shop.example/", "https://10.0.0.1/", "https://169.254.169.254/", "https://x"])
def test_order_events_go_to_the_internet_alone(url: str) -> None:
    assert "ORDER_EVENTS_URL" in faults(PRODUCTION | SHOP | {"ORDER_EVENTS_URL": url})
    shop = read_settings({"APP_ENV": "development", **SHOP, "ORDER_EVENTS_URL": url}).shop
    assert shop is not None
    assert not shop.only_public
