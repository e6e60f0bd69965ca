"""Run a command; print its wall seconds and its memory at the peak in MB as JSON, its worker processes included.

Pages that several processes share count for each of them.
"""

import json
import subprocess
import sys
import time
from contextlib import suppress

import psutil

if __name__ == "__main__":
    started, peak = time.perf_counter(), 0
    process = psutil.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        with suppress(psutil.Error):  # one has ended meanwhile
            peak = max(peak, sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]))
        time.sleep(0.02)
    print(json.dumps({"seconds": round(time.perf_counter() - started, 3), "peak_mb": round(peak / 2**20)}))
    sys.exit(process.returncode)
