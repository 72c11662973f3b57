"""Coverage-guided fuzzing with atheris: `python -m tests.fuzz {read,deidentify} SECONDS [KIND]`. Started by `make fuzz`.

KIND is one of `seeds.KINDS`: only good files of that kind are broken then, so that each reader gets its share of the
time. A finding is written into the current folder as `crash-*`, and the exit code is not 0.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Run one target for some seconds."""
    target, seconds, kind = sys.argv[1], int(sys.argv[2]), (sys.argv[3:] or [""])[0]
    try:
        import atheris
    except ImportError:
        sys.stdout.write("atheris is not installed for this Python: the coverage-guided part was left out.\n")
        return
    with atheris.instrument_imports(include=["ml.imaging", "pydicom.filereader", "pydicom.dataset"]):
        from tests.fuzz import properties
    from tests.fuzz.seeds import KINDS, seeds

    corpus = Path(tempfile.mkdtemp(prefix="brainscan-corpus-"))
    for name, content in seeds().items():
        if name.endswith(KINDS[kind]):
            (corpus / name).write_bytes(content)
    check = {"read": properties.reading_answers, "deidentify": properties.nobody_is_named}[target]
    options = [
        f"-max_total_time={seconds}",
        "-max_len=40000",
        "-rss_limit_mb=2048",
        "-timeout=30",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: check(bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
