"""Provides the template of each stage, with and without cluster mode."""

import pytest

from tests.infra.templates.synthesis import VARIANTS, Template, Variant, template_of


@pytest.fixture(scope="module", params=VARIANTS, ids=str)
def variant(request: pytest.FixtureRequest) -> Variant:
    it: Variant = request.param
    return it


@pytest.fixture(scope="module")
def stack(variant: Variant, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tmp_path_factory, variant)
