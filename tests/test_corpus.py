"""Reading reviews: every form gives the same table, every damage one clear error."""

import csv
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from generate import N_REVIEWS, SEED, generate
from ruamel.yaml import YAML
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment_rnn.corpus import csv_rows
from sentiment_rnn.corpus import reviews as corpus
from sentiment_rnn.corpus.csv_rows import CsvError
from sentiment_rnn.corpus.reviews import CorpusError, content_hash, read_archive, read_reviews
from sentiment_rnn.corpus.split import official_split, random_split, read_official_test, write_split
from sentiment_rnn.errors import PipelineError

REVIEWS = [(f"a fine film, number {n}\nwith “quotes” and, commas", "pos") for n in range(12)] + [
    (f"a poor film, number {n}", "neg") for n in range(12)
]


def write_archive(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def stanford_members() -> dict[str, bytes]:
    return {
        f"aclImdb/{'train' if n % 2 else 'test'}/{label}/{n}_7.txt": text.encode()
        for n, (text, label) in enumerate(REVIEWS)
    }


def csv_text() -> str:
    names = {"pos": "positive", "neg": "negative"}
    table = pd.DataFrame([(text, names[label]) for text, label in reversed(REVIEWS)], columns=["review", "sentiment"])
    return table.to_csv(index=False)


@pytest.fixture
def forms(tmp_path: Path) -> list[Path]:
    """The same reviews in every form, and in another order."""
    (tmp_path / "plain.csv").write_text(csv_text())
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(csv_text().encode()))
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("IMDB Dataset.csv", csv_text())
    write_archive(tmp_path / "aclImdb_v1.tar.gz", stanford_members())
    return [tmp_path / name for name in ("plain.csv", "packed.csv.gz", "archive.zip", "aclImdb_v1.tar.gz")]


def test_every_form_gives_the_same_table(forms: list[Path]):
    tables = [read_reviews(path) for path in forms]
    lines = sorted((label, text) for text, label in REVIEWS)
    expected = hashlib.sha256("".join(f"{label}\t{text}\n" for label, text in lines).encode()).hexdigest()
    for table in tables:
        pd.testing.assert_frame_equal(table, tables[0])
        assert content_hash(table) == expected


@pytest.mark.parametrize("name", ["packed.csv.gz", "archive.zip", "aclImdb_v1.tar.gz"])
def test_truncated_file(forms: list[Path], name: str):
    path = next(path for path in forms if path.name == name)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CorpusError, match=f"{name}: damaged"):
        read_reviews(path)


def test_archive_members_that_are_not_reviews_are_passed_over(tmp_path: Path):
    path = tmp_path / "aclImdb_v1.tar.gz"
    others = dict.fromkeys(
        ["../../evil.txt", "/etc/evil", "aclImdb/train/unsup/1_0.txt", "aclImdb/train/pos/../1_7.txt"], b"evil"
    )
    write_archive(path, stanford_members() | others)
    assert len(read_reviews(path)) == len(REVIEWS)
    assert {path.name for path in tmp_path.iterdir()} == {"aclImdb_v1.tar.gz"}


def test_archive_without_reviews(tmp_path: Path):
    write_archive(tmp_path / "other.tar.gz", {"readme.txt": b"hello"})
    with pytest.raises(CorpusError, match=r"other.tar.gz: no reviews in it"):
        read_reviews(tmp_path / "other.tar.gz")


def test_archive_with_a_huge_member(tmp_path: Path):
    write_archive(tmp_path / "bomb.tar.gz", {"aclImdb/train/pos/1_7.txt": bytes(2_000_000)})
    with pytest.raises(CorpusError, match=r"1_7.txt has 2,000,000 bytes"):
        read_reviews(tmp_path / "bomb.tar.gz")


@pytest.mark.parametrize("name", ["packed.csv.gz", "archive.zip", "aclImdb_v1.tar.gz"])
def test_what_unpacks_to_too_much_is_refused(name: str, forms: list[Path], monkeypatch: pytest.MonkeyPatch):
    path = next(path for path in forms if path.name == name)
    n_bytes = len(gzip.decompress(path.read_bytes())) if name.endswith(".gz") else len(csv_text().encode())
    monkeypatch.setattr(corpus, "_MAX_UNPACKED_BYTES", n_bytes)
    assert len(read_reviews(path)) == len(REVIEWS)
    monkeypatch.setattr(corpus, "_MAX_UNPACKED_BYTES", n_bytes - 1)
    with pytest.raises(CorpusError, match=f"{name}: unpacks to more than {n_bytes - 1:,} bytes"):
        read_reviews(path)


