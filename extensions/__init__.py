"""The stages beyond the study: `python -m extensions.NAME` runs the code of its own checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))  # before an installed one, which may be of another checkout
