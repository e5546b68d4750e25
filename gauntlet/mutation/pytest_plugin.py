"""Sets the tests up for mutants. Only the copy that mutmut runs them in reads it."""

import hypothesis

# The same examples each time, so that a mutant's fate does not change. To shrink one serves a reader: there is none.
hypothesis.settings.register_profile(
    "mutants",
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=(hypothesis.HealthCheck.too_slow,),
)
