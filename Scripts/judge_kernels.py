"""Judge the forward pass on both roads: planned kernels and the plain reference kernels must agree with each other and with
Keras's numbers, within the tolerances of each case. Not timed.

    python Scripts/judge_kernels.py                      the fixtures, by the debug build
    python Scripts/judge_kernels.py CASES... [--only GLOB] [--kconvert PATH] [--jobs N] [--timeout S] [--run-args ARGS]

Both roads have to refuse what one of them refuses. The last lines count, and give the largest difference between the roads in
parts of the tolerance.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

import numpy as np

from fixture_cases import ROOT, cases

ROADS = {"planned": [], "reference": ["--reference"]}


def differing(got, want, meta):
    """None or how arrays differ, and the largest difference of numbers in parts of the tolerance."""
    if len(got) != len(want):
        return f"{len(got)} outputs instead of {len(want)}", 0
    worst = 0
    for index, (a, b) in enumerate(zip(got, want)):
        if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
            return f"output {index}: {a.dtype}{list(a.shape)} instead of {b.dtype}{list(b.shape)}", worst
        if b.dtype.kind in "Ub":
            if not np.array_equal(a, b):
                return f"output {index}: {int(np.sum(a != b))} of {b.size} entries differ", worst
            continue
        wide = "complex128" if b.dtype.kind == "c" else "float64"
        a, b = a.astype(wide), b.astype(wide)
        finite = np.isfinite(a) & np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return f"output {index}: other NaN or infinite values", worst
        allowed = meta.get("atol", 1e-5) + meta.get("rtol", 1e-4) * np.abs(b[finite])
        difference = np.abs(a[finite] - b[finite])
        # Where nothing is allowed, nothing differs, or everything does.
        parts = np.divide(difference, allowed, out=np.where(difference > 0, np.inf, 0.0), where=allowed > 0)
        worst = max(worst, float(parts.max(initial=0)))
        if worst > 1:
            return f"output {index}: {int(np.sum(parts > 1))} of {b.size} values off by up to {difference.max():.3g}", worst
    return None, worst


def forward(case, meta, road, folder, options):
    """The outputs, or None when the model is refused; raises when the command fails."""
    target = folder / f"{road}.npz"
    command = [options.kconvert, "run", case / meta.get("file", "model.keras"), "--inputs", case / "inputs.npz", "--outputs", target]
    command += ["--weights", case / meta["weights"]] if meta.get("weights") else []
    command += ROADS[road] + shlex.split(options.run_args)
    result = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout)
    if result.returncode == 3:
        return None
    if result.returncode:
        raise RuntimeError(f"{road}: exit code {result.returncode}: {result.stderr.strip()}")
    with np.load(target) as arrays:
        return [arrays[name] for name in arrays.files]


def judge(job, options):
    """What is wrong with a case, and the largest difference between the roads; None for a case that both refuse."""
    case, meta = job
    with tempfile.TemporaryDirectory() as folder:
        got = {road: forward(case, meta, road, pathlib.Path(folder), options) for road in ROADS}
    if None in got.values():
        taken = [road for road in ROADS if got[road] is not None]
        return ([f"taken by the {taken[0]} kernels alone"], 0) if taken else None
    with np.load(case / "outputs.npz") as arrays:
        keras = [arrays[name] for name in arrays.files]
    faults = []
    between, worst = differing(got["planned"], got["reference"], meta)
    faults += [f"planned against reference: {between}"] if between else []
    for road in ROADS:
        fault, _ = differing(got[road], keras, meta)
        faults += [f"{road} against Keras: {fault}"] if fault else []
    return faults, worst


def reported(job, options):
    try:
        return judge(job, options)
    except Exception as error:  # every kind of failure is a failed case
        return [f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"], 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", metavar="CASES")
    parser.add_argument("--only", default="*", help="glob on family/case")
    parser.add_argument("--kconvert", default=str(ROOT / ".build/debug/kconvert"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--run-args", default="", help="more arguments for run: '--threads 1'")
    options = parser.parse_args()
    found = list(cases())
    if options.folders:
        paths = sorted(path for folder in options.folders for path in pathlib.Path(folder).rglob("meta.json"))
        found = [(path.parent, json.loads(path.read_text())) for path in paths]
    jobs = [job for job in found if fnmatch.fnmatch(f"{job[0].parent.name}/{job[0].name}", options.only)]
    passed, refused, failed, differences = 0, 0, 0, []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (case, _), outcome in zip(jobs, pool.map(lambda job: reported(job, options), jobs)):
            if outcome is None:
                refused += 1
                continue
            faults, worst = outcome
            differences.append((worst, f"{case.parent.name}/{case.name}"))
            passed, failed = passed + (not faults), failed + bool(faults)
            for fault in faults:
                print(f"FAIL {case.parent.name}/{case.name}: {fault}", flush=True)
    print("furthest apart: " + ", ".join(f"{name} {worst:.2g}" for worst, name in sorted(differences, reverse=True)[:5]))
    print(f"{passed} cases on both roads passed, {refused} refused by both, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
