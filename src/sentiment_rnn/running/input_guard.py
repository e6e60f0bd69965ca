"""A guard for long stages: the inputs at their end must be those they started with.

DVC hashes a stage's dependencies after its command: a file changed while it runs would be recorded as what the
outputs were made from.
"""

import hashlib
import sys
from pathlib import Path

from sentiment_rnn.errors import PipelineError

PACKAGES = ("sentiment_rnn", "fitting")  # the library, and what the extensions fit before a training


class InputChangedError(PipelineError):
    """A file was changed while a stage that depends on it ran."""


class InputGuard:
    """Remembers the content of some files, and of the project's modules that are imported so far.

    Attributes:
        files: SHA-256 by file.
        modules: SHA-256 by module, and the file of each.
    """

    def __init__(self, paths: list[Path]) -> None:
        names = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
        self.files = {path: _sha256(path) for path in paths}
        self._modules = {name: Path(str(sys.modules[name].__file__)) for name in sorted(names)}
        self.modules = {name: _sha256(path) for name, path in self._modules.items()}

    def check(self) -> None:
        """Compare.

        Raises:
            InputChangedError: a file was changed or is gone.
        """
        modules = {self._modules[name]: found for name, found in self.modules.items()}
        for path, before in (self.files | modules).items():
            if _sha256(path) != before:
                raise InputChangedError(f"{path} was changed while this stage ran; nothing was written: run it again")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
