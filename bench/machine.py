"""What machine this is, and what else it was doing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def facts() -> list[tuple[str, str]]:
    """Name and value, for the head of the report."""
    return [
        ("Processor", f"{processor()}, {os.cpu_count()} cores, no GPU used"),
        ("Memory", f"{memory_gib():.0f} GiB"),
        ("System", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
    ]


def now() -> str:
    """When something is measured, and what else the machine does then."""
    others = busiest_others()
    beside = f"; also running: {', '.join(others)}" if others else ""
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC at a load of {os.getloadavg()[0]:.1f}"
        f" (0 is an idle machine, {os.cpu_count()} a full one){beside}."
    )


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def memory_gib() -> float:
    """Physical memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def busiest_others() -> list[str]:
    """Python programs of this machine that use a tenth of a core or more, without their arguments' paths."""
    ticks, uptime = os.sysconf("SC_CLK_TCK"), float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        age = uptime - int(fields[19]) / ticks
        share = (int(fields[11]) + int(fields[12])) / ticks / max(age, 1.0)
        if int(folder.name) != os.getpid() and age > 20 and share > 0.1:
            name = " ".join(word.decode(errors="replace").rsplit("/", 1)[-1] for word in words[:3])
            found.append(f"`{name}` ({share:.1f} cores)")
    return sorted(found)


def resident_mib(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def peak_mib(pid: int) -> float:
    """The most memory that a process was ever resident with, in MiB; 0.0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0) / 1024


def descendants(of: int) -> dict[int, str]:
    """Living processes below one, in any depth: process id to command line."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found: dict[int, str] = {}
    new = [of]
    while new:
        new = [pid for pid, parent in parents.items() if parent in new]
        for pid in new:
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found
