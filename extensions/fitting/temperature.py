"""How sure a linear classifier's answers should be."""

import numpy as np
from numpy.typing import NDArray


def temperature(scores: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> float:
    """The factor that makes log-odds of positive out of scores (Guo et al., On Calibration of Modern Neural Networks).

    Zero or less where the scores say nothing of the truth, or the contrary.

    Args:
        scores: [reviews], of reviews that the classifier was not fitted to.
        is_positive: [reviews], both labels among them.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # takes a second, for a few callers

    # liblinear has one thread: sums of several would end in other digits on other machines
    regression = LogisticRegression(solver="liblinear", fit_intercept=False, random_state=0)
    return float(regression.fit(scores[:, None], is_positive).coef_[0, 0])
