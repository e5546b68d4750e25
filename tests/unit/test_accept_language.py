"""Tests which of the two languages a browser's header chooses."""

import pytest

from chalicelib.domain.accept_language import preferred_locale


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "fr"),
        ("en", "en"),
        ("fr", "fr"),
        ("EN-gb", "en"),
        ("de", "fr"),
        ("de,en;q=0.5", "en"),
        ("en,fr", "en"),
        ("fr,en", "fr"),
        ("fr;q=0.5,en;q=0.6", "en"),
        ("en;q=0.6, fr;q=0.7", "fr"),
        ("en;q=0.5,fr", "fr"),
        ("fr;q=0.998,en", "en"),
        ("fr,en;q=0.998", "fr"),
        ("en;q=0,de", "fr"),
        ("en;q=0.1", "en"),
        ("fr;q=-1,en", "en"),
        ("fr;q=high,en", "en"),
        ("en;q=", "en"),
        ("de," * 66 + "en", "en"),
        ("de," * 67 + "en", "fr"),
    ],
)
def test_the_header_chooses_the_language(header: str, locale: str) -> None:
    """The last two say that 200 characters are read, and nothing behind them."""
    assert preferred_locale(header) == locale
