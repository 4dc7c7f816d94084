"""The benchmark: every agent on every pipeline under every load, several seeds, one table.

`run_benchmark(BenchmarkSettings(...))` gives the episodes as a table; `write_results` puts it on disk with figures.
"""

from ipa_gym.benchmark.runner import BenchmarkRun, run_benchmark
from ipa_gym.benchmark.settings import BenchmarkSettings, EnvironmentOptions
from ipa_gym.benchmark.writing import read_results, write_results

__all__ = [
    "BenchmarkRun",
    "BenchmarkSettings",
    "EnvironmentOptions",
    "read_results",
    "run_benchmark",
    "write_results",
]
