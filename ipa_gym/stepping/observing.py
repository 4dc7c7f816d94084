"""What a monitor sees, written into the observation vector, compiled.

Fields, order and scales are those of `ipa_gym/observation.py`.
"""

from __future__ import annotations

from ipa_gym.compiling import embedded
from ipa_gym.forecast.base import HORIZON_S
from ipa_gym.forecast.compiled import EXTERNAL, forecast_rps, highest
from ipa_gym.observation import HISTORY_BIN_S, HISTORY_BINS
from ipa_gym.stepping.arrays import FORECAST
from ipa_gym.workload.trace import HISTORY_S


@embedded
def observe_load(world, seen, second, vector):
    """Write the load's history and the forecast, ``second`` whole seconds into the episode; return the forecast.

    Args:
        seen: int64 (n,) requests of each second, 120 s of history first, as far as the trace goes.
        vector: float32 (D,) out.
    """
    for i in range(HISTORY_BINS):
        first = second + i * HISTORY_BIN_S
        vector[i] = highest(seen, first, first + HISTORY_BIN_S) / world.scales[i]
    code = world.codes[FORECAST]
    if code == EXTERNAL:
        return 0.0
    now = second + HISTORY_S
    forecast = forecast_rps(code, seen[second:now], seen[now : now + HORIZON_S])
    vector[HISTORY_BINS] = forecast / world.scales[HISTORY_BINS]
    return forecast


@embedded
def observe_stages(world, target, tally, vector):
    """Write what is seen of each stage at an interval's end.

    Args:
        target: int64 (S,) variant of the newest decision.
        tally: `Tally` of the interval.
        vector: float32 (D,) out.
    """
    for stage in range(target.shape[0]):
        n_variants = world.n_variants[stage]
        serving, aimed_at = world.field_start[stage], world.field_start[stage] + n_variants
        batch = aimed_at + n_variants
        for place in range(serving, batch):
            vector[place] = 0.0
        vector[serving + tally.variant[stage]] = 1.0
        vector[aimed_at + target[stage]] = 1.0
        serving_s, sojourn_p99_s, utilisation = tally.serving_s[stage], tally.sojourn_p99_s[stage], 0.0
        if serving_s > 0.0:
            utilisation = min(1.0, tally.busy_s[stage] / serving_s)  # the sums may differ in the last digit
        if not sojourn_p99_s >= 0.0:  # NaN: no batch ended
            sojourn_p99_s = 0.0
        scale = world.scales[batch : batch + 7]
        vector[batch] = tally.batch[stage] / scale[0]
        vector[batch + 1] = tally.serving[stage] / scale[1]
        vector[batch + 2] = tally.starting[stage] / scale[2]
        vector[batch + 3] = tally.queue[stage] / scale[3]
        vector[batch + 4] = utilisation / scale[4]
        vector[batch + 5] = sojourn_p99_s / scale[5]
        vector[batch + 6] = tally.dropped[stage] / scale[6]
