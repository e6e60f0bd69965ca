"""What the runs of each variant gave, which rows are compared, and what the source published."""

from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any, get_args

from ruamel.yaml import YAML

from sentiment_rnn.evaluation import Answers, read_answers
from sentiment_rnn.params import Baseline, Params
from sentiment_rnn.results.rows import Folders, Rows, grid_rows
from sentiment_rnn.results.statistics import Estimate, estimate

Tables = dict[str, dict[str, dict[str, Any]]]  # study -> row -> figure
Pair = tuple[str, str]  # of rows, each as STUDY.ROW


@dataclass(frozen=True)
class Result:
    """What the runs of one variant came to on the test reviews."""

    answers: Answers
    accuracy: Estimate
    loss: Estimate

    @classmethod
    def of(cls, answers: Answers) -> "Result":
        """From their answers."""
        return cls(answers, estimate(answers.correct), estimate(answers.losses))


def read_results(evaluations: Path, folders: Folders) -> dict[str, Result]:
    """By variant."""
    return {
        variant: Result.of(read_answers([evaluations / name for name in names])) for variant, names in folders.items()
    }


def summarize(results: dict[str, Result], rows: Rows) -> Tables:
    """Mean over the seeds of test_loss and test_accuracy and their number n; their standard deviation if n > 1."""
    return {study: {row: _figures(results[name]) for row, name in names.items()} for study, names in rows.items()}


def _figures(result: Result) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, found in (("test_loss", result.loss), ("test_accuracy", result.accuracy)):
        figures[name] = found.mean
        if found.std is not None:
            figures[f"{name}_std"] = found.std
    return figures | {"n": result.accuracy.n}


def compared(params: Params, rows: Rows, published: Tables) -> dict[str, list[Pair]]:
    """The comparisons that are made, by family: pairs of rows, each named STUDY.ROW.

    All rows of a study with each other (where it shows both cells, those of the same cell); the cells with each other
    under each optimizer; the baselines with each other and with every recurrent network of the grids; the champion with
    those beside it. Where the source has rows to compare, pairs with a row that it has not are a family of their own,
    FAMILY_added: a value added to a grid moves no p-value of the source's.
    """
    families: dict[str, list[Pair]] = {}
    for study, names in rows.items():
        pairs = list(combinations(names, 2))
        if study in ("init", "keep_epoch", "stop_words"):
            pairs = [(first, second) for first, second in pairs if first.split("-")[0] == second.split("-")[0]]
        elif study == "champion":
            pairs = [(first, second) for first, second in pairs if first == "champion"]
        families[study] = [(f"{study}.{first}", f"{study}.{second}") for first, second in pairs]
    families["cells"] = [
        (f"{first}_optimizers.{optimizer}", f"{second}_optimizers.{optimizer}")
        for first, second in combinations(params.study.grids.cell, 2)
        for optimizer in params.study.grids.optimizer
    ]
    bags = [f"baselines.{name}" for name in get_args(Baseline)]
    families["baselines"] = [*combinations(bags, 2), *product(bags, _networks(params))]
    return _source_rows_apart(families, published)


def _source_rows_apart(families: dict[str, list[Pair]], published: Tables) -> dict[str, list[Pair]]:
    sources = {f"{study}.{row}" for study, names in published.items() for row in names}
    divided: dict[str, list[Pair]] = {}
    for family, pairs in families.items():
        of_source = [pair for pair in pairs if sources.issuperset(pair)]
        added = [pair for pair in pairs if not sources.issuperset(pair)]
        divided |= {family: of_source, f"{family}_added": added} if of_source else {family: added}
    return {family: pairs for family, pairs in divided.items() if pairs}


def _networks(params: Params) -> list[str]:
    """The first row of each variant of the grids, as STUDY.ROW."""
    first_rows = {
        variant: f"{study}.{row}"
        for study, names in reversed(grid_rows(params).items())
        for row, variant in names.items()
    }
    return list(first_rows.values())[::-1]


def is_inside(published: float, found: Estimate) -> bool:
    """Whether a published value, which is given to three decimals, may lie in our interval."""
    return found.low - 0.0005 <= published <= found.high + 0.0005


def read_published(path: Path) -> dict[str, Any]:
    """The source's figures, as data/published.yaml has them."""
    content: dict[str, Any] = YAML(typ="safe").load(path)
    return content


def published_tables(published: dict[str, Any]) -> Tables:
    """The source's tables with the same studies and rows as ours; a row whose axis value it does not state is None."""
    tables: Tables = {}
    for study, entries in published["studies"].items():
        axis = "optimizer" if study.endswith("_optimizers") else study
        tables[study] = {
            str(entry.get(axis, study)): {name: entry[name] for name in ("test_loss", "test_accuracy")}
            for entry in entries
        }
    return tables


def row_files(rows: Rows, results: dict[str, Result], published: Tables) -> dict[str, dict[str, Any]]:
    """Each row's figures with their intervals, by STUDY.ROW, and the published ones beside them where there are any."""
    together = {}
    for study, names in rows.items():
        for row, variant in names.items():
            source = published.get(study, {}).get(row)
            figures: dict[str, Any] = {"variant": variant}
            for name, found in (("accuracy", results[variant].accuracy), ("loss", results[variant].loss)):
                figures |= {f"test_{name}": found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
                if found.std is not None:
                    figures[f"{name}_std"] = found.std
                if source:
                    published_value = source[f"test_{name}"]
                    figures |= {
                        f"published_{name}": published_value,
                        f"published_{name}_inside": is_inside(published_value, found),
                    }
            together[f"{study}.{row}"] = figures | {"n": found.n, "n_reviews": found.n_reviews}
    return together
