"""How much more often a feature stands in positive texts than in negative ones."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


def log_count_ratio(features: csr_matrix, is_positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[features]: the logarithm of each feature's share in the positive texts over that in the negative ones.

    Of naive Bayes with a count of one added to every feature (Wang and Manning 2012, with their alpha of 1).

    Args:
        features: [texts, features], counts.
        is_positive: [texts].
    """
    positive = 1 + np.asarray(features[is_positive].sum(axis=0)).ravel()
    negative = 1 + np.asarray(features[~is_positive].sum(axis=0)).ravel()
    ratio: NDArray[np.float64] = np.log((positive / positive.sum()) / (negative / negative.sum()))
    return ratio
