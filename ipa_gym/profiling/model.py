"""The profile model: one formula for the latency of every variant, in batch size and in cores.

    l(b, c) = w · g(c) · f(b),   g(c) = s + (1 − s) / c,   f(b) = 1 + p (b − 1) + q (b² − 1) up to b = 8

w: seconds of one request on one core, per variant and series of measurements. g: Amdahl's law; s, the serial
fraction, per family. f: the paper's quadratic in the batch, scaled to f(1) = 1, per family; p, q ≥ 0, so it never
falls, and p + q ≤ 1, so its fixed part is not negative. Past 8, the largest batch that filled, it goes on in
proportion, f(b) = f(8) · b / 8: in the saturated rows at 32 and 64 throughput is that at 8. Fitted by robust least
squares of log latency, so that errors count in percent; series of one variant are pulled together. Which rows are
used: `ipa_gym.profiling.points`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ipa_gym.errors import OptionError
from ipa_gym.profiling.points import ServiceTime

FloatArray = NDArray[np.float64]
PRIOR_WEIGHT = 0.1  # of the pull towards the pooled shape: decides only what a family's rows leave open
SERIES_WEIGHT = 0.3  # of the pull between the series of one variant: they differ about three times as much as points
LARGEST_FILLED_BATCH = 8


@dataclass(frozen=True, slots=True)
class FamilyModel:
    """Shape of a family's latency: serial fraction, linear and quadratic part in batch."""

    serial_fraction: float
    linear: float
    quadratic: float

    def core_factor(self, cores: float) -> float:
        """g(c): latency on ``cores`` over latency on one core."""
        return self.serial_fraction + (1.0 - self.serial_fraction) / cores

    def batch_factor(self, batch: int) -> float:
        """f(b): latency of a batch over latency of one request."""
        inside = min(batch, LARGEST_FILLED_BATCH)
        factor = 1.0 + self.linear * (inside - 1) + self.quadratic * (inside * inside - 1)
        return factor * batch / inside


START = FamilyModel(serial_fraction=0.2, linear=0.7, quadratic=0.01)  # of the search; no result depends on it


@dataclass(frozen=True, slots=True)
class FamilyFit:
    """A fitted family: its shape, the work of each variant in each series, and the error of the fit."""

    shape: FamilyModel
    work_s: Mapping[tuple[str, str], float]  # (variant, series) -> seconds of one request on one core
    median_error: float  # median of |log(model / measured)|, about a fraction
    n_points: int


def fit_family(measured: Sequence[ServiceTime], *, prior: FamilyModel | None = None) -> FamilyFit:
    """Fit shape and work to a family's measured service times.

    Args:
        measured: at least one point, batches up to 8; what they leave open (no second batch size, no second number
            of cores) stays at the ``prior``.
        prior: the shape that the other families suggest; None: no pull.
    Raises: OptionError if there is nothing to fit.
    """
    if not measured:
        raise OptionError("fit_family: no measured points; expected at least one")
    keys = sorted({(point.variant, point.series) for point in measured})
    index = np.array([keys.index((point.variant, point.series)) for point in measured])
    cores = np.array([float(point.cores) for point in measured])
    batch = np.array([float(point.batch) for point in measured])
    log_s = np.log([point.seconds for point in measured])
    centre = prior or START

    def errors_of(parameters: FloatArray) -> FloatArray:
        return _log_latency(parameters, index, cores, batch) - log_s

    def residuals(parameters: FloatArray) -> FloatArray:
        series_pull = SERIES_WEIGHT * _spread(parameters[3:], [variant for variant, _ in keys])
        prior_pull = np.zeros(3) if prior is None else PRIOR_WEIGHT * (_shape(parameters) - _as_array(prior))
        return np.concatenate([errors_of(parameters), series_pull, prior_pull])

    slope = centre.linear + centre.quadratic
    shape_start = np.clip([centre.serial_fraction, slope, centre.quadratic / max(slope, 1e-9)], 1e-3, 0.999)
    start = np.concatenate([shape_start, [log_s[index == i].mean() for i in range(len(keys))]])
    bounds = ([0.0] * 3 + [-np.inf] * len(keys), [1.0] * 3 + [np.inf] * len(keys))
    result = least_squares(residuals, start, bounds=bounds, loss="soft_l1", f_scale=0.1)
    shape = FamilyModel(*(float(value) for value in _shape(result.x)))
    works = {key: float(np.exp(result.x[3 + i])) for i, key in enumerate(keys)}
    return FamilyFit(shape, works, float(np.median(np.abs(errors_of(result.x)))), len(measured))


