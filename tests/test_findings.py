"""What the report makes of its findings: the forest plot's rows, what to take away, and the spread over splits."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import findings as beyond
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, shrink
from ruamel.yaml import YAML
from scipy import stats
from sentiment_rnn.evaluation.answers import Answers
from sentiment_rnn.report.findings import Findings, gather
from sentiment_rnn.report.takeaways import takeaways

from sentiment_rnn.report.results import Runs, summarize
from sentiment_rnn.report.study_report import differences
from sentiment_rnn.study.params import load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

yaml = YAML(typ="safe", pure=True)
N = 4000
RIGHT = {"lstm-adam": 0.88, "gru-adam": 0.80, "lstm-sgd": 0.50, "gru-sgd": 0.50, "n_layers-2": 0.95}  # others: 0.88


def runs_of(accuracy: float, seed: int, n_seeds: int = 3) -> Runs:
    """Answers of seeds that are right on this share of the reviews, nearly the same ones."""
    noise = np.random.default_rng(seed).normal(0, 0.0005, (n_seeds, 1))
    right = np.arange(N) / N < accuracy + noise
    labels = np.arange(N) % 2
    models = [{"seed": place, "n_parameters": 7, "hyperparameters": {"optimizer": "adam"}} for place in range(n_seeds)]
    return Runs(models, pd.DataFrame(), Answers(labels, np.where(right, 1.0, -1.0) * np.where(labels == 1, 1.0, -1.0)))


def found_with(folder: Path, cells: list[str]) -> Findings:
    """The findings of a small study whose accuracies are made up."""
    content: Any = yaml.load(PROJECT / "params.yaml")
    shrink(content)
    content["dataset"] = "imdb"
    content["study"]["grids"] |= {"cell": cells, "optimizer": ["sgd", "adam"]}
    yaml.dump(content, folder / "params.yaml")
    params = load_params(folder / "params.yaml")
    catalogue = study_catalogue(params)
    runs = {name: runs_of(RIGHT.get(name, 0.88), place) for place, name in enumerate(catalogue.variants)}
    return gather(
        params,
        catalogue,
        summarize(runs, guests=["experiment"]),
        published=read_yaml(PROJECT / "data/published.yaml"),
        meanings=read_yaml(PROJECT / "data/claims.yaml"),
        data={},
        also_in_train=np.zeros(N, dtype=bool),
        cpu_seconds={"lstm-adam": 120.0},
    )


@pytest.mark.parametrize("cells", [["lstm", "gru"], ["gru", "lstm"]])
def test_forest_plot_compares_as_its_headings_say(cells: list[str], tmp_path: Path):
    rows = differences(found_with(tmp_path, cells))
    headings = [row for row in rows if isinstance(row, str)]
    assert headings[0] == f"{cells[0].upper()}: optimizers, compared with adam"
    assert headings[-1] == f"{cells[1].upper()} compared with {cells[0].upper()}"
    by_label = {row.label: row for row in rows if not isinstance(row, str)}  # of one label the last
    sign = 1 if cells == ["gru", "lstm"] else -1
    assert by_label["adam"].found.difference == pytest.approx(sign * 0.08, abs=0.002)
    assert by_label["adam"].published == pytest.approx(sign * (0.885 - 0.883))
    assert (by_label["2"].found.outcome, by_label["2"].published) == ("more", pytest.approx(0.887 - 0.885))
    assert by_label["compound"].found.outcome == "no difference"
    assert by_label["compound"].published == pytest.approx(0.875 - 0.885)


def test_what_to_take_away_follows_from_the_outcomes(tmp_path: Path):
    texts = takeaways(found_with(tmp_path, ["lstm", "gru"]))
    assert texts["Optimizer"].startswith("With the LSTM, Adam (88.0%) did best; SGD was 38.0 points below Adam. With")
    assert texts["Cell"].startswith(
        "With Adam, LSTM and GRU differ, and the LSTM is better: LSTM minus GRU is between +"
    )
    assert "The LSTM has 7 parameters and takes 2.0 CPU minutes to train. The GRU has 7 parameters." in texts["Cell"]
    assert texts["Width and depth"].startswith(
        "Of 2 other variants 1 did as well as the base, within the margin; 1 did better. "
    )
    assert list(takeaways(found_with(tmp_path, ["lstm"]))) == ["Optimizer", "Width and depth"]


def test_spread_over_splits_by_hand():
    """Four splits of known accuracies beside the spread that seeds and test reviews would give."""
    shares = {"lstm": [0.80, 0.81, 0.83, 0.82], "gru": [0.80, 0.82, 0.80, 0.81]}
    runs = {f"{cell}-adam": runs_of(rows[0], place) for place, (cell, rows) in enumerate(shares.items())}
    for cell, rows in shares.items():
        runs |= {f"split_seed-{split}/{cell}": runs_of(row, 9, n_seeds=1) for split, row in enumerate(rows[1:], 1)}
    found = SimpleNamespace(
        params=SimpleNamespace(
            split_seed=0,
            study=SimpleNamespace(grids={"cell": list(shares)}, base=SimpleNamespace(cell="lstm", optimizer="adam")),
        ),
        extensions=SimpleNamespace(split_seeds=[1, 2, 3], seeds=[0]),
        results=summarize(runs),
        test_share=0.2,
    )
    context = beyond._split_context(found)
    accuracy = {cell: [found.results[f"{cell}-adam"].answers.correct[0].mean()] for cell in shares}
    for cell in shares:
        accuracy[cell] += [found.results[f"split_seed-{split}/{cell}"].accuracy.mean for split in (1, 2, 3)]
    assert context["columns"] == ["lstm", "gru", "gru minus lstm"]
    assert [row[1] for row in context["rows"]] == [f"{value:.4f}" for value in accuracy["lstm"]]
    apart = np.array(accuracy["gru"]) - np.array(accuracy["lstm"])
    assert context["spread"][2] == f"{apart.std(ddof=1):.4f}"
    lstm = found.results["lstm-adam"]
    of_reviews = lstm.answers.correct.mean(axis=0).var(ddof=1) / N  # all seeds are right on nearly the same
    expected = np.sqrt(lstm.variance.value + 0.8 * of_reviews)
    assert float(context["expected"][0]) == pytest.approx(expected, rel=0.02)
    p_value = stats.chi2.sf(3 * (float(context["spread"][0]) / float(context["expected"][0])) ** 2, 3)
    assert float(context["p_values"][0].strip("< ")) == pytest.approx(p_value, abs=0.005)
