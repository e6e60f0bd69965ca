"""How often the report's intervals cover and its tests err, by simulation: `make coverage`.

Studies are drawn that are like the committed one, each variant with as many seeds as params.yaml has, and with as many
reviews, drawn from the test reviews. How often a variant is right on a review is taken from its committed predictions.
The noise of its seeds is normal: first with the variance that the variants of its optimizer have in common, then with
its own. So the true differences are known. Each study goes through the report's own code, and through other ways to
estimate the variance of the seeds. The last table has the verdicts on the source's claims by each way.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from sentiment_rnn.report.claims import evaluate_claims
from sentiment_rnn.report.results import Runs, read_runs, summarize
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.report.statistics import Variance, compare, seed_variance, shared_variances
from sentiment_rnn.study.params import Params, load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

N_STUDIES = 1000
Means = dict[str, NDArray[np.float64]]  # by variant: the means of its seeds
Groups = dict[str, str]  # by variant: its optimizer
Variances = dict[str, Variance | None]


def one_for_all(means: Means, _: Groups) -> Variances:
    """The mean of all variances, however much they differ."""
    own = [one for one in map(seed_variance, means.values()) if one]
    shared = Variance(float(np.mean([one.value for one in own])), sum(one.df for one in own))
    return dict.fromkeys(means, shared)


def moderated(means: Means, _: Groups) -> Variances:
    """The empirical Bayes estimate of Smyth (2004): each variance is drawn towards a common one."""
    own = {name: seed_variance(of_seeds) for name, of_seeds in means.items()}
    values, degrees = (np.array([getattr(one, key) for one in own.values() if one]) for key in ("value", "df"))
    logs = np.log(values) - special.digamma(degrees / 2) + np.log(degrees / 2)
    excess = logs.var(ddof=1) - special.polygamma(1, degrees / 2).mean()
    if excess <= 0:
        return dict.fromkeys(own, Variance(float(np.exp(logs.mean())), int(degrees.sum())))
    grid = np.geomspace(0.1, 1000, 2000)
    prior = grid[np.abs(special.polygamma(1, grid / 2) - excess).argmin()]
    common = np.exp(logs.mean() + special.digamma(prior / 2) - np.log(prior / 2))
    return {
        name: Variance((prior * common + one.df * one.value) / (prior + one.df), float(prior) + one.df)
        for name, one in own.items()
        if one
    }


ESTIMATORS: dict[str, Callable[[Means, Groups], Variances]] = {
    "each its own": lambda means, _: {name: seed_variance(of_seeds) for name, of_seeds in means.items()},
    "one for all": one_for_all,
    "moderated (Smyth 2004)": moderated,
    "one for each optimizer": shared_variances,
}


def main(n_studies: int) -> None:
    params = load_params()
    n_seeds, margin = len(params.study.base.seeds), report_settings(params).margin
    runs = {name: read_runs(*committed(name)) for name in study_catalogue(params).variants if name != "experiment"}
    for noise in ("of its optimizer", "of its own"):
        shares = simulate(runs, n_seeds, margin, n_studies, own_noise=noise == "of its own")
        print(f"\n{n_studies:,} studies with {n_seeds} seeds, each variant with the noise {noise}")
        for figure in ("covered", "half width", "wrongly equivalent"):
            print(f"\n{figure}, by how the variance of the seeds is estimated")
            print(shares.xs(figure, axis=1).to_string(float_format="%.3f"))
    print(f"\nthe verdicts\n{verdicts(runs, params, margin).to_string()}")


def committed(name: str) -> tuple[Path, tuple[int, ...]]:
    """The folder of a variant's results, and the seeds that are in it."""
    folder = Path("results") / name
    return folder, tuple(sorted(int(path.name) for path in folder.iterdir()))