def mean_shape(groups: Sequence[Sequence[ServiceTime]]) -> FamilyModel:
    """The prior: mean shape of the families, each counting once; only families that measured batches speak about
    the batch, only those that measured cores about cores.

    Raises: OptionError if no family measured the one or the other.
    """
    by_batch = [fit_family(group).shape for group in groups if _varies(group, "batch")]
    by_cores = [fit_family(group).shape for group in groups if _varies(group, "cores")]
    if not by_batch or not by_cores:
        raise OptionError("mean_shape: some family must be measured at several batch sizes, and some on several cores")
    return FamilyModel(
        serial_fraction=float(np.mean([shape.serial_fraction for shape in by_cores])),
        linear=float(np.mean([shape.linear for shape in by_batch])),
        quadratic=float(np.mean([shape.quadratic for shape in by_batch])),
    )


def work_from_gflops(works_s: Sequence[float], gflops: Sequence[float], *, wanted_gflops: float) -> float:
    """Seconds on one core of a variant never measured, from its GFLOPs: a power law through the family's variants.

    Two or more known variants fix factor and exponent by least squares of the logarithms; one fixes the factor
    (exponent 1). Raises: OptionError if none is known.
    """
    if not works_s:
        raise OptionError("work_from_gflops: no variant of the family is known; measure or publish one")
    if len(works_s) == 1:
        return works_s[0] * wanted_gflops / gflops[0]
    exponent, log_factor = np.polyfit(np.log(gflops), np.log(works_s), 1)
    return float(np.exp(log_factor) * wanted_gflops**exponent)


def _varies(measured: Sequence[ServiceTime], axis: Literal["batch", "cores"]) -> bool:
    """Whether some variant was measured at two values of an axis within one series, the other axis fixed."""
    other = "cores" if axis == "batch" else "batch"
    seen: dict[tuple[object, ...], set[int]] = {}
    for point in measured:
        key = (point.variant, point.series, getattr(point, other))
        seen.setdefault(key, set()).add(getattr(point, axis))
    return any(len(values) > 1 for values in seen.values())


def _spread(log_works: FloatArray, variants: Sequence[str]) -> FloatArray:
    """Distance of each series' log work from the mean over the series of its variant."""
    groups = {name: [i for i, other in enumerate(variants) if other == name] for name in variants}
    means = {name: log_works[members].mean() for name, members in groups.items()}
    return np.array([log_works[i] - means[name] for i, name in enumerate(variants)])


def _as_array(shape: FamilyModel) -> FloatArray:
    return np.array([shape.serial_fraction, shape.linear, shape.quadratic])


def _shape(parameters: FloatArray) -> FloatArray:
    """s, p, q from the free parameters: s, p + q and q's share of it, each in [0, 1]."""
    serial, total, share = parameters[:3]
    return np.array([serial, total * (1.0 - share), total * share])


def _log_latency(parameters: FloatArray, index: NDArray[np.int64], cores: FloatArray, batch: FloatArray) -> FloatArray:
    serial, linear, quadratic = _shape(parameters)
    core_factor = serial + (1.0 - serial) / cores
    batch_factor = 1.0 + linear * (batch - 1) + quadratic * (batch * batch - 1)
    return np.asarray(parameters[3:][index] + np.log(core_factor) + np.log(batch_factor))
