# SPDX-License-Identifier: MIT
"""What overhead.py and sweep.py record, and what a recording says of itself."""
import re
import subprocess


def counts_by_info(analyze):
    """Samples and losses of any recording, as the trace itself says."""
    def counts(output, _stderr):
        text = subprocess.run([str(analyze), "info", str(output)], text=True, capture_output=True,
                              errors="replace").stdout
        m = re.search(r"^records .*?(\d+) samples, (\d+) lost", text, re.MULTILINE)
        return (int(m[1]), int(m[2])) if m else (0, 0)
    return counts


def programs(cache, helpers):
    """(name, command, bytes of stack dumps); about a second each."""
    lib = cache / "src/cppcheck"
    return [("rust", [cache / "rust", 300], 16384), ("sqlite", [cache / "sqlite", 65], 16384),
            ("cppcheck", [cache / "cppcheck", "--quiet", "--enable=all", "--suppress=*", lib / "lib/path.cpp",
                          lib / "cli/filelister.cpp", lib / "lib/timer.cpp"], 16384),
            ("deep", [cache / "deep", 800], 16384), ("deep, whole", [cache / "deep", 800], 65528),
            ("forks", [helpers / "forks", 1500], 16384), ("threads", [helpers / "threads", 12], 16384)]
