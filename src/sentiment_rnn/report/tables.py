"""What a page shows of a pipeline: tables of variants, their results, and comparisons of their rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sentiment_rnn.report.comparisons import RowComparison
from sentiment_rnn.report.results import Result, Tables
from sentiment_rnn.report.settings import ReportSettings
from sentiment_rnn.study.variants import Catalogue, Rows

TITLES = Path(__file__).with_name("titles.yaml")  # of the study's tables

Titles = dict[str, dict[str, str]]  # title and text, by table


@dataclass(frozen=True)
class Report:
    """The data of a page.

    Attributes:
        settings: the parameters of the report.
        tables: with their rows, and the variant of each.
        titles: of the tables.
        stages: the DVC stage that trains each variant.
        results: by variant.
        comparisons: of the rows.
        published: the source's figures by table and row; empty where they do not compare.
    """

    settings: ReportSettings
    tables: Rows
    titles: Titles
    stages: dict[str, str]
    results: dict[str, Result]
    comparisons: list[RowComparison]
    published: Tables

    @property
    def n_seeds(self) -> list[int]:
        """The numbers of seeds that variants have."""
        return sorted({result.accuracy.n for result in self.results.values()})

    @property
    def trained_on(self) -> list[str]:
        """The devices and versions, a line each."""
        lines = set()
        for result in self.results.values():
            for environment in (model["trained_on"] for model in result.models):
                library = (
                    "{threads} thread, PyTorch {torch}" if "torch" in environment else "scikit-learn {scikit-learn}"
                )
                lines.add(("{device}, " + library + ", Python {python}").format_map(environment))
        return sorted(lines)

    def title(self, table: str) -> dict[str, str]:
        """The title and the text of a table."""
        return self.titles.get(table, {"title": table, "text": ""})

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Each row of each table: the names of the table, of the row and of the variant."""
        return ((table, row, variant) for table, rows in self.tables.items() for row, variant in rows.items())

    def rows_of(self, variant: str) -> list[str]:
        """The rows of a variant, as TABLE.ROW."""
        return Catalogue({}, self.tables).rows_with(variant)

    def family(self, name: str) -> list[RowComparison]:
        """The comparisons of a family."""
        return [comparison for comparison in self.comparisons if comparison.family == name]

    def label(self, comparison: RowComparison) -> str:
        """The rows of a comparison: of one table, or of the same row in the tables of two cells."""
        (table, row), (other_table, other) = (side.split(".", 1) for side in (comparison.first, comparison.second))
        if table == other_table:
            return f"{row} vs {other}"
        return f"{row}: {table.removesuffix('_optimizers')} vs {other_table.removesuffix('_optimizers')}"
