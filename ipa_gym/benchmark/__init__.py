"""The benchmark: every agent on every pipeline under every load, several seeds each, one table.

`run_benchmark(BenchmarkSettings(...))` gives the episodes as a table; `write_results` puts it on disk with figures.
`run_and_write` does both and keeps every episode in a store, so that nothing is run twice.
"""

from ipa_gym.benchmark.runner import BenchmarkRun, RunOptions, run_benchmark, run_benchmarks
from ipa_gym.benchmark.session import run_and_write
from ipa_gym.benchmark.settings import BenchmarkSettings, EnvironmentOptions
from ipa_gym.benchmark.writing import read_results, write_results

__all__ = [
    "BenchmarkRun",
    "BenchmarkSettings",
    "EnvironmentOptions",
    "RunOptions",
    "read_results",
    "run_and_write",
    "run_benchmark",
    "run_benchmarks",
    "write_results",
]
