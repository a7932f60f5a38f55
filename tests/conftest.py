"""Two hypothesis profiles: `gate` draws the same examples on every machine, `dev` looks for new ones.

Neither has a deadline: how long an example takes says something of the machine and nothing of the code.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "gate",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    print_blob=True,
    database=None,
)
settings.load_profile("dev")
