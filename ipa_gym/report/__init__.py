"""The report of a benchmark: one self-contained HTML page and figures, from the results store.

`write_report` does it all; ``ipa-gym report`` calls it. Each section has a module of its own.
"""

from ipa_gym.report.writing import Report, write_report

__all__ = ["Report", "write_report"]
