"""Chooses the language of what a customer reads, as RFC 9110's Accept-Language asks. Pure."""

_READ = 200
"""Characters; what stands behind them is ignored."""


def preferred_locale(accept_language: str) -> str:
    """Returns `en` where the header prefers English to French, else `fr`. `accept_language`: empty for no header."""
    ranked: list[tuple[float, str]] = []
    for position, part in enumerate(accept_language[:_READ].split(",")):
        tag, _, quality = part.strip().lower().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag[:2] in ("fr", "en") and weight > 0:
            ranked.append((weight - position / 1000, tag[:2]))
    return max(ranked)[1] if ranked else "fr"
