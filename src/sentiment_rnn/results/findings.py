"""All that the runs came to, gathered for the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_rnn.params import AXES, Baseline, Params
from sentiment_rnn.results.calibration import Calibration
from sentiment_rnn.results.comparisons import Claim, RowComparison, compare_rows, judge
from sentiment_rnn.results.rows import Folders, Rows, run_folders, study_rows
from sentiment_rnn.results.runs import read_champion_trials, read_curves, read_runs
from sentiment_rnn.results.studies import Result, Tables, compared, published_tables, read_results

SHARING = (*AXES, "compound", "champion")  # the studies whose models are asked which errors they share


@dataclass(frozen=True)
class Findings:
    """All that the report shows.

    Attributes:
        params: the parameters.
        data: the summaries of the split and of the vocabulary.
        rows: study -> row -> variant.
        folders: variant -> the folders of its runs.
        results: by variant.
        runs: one row per run, of runs.read_runs.
        comparisons: of comparisons.compare_rows.
        claims: of comparisons.judge.
        source: what the source published; None where it does not compare.
        published: its tables; empty where it does not compare.
        curves: the learning curves, by study: columns variant, seed, epoch, split, loss, accuracy.
        calibrations: by row of the champion's table.
        also_in_train: bool [reviews of test].
        n_wrong: int [reviews of test], how many of the runs that share the test reviews are wrong.
        n_sharing: how many runs these are.
        champion_trials: of runs.read_champion_trials.
        cpu_seconds: by variant, of a training on the machine of the committed run; empty where it does not compare.
    """

    params: Params
    data: dict[str, Any]
    rows: Rows
    folders: Folders
    results: dict[str, Result]
    runs: pd.DataFrame
    comparisons: list[RowComparison]
    claims: list[Claim]
    source: dict[str, Any] | None
    published: Tables
    curves: dict[str, pd.DataFrame]
    calibrations: dict[str, Calibration]
    also_in_train: NDArray[np.bool_]
    n_wrong: NDArray[np.int64]
    n_sharing: int
    champion_trials: pd.DataFrame
    cpu_seconds: dict[str, float]


def gather(
    params: Params,
    models: Path,
    evaluations: Path,
    *,
    data: dict[str, Any],
    published: dict[str, Any],
    meanings: dict[str, list[str]],
    also_in_train: NDArray[np.bool_],
    cpu_seconds: dict[str, float],
) -> Findings:
    """Read every run, and compare.

    Args:
        params: the parameters.
        models: folder of the trained models.
        evaluations: folder of their evaluations.
        data: the summaries of the split and of the vocabulary.
        published: what the source published; left out of what comes back where it does not compare, but for its claims.
        meanings: how the claims are read.
        also_in_train: bool [reviews of test].
        cpu_seconds: by variant, of the committed run; left out likewise.
    """
    rows = study_rows(params)
    folders = run_folders(params, rows)
    results = read_results(evaluations, folders)
    source_tables = published_tables(published)
    comparisons = compare_rows(compared(params, rows, source_tables), rows, results)
    is_comparable = params.dataset == "imdb" and params.split == "random"
    sharing = list(dict.fromkeys(variant for study in SHARING for variant in rows[study].values()))
    wrong = np.concatenate([1 - results[variant].answers.correct for variant in sharing])
    return Findings(
        params=params,
        data=data,
        rows=rows,
        folders=folders,
        results=results,
        runs=read_runs(models, evaluations, folders),
        comparisons=comparisons,
        claims=judge(published["claims"], meanings, comparisons, rows, results),
        source=published if is_comparable else None,
        published=source_tables if is_comparable else {},
        curves={
            study: read_curves(models, names, folders)
            for study, names in rows.items()
            if not names.keys() & set(get_args(Baseline))
        },
        calibrations={row: Calibration.of(results[name].answers) for row, name in rows["champion"].items()},
        also_in_train=also_in_train,
        n_wrong=wrong.sum(axis=0).astype(np.int64),
        n_sharing=len(wrong),
        champion_trials=read_champion_trials(models, params),
        cpu_seconds=cpu_seconds if is_comparable else {},
    )