def test_archive_with_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_archive(tmp_path / "many.tar.gz", stanford_members())
    monkeypatch.setattr(corpus, "_MAX_MEMBERS", len(stanford_members()) - 1)
    with pytest.raises(CorpusError, match=r"many.tar.gz: has more than \d+ members"):
        read_reviews(tmp_path / "many.tar.gz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,sentiment\nfine,positive\n", "0 columns are named 'review'"),
        ("review,label\nfine,positive\n", "0 columns are named 'sentiment'"),
        (
            "review,sentiment\nfine,positive\nso so,neutral\n",
            "row 2, with the label 'neutral': unknown label; allowed are positive",
        ),
        ('review,sentiment\nfine,positive\n"  ",negative\n', "row 2, with the label 'negative': the review is empty"),
        ("review,sentiment\nfine,\n", "row 1, with the label '': unknown label"),
        ('review,sentiment\n"never closed,positive\n', "row 1: unexpected end of data; a quote within"),
        ("review,sentiment\na,b,c,positive\nfine\n1,2,3,4,5,6\n", "row 1 has 4 fields, the first line 2"),
        ("", "is empty"),
        ("review,sentiment\nfine,positive,\n", "row 1 has 3 fields, the first line 2"),
        ("review,sentiment\nfine, really,positive\n", "row 1 has 3 fields, the first line 2"),
        ("review,sentiment\nfine,positive\nfine\n", "row 2 has 1 fields, the first line 2"),
        ("review,sentiment,review\nfine,positive,poor\n", "2 columns are named 'review'"),
        ("review,sentiment\nfine,positive\n", "1 positive reviews; at least 10 of each"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path: Path, content: str, message: str):
    path = tmp_path / "comments.csv"
    path.write_text(content)
    with pytest.raises(PipelineError) as caught:
        read_reviews(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_field_that_is_too_long_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(csv_rows, "_LONGEST_FIELD", 20)
    path = tmp_path / "comments.csv"
    path.write_text("review,sentiment\n" + "long " * 5 + ",positive\n")
    with pytest.raises(CsvError, match=r"row 1: field larger than field limit \(20\)$"):
        read_reviews(path)


def test_stray_quote_swallows_no_row(tmp_path: Path):
    """It is told with its row, whether another quote follows or not."""
    path = tmp_path / "comments.csv"
    rows = [f"film {n},{label}" for n in range(150) for label in ("pos", "neg")]
    for later in ('"quoted, too",pos', "not quoted,pos"):
        path.write_text("\n".join(["review,sentiment", *rows[:260], '"Wow what a film,pos', *rows[261:], later]))
        with pytest.raises(CsvError, match=r"row 261: "):
            read_reviews(path)


def test_packed_file_is_known_by_its_content(forms: list[Path], tmp_path: Path):
    expected = read_reviews(forms[0])
    for form in forms[1:3]:
        path = tmp_path / "comments.csv"
        path.write_bytes(form.read_bytes())
        pd.testing.assert_frame_equal(read_reviews(path), expected)


def test_zip_as_other_systems_write_it(tmp_path: Path):
    """With a folder's own entry, and with what macOS adds; but of two tables none is guessed."""
    path = tmp_path / "IMDB Dataset.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("reviews")
        archive.writestr("reviews/IMDB Dataset.csv", csv_text())
        archive.writestr("__MACOSX/reviews/._IMDB Dataset.csv", "resource fork")
    assert len(read_reviews(path)) == len(REVIEWS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", csv_text())
    with pytest.raises(CorpusError, match=r"must hold one CSV file, and holds reviews/, reviews/IMDB Dataset.csv, o"):
        read_reviews(path)


def test_labels_in_capitals_and_with_blanks(tmp_path: Path):
    path = tmp_path / "comments.csv"
    path.write_text("review,sentiment\n" + "fine,Positive \npoor,NEG\n" * 10)
    assert set(read_reviews(path)["sentiment"]) == {"positive", "negative"}


def test_csv_that_is_not_utf8(tmp_path: Path):
    path = tmp_path / "comments.csv"
    path.write_bytes(b"review,sentiment\ncaf\xe9,positive\n")
    with pytest.raises(CsvError, match=r"comments.csv: at row 0 or soon after: must be UTF-8"):
        read_reviews(path)


def test_reviews_survive_the_way_from_stage_to_stage(tmp_path: Path):
    """Line ends of every kind, quotes and a byte order mark, through the stages' own CSV files."""
    texts = [f'{n}: "a"\rb\r\nc\nd, é' for n in range(10)]
    placed = tmp_path / "odd.csv"
    table = pd.DataFrame({"review": texts * 2, "sentiment": ["pos"] * 10 + ["neg"] * 10})
    placed.write_bytes(b"\xef\xbb\xbf" + table.to_csv(index=False, quoting=csv.QUOTE_ALL).encode())
    reviews = read_reviews(placed)
    assert sorted(reviews["review"]) == sorted(texts * 2)
    written = tmp_path / "reviews.csv"
    reviews.to_csv(written, index=False, quoting=csv.QUOTE_ALL)
    assert pd.read_csv(written, dtype=str, keep_default_na=False).equals(reviews)


def test_zip_with_a_password(tmp_path: Path):
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("IMDB Dataset.csv", csv_text())
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1  # says: encrypted
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"archive.zip: damaged"):
        read_reviews(path)


def test_text_that_looks_like_a_missing_value_is_text(tmp_path: Path):
    path = tmp_path / "comments.csv"
    path.write_text("review,sentiment\n" + "NA,1\nnull,0\n" * 10)
    assert set(read_reviews(path)["review"]) == {"NA", "null"}


def test_sample_in_git_is_what_the_generator_writes():
    assert (PROJECT / "data/sample/reviews.csv").read_text() == generate(N_REVIEWS, SEED).to_csv(index=False)


def test_word_order_decides_in_the_sample():
    """A bag of words with logistic regression is near chance; the LSTM's figure is that of make demo."""
    parts = random_split(read_reviews(PROJECT / "data/sample/reviews.csv"), seed=0)
    words = CountVectorizer()
    bag = LogisticRegression(max_iter=1000).fit(
        words.fit_transform(parts["train"]["review"]), parts["train"]["sentiment"]
    )
    accuracy = bag.score(words.transform(parts["test"]["review"]), parts["test"]["sentiment"])
    assert 0.48 < accuracy < 0.6


def test_split_is_stratified_seeded_and_complete():
    reviews = generate(1000, seed=0)
    parts = random_split(reviews, seed=0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 700, "valid": 100, "test": 200}
    assert sorted(index for part in parts.values() for index in part.index) == list(range(1000))
    for part in parts.values():
        assert (part["sentiment"] == "positive").mean() == 0.5
    again, other = random_split(reviews, seed=0), random_split(reviews, seed=1)
    assert again["test"].equals(parts["test"])
    assert not other["test"].index.equals(parts["test"].index)


def test_repeated_reviews_are_found(tmp_path: Path):
    def part(*texts: str) -> pd.DataFrame:
        return pd.DataFrame({"review": texts, "sentiment": "positive"})

    parts = {"train": part("a", "b"), "valid": part("c"), "test": part("a", "a", "c", "d")}
    write_split(parts, 4, tmp_path / "split", tmp_path / "summaries")
    table = pd.read_csv(tmp_path / "summaries/test_also_in_train.csv")
    assert table["also_in_train"].tolist() == [True, True, False, False]
    summary = json.loads((tmp_path / "summaries/summary.json").read_text())
    assert (summary["test"], summary["test_also_in_train"], summary["distinct_reviews"]) == (4, 2, 4)


def test_official_split_takes_the_test_reviews_as_they_are():
    reviews = generate(1000, seed=0)
    is_test = np.arange(1000) % 3 == 0
    parts = official_split(reviews, is_test, seed=0)
    assert parts["test"].index.tolist() == np.flatnonzero(is_test).tolist()
    assert (len(parts["train"]), len(parts["valid"])) == (599, 67)
    assert sorted([*parts["train"].index, *parts["valid"].index]) == np.flatnonzero(~is_test).tolist()
    assert not official_split(reviews, is_test, seed=1)["valid"].index.equals(parts["valid"].index)


def test_official_test_is_a_bit_for_each_review(tmp_path: Path):
    file = tmp_path / "official_test.txt"
    is_test = np.random.default_rng(0).random(1003) < 0.5
    file.write_text(np.packbits(is_test).tobytes().hex())
    assert read_official_test(file, 1003).tolist() == is_test.tolist()
    with pytest.raises(CorpusError, match=r"official_test.txt: 1008 bits, for 900 reviews"):
        read_official_test(file, 900)


PLACED = [
    file
    for pattern in YAML(typ="safe").load(PROJECT / "data/imdb/source.yaml")["placed"]
    for file in sorted((PROJECT / "data").glob(pattern))
]


@pytest.mark.skipif(not PLACED, reason="the IMDB reviews are not in data/")
@pytest.mark.parametrize("path", PLACED, ids=lambda path: path.name)
def test_real_reviews_have_the_expected_content(path: Path):
    reviews = read_reviews(path)
    expected = YAML(typ="safe").load(PROJECT / "data/imdb/source.yaml")["content_sha256"]
    assert content_hash(reviews) == expected
    assert {name: len(part) for name, part in random_split(reviews, 0).items()} == {
        "train": 35_000,
        "valid": 5_000,
        "test": 10_000,
    }


ARCHIVES = [file for file in PLACED if file.name.endswith(".tar.gz")]


@pytest.mark.skipif(not ARCHIVES, reason="the Stanford archive is not in data/")
def test_official_split_of_imdb_is_the_archives():
    reviews = read_archive(ARCHIVES[0]).sort_values(["sentiment", "review"], kind="stable", ignore_index=True)
    is_test = read_official_test(PROJECT / "data/imdb/official_test.txt", len(reviews))
    parts = reviews["part"] == "test"
    assert is_test.sum() == parts.sum() == 25_000
    # of reviews that are the same to the letter, which is which does not matter
    assert reviews["review"][is_test != parts].duplicated(keep=False).all()
