"""How often the report's intervals cover and its tests err, by simulation: `make coverage`.

Studies are drawn that are like the committed one, each variant with as many seeds as params.yaml has, and with as many
reviews, drawn from the test reviews. How often a variant is right on a review is taken from its committed predictions.
The noise of its seeds is normal: first with the variance that the variants of its optimizer have in common, then with
its own. So the true differences are known. Each study goes through the report's own code, and beside it other ideas of
the variance of the seeds. At the end stands what each idea makes of the source's claims.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from sentiment_rnn.report.claims import judge
from sentiment_rnn.report.comparisons import compare_rows, families_of_study
from sentiment_rnn.report.results import Runs, published_tables, read_runs, summarize
from sentiment_rnn.report.statistics import ALPHA, Variance, compare, own_variance, shared_variances
from sentiment_rnn.study.params import Params, load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

N_STUDIES = 1000
Means = dict[str, NDArray[np.float64]]  # by variant: the means of its seeds
Groups = dict[str, str]  # by variant: its optimizer
Variances = dict[str, Variance | None]


def one_for_all(means: Means, _: Groups) -> Variances:
    """The mean of all variances, however much they differ."""
    own = [one for one in map(own_variance, means.values()) if one]
    shared = Variance(float(np.mean([one.value for one in own])), sum(one.degrees for one in own))
    return dict.fromkeys(means, shared)


def moderated(means: Means, _: Groups) -> Variances:
    """The empirical Bayes estimate of Smyth (2004): each variance is drawn towards a common one."""
    own = {name: own_variance(found) for name, found in means.items()}
    values, degrees = (np.array([getattr(one, key) for one in own.values() if one]) for key in ("value", "degrees"))
    logs = np.log(values) - special.digamma(degrees / 2) + np.log(degrees / 2)
    excess = logs.var(ddof=1) - special.polygamma(1, degrees / 2).mean()
    if excess <= 0:
        return dict.fromkeys(own, Variance(float(np.exp(logs.mean())), int(degrees.sum())))
    grid = np.geomspace(0.1, 1000, 2000)
    prior = grid[np.abs(special.polygamma(1, grid / 2) - excess).argmin()]
    common = np.exp(logs.mean() + special.digamma(prior / 2) - np.log(prior / 2))
    return {
        name: Variance((prior * common + one.degrees * one.value) / (prior + one.degrees), float(prior) + one.degrees)
        for name, one in own.items()
        if one
    }


IDEAS: dict[str, Callable[[Means, Groups], Variances]] = {
    "each its own": lambda means, _: {name: own_variance(found) for name, found in means.items()},
    "one for all": one_for_all,
    "moderated (Smyth 2004)": moderated,
    "one for each optimizer": shared_variances,
}


def main(n_studies: int) -> None:
    params = load_params()
    runs = {
        name: read_runs(Path("results") / name) for name in study_catalogue(params).variants if name != "experiment"
    }
    for noise in ("of its optimizer", "of its own"):
        found = simulate(runs, len(params.seeds), params.margin, n_studies, own_noise=noise == "of its own")
        print(f"\n{n_studies:,} studies with {len(params.seeds)} seeds, each variant with the noise {noise}")
        for figure in ("covered", "half width", "wrongly equivalent"):
            print(f"\n{figure}, by how the variance of the seeds is estimated")
            print(found.xs(figure, axis=1).to_string(float_format="%.3f"))
    print(f"\nthe verdicts\n{verdicts(runs, params).to_string()}")


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
        A row for each two optimizers whose variants are compared, and a column for each of the two and each idea.
    """
    random = np.random.default_rng(0)
    groups = optimizers(runs)
    right = {name: found.answers.correct for name, found in runs.items()}
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
        variances = {idea: estimate(means, groups) for idea, estimate in IDEAS.items()}
        for (first, second), (idea, found) in ((pair, item) for pair in pairs for item in variances.items()):
            truth, other = share[first].mean() - share[second].mean(), (tables[second], found[second])
            one = compare((tables[first], found[first]), other, margin)
            at_margin = compare((tables[first] + margin - truth, found[first]), other, margin)
            rows.append(
                {
                    "variance": idea,
                    "optimizers": " and ".join(sorted({groups[first], groups[second]})),
                    "covered": one.low <= truth <= one.high,
                    "half width": (one.high - one.low) / 2,
                    "wrongly equivalent": at_margin.p_equivalence < ALPHA,
                }
            )
    return pd.DataFrame(rows).pivot_table(index="optimizers", columns="variance", sort=False)


def _pairs(groups: Groups, own: dict[str, float]) -> list[tuple[str, str]]:
    """Two variants for each two optimizers, the same one twice included: those whose seeds vary most."""
    ordered = sorted(groups, key=lambda name: -own[name])
    most = {group: [name for name in ordered if groups[name] == group] for group in groups.values()}
    names = list(most)
    within = [(most[group][0], most[group][1]) for group in names if len(most[group]) > 1]
    across = [(most[one][0], most[other][0]) for place, one in enumerate(names) for other in names[:place]]
    return within + across


def verdicts(runs: dict[str, Runs], params: Params) -> pd.DataFrame:
    """The verdict on each claim, a row, by how the variance of the seeds is estimated, a column."""
    published, meanings = read_yaml(Path("data/published.yaml")), read_yaml(Path("data/claims.yaml"))
    tables = {study: rows for study, rows in study_catalogue(params).tables.items() if study != "experiment"}
    families = families_of_study(tables, published_tables(published))
    results, groups = summarize(runs), optimizers(runs)
    accuracies = {name: found.answers.correct.mean(axis=1) for name, found in runs.items()}
    columns = {}
    for idea, estimate in IDEAS.items():
        variances = estimate(accuracies, groups)
        changed = {name: replace(result, variance=variances[name]) for name, result in results.items()}
        comparisons = compare_rows(families, tables, changed, params.margin)
        judged = judge(published["claims"], meanings, comparisons, tables, changed, params.margin)
        columns[idea] = {claim.name: claim.verdict for claim in judged}
    return pd.DataFrame(columns)


def optimizers(runs: dict[str, Runs]) -> Groups:
    """The optimizer of each variant."""
    return {name: found.models[0]["hyperparameters"]["optimizer"] for name, found in runs.items()}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else N_STUDIES)
