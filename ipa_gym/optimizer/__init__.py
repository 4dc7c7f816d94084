"""IPA's integer program: `pulp_solver.py` (HiGHS or CBC) and `exact_solver.py` (Pareto search, same optimum)."""
