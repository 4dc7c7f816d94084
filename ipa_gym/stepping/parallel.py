"""`step_parallel`: the step kernel over all environments on several threads; the floats are those of one thread."""

from __future__ import annotations

from numba import njit, prange

from ipa_gym.stepping.kernel import step_range


@njit(cache=True, parallel=True)
def step_parallel(world, blocks, episodes, outputs, work, records, actions, pending, needed):
    """`step_range` over all environments, in one contiguous share a thread: as many as ``needed`` has rows."""
    n_envs, n_threads = actions.shape[0], needed.shape[0]
    left = 0
    for thread in prange(n_threads):
        first, end = thread * n_envs // n_threads, (thread + 1) * n_envs // n_threads
        left += step_range(
            world, blocks, episodes, outputs, work, records, actions, pending, needed, thread, first, end
        )
    return left
