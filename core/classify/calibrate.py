"""A score is not a probability: a small monotone model, fitted on rows nobody trained on, makes it one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CEILING = 0.995
KNOTS = (0.2, 0.5, 0.8)
PENALTY = 1e-3
BAND = 0.85  # where the automatic band begins, and precision is promised
BEND = 0.6  # below this the floor changes nothing
PRECISION = 0.97  # asked of the held-out rows in the band
AMPLE = 0.985  # from this precision on it does not matter how many strangers get through
LEAK = 0.04
FEWEST = 20  # rows in the band, before their precision counts


@dataclass(frozen=True)
class Proof:
    """What is asked of held-out rows before a probability is told as BAND."""

    precision: float
    leak: float  # of rows of unknown intents, at most so many in the band, unless the precision is AMPLE
    least: float  # probability, however precise the rows below it are


OWN = Proof(PRECISION, LEAK, BAND)  # rows like those to come: a confidence may say too little, never too much
STARTER = Proof(0.92, 0.06, BAND)
"""Lines of the starter were written to be unlike each other, so one left out is harder to judge than what customers write: ordinary
messages that nothing was learned from are answered rightly more often than that (bench/ordinary.py)."""


def proof(ours: float) -> Proof:
    """Return what is asked where this share of the examples is the starter's."""
    return Proof(
        *(own + ours * (begin - own) for own, begin in zip(astuple(OWN), astuple(STARTER), strict=True))
    )


@dataclass(frozen=True)
class Calibrator:
    """Non-negative weights over rising hinges: more evidence never means less confidence."""

    centre: Array
    scale: Array
    knots: Array  # feature x knot
    slopes: Array  # feature x (1 + knots)
    bias: float
    ceiling: float = CEILING
    floor: float = BAND  # the probability that is told as BAND: held-out rows prove the band from here on

    def __call__(self, evidence: Array) -> Array:
        """Return the probability for each row of evidence (rows x features)."""
        basis = _basis(self.standard(evidence), self.knots)
        logits = basis @ self.slopes.ravel() + self.bias
        raw = self.ceiling / (1 + np.exp(-np.clip(logits, -30, 30)))  # not cut off: the order must be kept
        return lowered(raw, self.floor)

    def standard(self, evidence: Array) -> Array:
        """Evidence on the scale of the fitting rows, without outliers."""
        result: Array = np.clip((np.asarray(evidence, float) - self.centre) / self.scale, -4, 4)
        return result

    def arrays(self) -> dict[str, Array]:
        """Return what to save."""
        last = np.array([self.bias, self.ceiling, self.floor])
        return {
            "centre": self.centre,
            "scale": self.scale,
            "knots": self.knots,
            "slopes": self.slopes,
            "last": last,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Calibrator:
        """Return what `arrays` saved."""
        centre, scale, knots, slopes = (
            np.asarray(arrays[name], float) for name in ("centre", "scale", "knots", "slopes")
        )
        return cls(centre, scale, knots, slopes, *map(float, arrays["last"]))


def lowered(raw: Array, floor: float) -> Array:
    """Return the probabilities, told so that the floor is BAND, in the same order; none is told as more where the floor is higher."""
    if floor == BAND or floor <= BEND:
        return raw
    below = BEND + (raw - BEND) * (BAND - BEND) / (floor - BEND)
    above = BAND + (raw - floor) * (1 - BAND) / (1 - floor)
    told: Array = np.where(raw >= floor, above, np.where(raw > BEND, np.minimum(below, BAND - 1e-6), raw))
    return told


def proven_floor(
    held: Array, right: NDArray[np.bool_], mass: Array, strangers: NDArray[np.bool_], asked: Proof = OWN
) -> float:
    """Return the lowest probability from which on the held-out rows are precise enough, and few strangers get
    through."""
    order = np.argsort(-held, kind="stable")
    share = np.cumsum((mass * right)[order]) / np.cumsum(mass[order])

    def lowest(precision: float) -> float:
        good = np.flatnonzero(share >= precision)
        good = good[good >= FEWEST]
        return float(held[order[good[-1] if len(good) else min(FEWEST, len(order) - 1)]])

    leak = float(np.quantile(held[strangers], 1 - asked.leak)) if strangers.any() else 0.0
    return min(max(lowest(asked.precision), min(leak, lowest(AMPLE)), asked.least), CEILING)


def fit_calibrator(evidence: Array, right: NDArray[np.bool_], weight: Array | None = None) -> Calibrator:
    """Fit on held-out rows: `evidence` rows x features (each rising with trust), whether right, row weights."""
    evidence = np.asarray(evidence, float)
    mass = np.ones(len(evidence)) if weight is None else np.asarray(weight, float)
    mass = mass / mass.sum()
    centre = evidence.mean(axis=0)
    scale = np.maximum(evidence.std(axis=0), 1e-6)
    standard = np.clip((evidence - centre) / scale, -4, 4)
    knots = np.quantile(standard, KNOTS, axis=0).T
    bias, slopes = _non_negative(_basis(standard, knots), np.asarray(right, float), mass)
    ceiling = min(CEILING, 1 - 1 / (len(evidence) + 2))  # a handful of rows never proves certainty
    return Calibrator(centre, scale, knots, slopes.reshape(len(centre), -1), bias, ceiling)


def softmax(scores: NDArray[np.float32], temperature: float) -> Array:
    """Scores as shares of one."""
    scaled = scores.astype(float) * temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def temperature(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature by which held-out scores fit their labels best."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        shares = softmax(scores, float(np.exp(log_t)))
        return float(-np.log(np.maximum(shares[np.arange(len(labels)), labels], 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(0.0, 4.0), method="bounded").x))


def score_evidence(scores: Array) -> Array:
    """Return an outside classifier's confidences as one column of evidence."""
    clipped = np.clip(np.asarray(scores, float), 1e-4, 1 - 1e-4)
    result: Array = np.log(clipped / (1 - clipped))[:, None]
    return result


def _basis(standard: Array, knots: Array) -> Array:
    hinges = np.maximum(standard[:, :, None] - knots[None], 0.0)
    result: Array = np.concatenate([standard[:, :, None], hinges], axis=2).reshape(len(standard), -1)
    return result


def _non_negative(basis: Array, right: Array, mass: Array) -> tuple[float, Array]:
    from scipy.optimize import minimize

    def loss(theta: Array) -> tuple[float, Array]:
        logits = basis @ theta[1:] + theta[0]
        value = mass @ (np.logaddexp(0, logits) - right * logits) + PENALTY * theta[1:] @ theta[1:]
        error = mass * (1 / (1 + np.exp(-np.clip(logits, -500, 500))) - right)
        gradient = np.append(error.sum(), basis.T @ error + 2 * PENALTY * theta[1:])
        return float(value), gradient

    bounds = [(None, None)] + [(0.0, None)] * basis.shape[1]
    best = minimize(loss, np.zeros(basis.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    return float(best.x[0]), best.x[1:]
