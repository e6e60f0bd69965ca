"""The schema of extensions/params.yaml: networks, baselines, the data that they read, and the tables that show them."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from sentiment_rnn.extensions.networks import FILE, Entry, Name, Networks, read_entries
from sentiment_rnn.study.params import PositiveInt, StopWords, StrictModel, check_unique, parse
from sentiment_rnn.study.variants import Rows

Grid = dict[str, Annotated[list[float], Field(min_length=1)]]


class Data(StrictModel):
    """A data set, which has what it does not say from params.yaml."""

    split: Literal["random", "official"] = "random"
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    n_train: PositiveInt | None = None
    stop_words: StopWords | None = None


class Baseline(Entry):
    """A bag of words. From a folder of encoded reviews it reads what the networks read, from another one the texts."""

    baseline: Literal["tfidf", "nbsvm"]
    grid: Grid

    @model_validator(mode="after")
    def _grid_is_of_the_baseline(self) -> Self:
        needed = {"tfidf": ["C"], "nbsvm": ["C", "beta"]}[self.baseline]
        if sorted(self.grid) != needed:
            raise ValueError(f"grid: that of {self.baseline} has {' and '.join(needed)}")
        return self


class Table(StrictModel):
    """A table of the report."""

    title: str
    text: str  # the question that it answers
    also: list[str]  # rows of the study or of another table, which are shown first


class Release(StrictModel):
    """The models of the package."""

    nbsvm: Grid
    n_weights: PositiveInt  # so many weights of the NB-SVM are kept, the largest
    gru_weights: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]  # in the ensemble, to choose from


class Extensions(Networks):
    """The whole of extensions/params.yaml."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    data: dict[Name, Data]
    baselines: dict[Name, Baseline]
    release: Release
    tables: dict[Name, Table]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_unique("seeds", self.seeds)
        check_unique("networks, baselines", [*self.networks, *self.baselines])
        if "data" in self.entries:  # results/data is of the data sets
            raise ValueError("networks, baselines: data is not a name for an entry")
        for kind, entries in (("networks", self.networks), ("baselines", self.baselines)):
            for name, entry in entries.items():
                if entry.table not in self.tables:
                    raise ValueError(f"{kind}.{name}.table: {entry.table!r} is none of tables")
                if entry.compare_with is not None and entry.compare_with not in self.rows[entry.table].keys() - {name}:
                    raise ValueError(f"{kind}.{name}.compare_with: {entry.compare_with!r} is no other row of the table")
        return self

    @property
    def entries(self) -> dict[str, Entry]:
        """Networks and baselines by name."""
        return {**self.networks, **self.baselines}

    @property
    def rows(self) -> Rows:
        """The tables with their rows, which have the names of their variants."""
        return {
            name: {
                row: row for row in [*table.also, *(row for row, entry in self.entries.items() if entry.table == name)]
            }
            for name, table in self.tables.items()
        }


def load_extensions() -> Extensions:
    """Read and validate extensions/params.yaml; a ParamsError has a line for each key that is wrong."""
    return parse(Extensions, FILE, read_entries())
