#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py BIN_DIR CACHE LAB_DIR [CASE...] - record in emulated ARM machines, judge what came out here.

A case is a file cases/NAME of a few lines; `#` begins a comment.

    kernels 6.1 6.12      each is a run of its own; both without this line
    cpu max               QEMU's model; cortex-a57 without it
    shift 3               an instruction takes 2^3 ns, which are 2^3 cycles: the IPC is 1/8; 0 without it
    cpus 2                how many; 1 without it, where a cycle is an instruction and interrupts come at once
    root busybox          a userland without any library; `full` without it
    boots 2               in machines of its own, booted twice
    run COMMAND           in the guest, by sh in a directory of its own; several lines are one script
    live CASE [UNITS]     instead: record a program of tests/live/live.py, and judge it by what is said there
    holds CHECK [ARG...]  what must be so here afterwards: the functions of checks.py

$RUNS says how often a case that samples the truth repeats it: 5 times, or as RUCHY_LAB_RUNS says.
Cases of the same kernel, CPU, shift and root share a boot. A run leaves its files, `output` (what it printed),
`status` and `interrupts` (of the PMU: before, after) in LAB_DIR/out/.

    ok - case (kernel) | not ok - case (kernel): why       one line each
    N passed, N failed, N skipped                          the last line
"""
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # no __pycache__ among the sources
sys.path[:0] = [str(HERE), str(HERE.parent / "live"), str(HERE.parent / "format")]
import checks  # noqa: E402  pylint: disable=wrong-import-position
import live    # noqa: E402  pylint: disable=wrong-import-position

KERNELS = ["6.1", "6.12"]
LIVE_UNITS = 50       # some 150 ms of the guest's clock
# Cycles, as at 4000 Hz; with a rate, every new thread would begin with tiny periods, and samples be no shares.
LIVE_PERIOD = 250000
BOOTS_AT_ONCE = 2
RUNS = int(os.environ.get("RUCHY_LAB_RUNS", "5"))


@dataclass
class Case:
    name: str
    kernels: list = field(default_factory=lambda: KERNELS)
    cpu: str = "cortex-a57"
    cpus: int = 1
    shift: int = 0
    root: str = "full"
    boots: int = 1
    script: list = field(default_factory=list)
    holds: list = field(default_factory=list)  # [name, arguments...]


@dataclass(frozen=True)
class Machine:
    kernel: str
    cpu: str
    cpus: int
    shift: int
    root: str
    alone: str  # the case that has it to itself, or nothing
    boot: int   # 1, 2

    def __str__(self):
        words = [self.kernel, self.cpu, f"{self.cpus}cpu", f"shift{self.shift}" * (self.shift > 0), self.root, self.alone]
        return "-".join([w for w in words if w] + [str(self.boot)] * (self.boot > 1)).replace(",", "-")


# ---- cases ----

def live_script(case, name, units=LIVE_UNITS):
    """Record as live.py would, but here. Kernel symbols are hidden: reading them takes longer than the programs."""
    program = next((c for c in live.CASES if c.name == name), None)
    if program is None:
        raise SystemExit(f"run.py: {case.name}: live.py has no case {name!r}")
    directory = "/programs/pac" if case.cpu.startswith("max") else "/programs"
    arguments = [a.format(dir=directory) for a in program.args]
    record = ["ruchy-record", "-o", "t.rtrace", "-c", str(LIVE_PERIOD), *program.record, "--"]
    command = [f"{directory}/{program.program}", str(units), *arguments]
    return "echo 2 >/proc/sys/kernel/kptr_restrict\n" + shlex.join(record + command)


def read_case(path):
    case = Case(path.name)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        key, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        words = shlex.split(rest, comments=True) if key in ("kernels", "holds", "live") else []
        if not key or key.startswith("#"):
            continue
        if key == "kernels":
            case.kernels = words
        elif key == "holds" and words and hasattr(checks, "check_" + words[0]):
            case.holds.append(words)
        elif key == "live":
            case.script.append(live_script(case, *words))
            case.holds.append(["live", words[0]])
        elif key == "run":
            case.script.append(rest)
        elif key in ("cpu", "root"):
            setattr(case, key, rest)
        elif key in ("cpus", "boots", "shift"):
            setattr(case, key, int(rest))
        else:
            raise SystemExit(f"run.py: {path}:{number}: what is {line.strip()!r}?")
    if not case.script or not case.holds:
        raise SystemExit(f"run.py: {path}: a case runs something, and something must hold")
    return case


def machine_of(case, kernel, boot):
    return Machine(kernel, case.cpu, case.cpus, case.shift, case.root, case.name if case.boots > 1 else "", boot)


def machines_of(cases):
    """Which cases run in which boot."""
    machines = defaultdict(list)
    for case in cases:
        for kernel in case.kernels:
            for boot in range(1, case.boots + 1):
                machines[machine_of(case, kernel, boot)].append(case)
    return machines


# ---- booting ----

RUN = """mkdir /out/{name}; cd /out/{name} || exit 1
pmu() {{ awk '/arm-pmu/ {{ n += $2; if ($3 + 0 == $3) n += $3 }} END {{ print n + 0 }}' /proc/interrupts; }}
echo 0 >/proc/sys/kernel/kptr_restrict
before=$(pmu)
export RUNS={runs}
sh /job/{name} >output 2>&1 </dev/null
echo $? >status
echo "{name} $(cut -d ' ' -f 1 /proc/uptime)" >/dev/console
echo "$before $(pmu)" >interrupts
"""


def boot(machine, cases, cache, lab):
    """None, or what went wrong."""
    job = lab / "jobs" / str(machine)
    shutil.rmtree(job, ignore_errors=True)
    job.mkdir(parents=True)
    for case in cases:
        (job / case.name).write_text("\n".join(case.script) + "\n")
    (job / "run").write_text("".join(RUN.format(name=c.name, runs=RUNS) for c in cases))
    done = subprocess.run(["bash", HERE / "boot.sh", cache / f"kernel-{machine.kernel}", lab / "root" / machine.root,
                           job, lab / "out" / str(machine), machine.cpu, str(machine.cpus), str(machine.shift)],
                          capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or f"boot.sh exited with {done.returncode}"


# ---- judging ----

def judge(case, kernel, bin_dir, lab):
    runs = [checks.Run(case.name, kernel, bin_dir / "ruchy-analyze", lab / "root" / case.root,
                       lab / "out" / str(machine_of(case, kernel, n)) / case.name)
            for n in range(1, case.boots + 1)]
    complaints = []
    for name, *arguments in case.holds:
        try:
            found = getattr(checks, "check_" + name)(runs[0] if case.boots == 1 else runs, *arguments)
        except (live.Failure, OSError, ValueError, KeyError, LookupError) as error:
            found = f"{type(error).__name__}: {error}"
        if found:
            complaints.append(f"{name}: {found}")
    if complaints and runs[0].printed():
        complaints.append("it printed: " + runs[0].printed().splitlines()[-1])
    return complaints


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    bin_dir, cache, lab = (Path(a).resolve() for a in sys.argv[1:4])
    cases = [read_case(p) for p in sorted((HERE / "cases").iterdir())]
    cases = [c for c in cases if not sys.argv[4:] or any(w in c.name for w in sys.argv[4:])]
    missing = {k for c in cases for k in c.kernels if not (cache / f"kernel-{k}" / "vmlinuz").exists()}
    skipped = 0
    for case in cases:
        skipped += sum(k in missing for k in case.kernels)
        case.kernels = [k for k in case.kernels if k not in missing]
    for kernel in sorted(missing):
        print(f"SKIP: kernel {kernel} is not there: its cases are left out")
    passed = failed = 0
    begin = time.monotonic()
    machines = machines_of(cases)
    with ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
        longest_first = sorted(machines, key=lambda m: (len(machines[m]), m.kernel), reverse=True)
        booted = dict(zip(longest_first, pool.map(lambda m: boot(m, machines[m], cache, lab), longest_first)))
    print(f"{len(machines)} boots, {time.monotonic() - begin:.0f} s")
    for case in cases:
        for kernel in case.kernels:
            troubles = [f"{m}: {t}" for m, t in booted.items() if t and case in machines[m] and m.kernel == kernel]
            complaints = troubles or judge(case, kernel, bin_dir, lab)
            passed, failed = passed + (not complaints), failed + bool(complaints)
            print(f"not ok - {case.name} ({kernel}): {'; '.join(complaints)}" if complaints
                  else f"ok - {case.name} ({kernel})", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
