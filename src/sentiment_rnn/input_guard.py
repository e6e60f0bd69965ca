"""A guard for long stages: the inputs at their end must be those they started with.

DVC hashes a stage's dependencies after its command: a file changed while it runs would be recorded as what the
outputs were made from.
"""

import hashlib
import sys
from pathlib import Path

from sentiment_rnn.errors import PipelineError


class InputChangedError(PipelineError):
    """A file was changed while a stage that depends on it ran."""


class InputGuard:
    """Remembers the content of some files, and of this package's modules imported so far.

    Attributes:
        hashes: SHA-256 by file.
    """

    def __init__(self, paths: list[Path]) -> None:
        main = sys.modules["__main__"]
        modules = [main, *(module for name, module in sys.modules.items() if name.split(".")[0] == "sentiment_rnn")]
        self.hashes = {path: _sha256(path) for path in [*paths, *(Path(str(m.__file__)) for m in modules)]}

    def check(self) -> None:
        """Compare.

        Raises:
            InputChangedError: a file was changed or is gone.
        """
        for path, before in self.hashes.items():
            if _sha256(path) != before:
                raise InputChangedError(f"{path} was changed while this stage ran; nothing was written: run it again")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