def simulate(
    runs: dict[str, Runs], n_seeds: int, margin: float, n_studies: int, *, own_noise: bool = False
) -> pd.DataFrame:
    """The share of intervals that cover, and of equivalence tests that err where the difference is the margin.

    Args:
        runs: of the variants.
        n_seeds: of each variant that is drawn.
        margin: a difference below it is none.
        n_studies: to draw.
        own_noise: the seeds of a variant vary as its own did, not as those of its optimizer's variants do.

    Returns:
        A row for each two optimizers whose variants are compared, and a column for each figure and each estimator.
    """
    random = np.random.default_rng(0)
    groups = optimizers(runs)
    right = {name: of_variant.predictions.correct for name, of_variant in runs.items()}
    share = {name: table.mean(axis=0) for name, table in right.items()}
    # of the variance of a seed's mean, what right and wrong on single reviews adds is drawn with them
    drawn = {name: (share[name] * (1 - share[name])).mean() / len(share[name]) for name in runs}
    own = {name: right[name].mean(axis=1).var(ddof=1) - drawn[name] for name in runs}
    pooled = {group: np.mean([own[name] for name in runs if groups[name] == group]) for group in groups.values()}
    noise = {name: math.sqrt(max(own[name] if own_noise else pooled[groups[name]], 0.0)) for name in runs}
    pairs, n_reviews = _pairs(groups, own), len(next(iter(share.values())))
    rows = []
    for _ in range(n_studies):
        reviews = random.integers(0, n_reviews, n_reviews)
        tables = {
            name: (random.random((n_seeds, n_reviews)) < share[name][reviews])
            + random.normal(0, noise[name], (n_seeds, 1))
            for name in right
        }
        means = {name: table.mean(axis=1) for name, table in tables.items()}
        variances = {estimator: estimate(means, groups) for estimator, estimate in ESTIMATORS.items()}
        for (first, second), (estimator, estimated) in product(pairs, variances.items()):
            truth, other = share[first].mean() - share[second].mean(), (tables[second], estimated[second])
            one = compare((tables[first], estimated[first]), other, margin)
            at_margin = compare((tables[first] + margin - truth, estimated[first]), other, margin)
            rows.append(
                {
                    "variance": estimator,
                    "optimizers": " and ".join(sorted({groups[first], groups[second]})),
                    "covered": one.ci_low <= truth <= one.ci_high,
                    "half width": (one.ci_high - one.ci_low) / 2,
                    "wrongly equivalent": at_margin.outcome == "within the margin",
                }
            )
    return pd.DataFrame(rows).pivot_table(index="optimizers", columns="variance", sort=False)


def _pairs(groups: Groups, own: dict[str, float]) -> list[tuple[str, str]]:
    """Two variants for each two optimizers, the same one twice included: those whose seeds vary most."""
    ordered = sorted(groups, key=lambda name: -own[name])
    most = {group: [name for name in ordered if groups[name] == group] for group in groups.values()}
    names = list(most)
    within = [(most[group][0], most[group][1]) for group in names if len(most[group]) > 1]
    across = [(most[one][0], most[other][0]) for index, one in enumerate(names) for other in names[:index]]
    return within + across


def verdicts(runs: dict[str, Runs], params: Params, margin: float) -> pd.DataFrame:
    """The verdict on each claim, a row, by how the variance of the seeds is estimated, a column."""
    published, specs = read_yaml(Path("data/published.yaml")), read_yaml(Path("data/claims.yaml"))
    tables = {study: rows for study, rows in study_catalogue(params).tables.items() if study != "experiment"}
    results, groups = summarize(runs), optimizers(runs)
    accuracies = {name: of_variant.predictions.correct.mean(axis=1) for name, of_variant in runs.items()}
    columns = {}
    for estimator, estimate in ESTIMATORS.items():
        variances = estimate(accuracies, groups)
        changed = {name: replace(result, variance=variances[name]) for name, result in results.items()}
        claims = evaluate_claims(published["claims"], specs, tables, changed, margin)
        columns[estimator] = {claim.name: claim.verdict for claim in claims}
    return pd.DataFrame(columns)


def optimizers(runs: dict[str, Runs]) -> Groups:
    """The optimizer of each variant."""
    return {name: of_variant.models[0]["hyperparameters"]["optimizer"] for name, of_variant in runs.items()}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else N_STUDIES)
