"""Keeps the list of unsafe places: which files have expressions that the compiler cannot check, and why nothing goes wrong.

    python Scripts/unsafe_places.py            fails when a file has such places and no reason, or a reason and no place
    python Scripts/unsafe_places.py --write    renews the numbers; reasons stay, a file without one gets "?"

Builds, and has the compiler check the types of every module once more with `-strict-memory-safety`, which names every such
expression: with the arguments of the build, but without making code.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Documentation/UnsafePlaces.md"
MANIFEST = ROOT / ".build/debug.yaml"
# What a compiler's call makes beside errors and warnings, with and without a value behind.
MAKES = {"-c", "-emit-module", "-emit-dependencies", "-incremental", "-serialize-diagnostics", "-enable-batch-mode",
         "-parseable-output", "-emit-objc-header", "-warnings-as-errors"}
MAKES_AT = {"-emit-module-path", "-output-file-map", "-index-store-path", "-emit-objc-header-path"}
PLACE = re.compile(r"^(\S+\.swift):(\d+):(\d+): warning: .*\[#StrictMemorySafety\]")
ROW = re.compile(r"^\| `([^`]+)` \| (\d+) \| (.*) \|$")
HEAD = """# Unsafe places

Expressions that Swift's strict memory safety names because the compiler cannot check them, by file, and why nothing goes wrong
there. `Scripts/unsafe_places.py` fails when a file has some and no reason here, or a reason and none. Buffer pointers check their bounds
in debug builds alone, in which tests, fuzzing and sanitizers run; a release build relies on what is named here.
"""


def places(log):
    """The number of lines with unsafe expressions by file below Sources."""
    found = collections.defaultdict(set)
    for line in log.splitlines():
        if match := PLACE.match(line):
            path = ROOT / match[1]
            if path.is_relative_to(ROOT / "Sources"):
                found[str(path.relative_to(ROOT / "Sources"))].add((match[2], match[3]))
    return {path: len(where) for path, where in found.items()}


def calls():
    """The compiler's call for each module of Sources, as a check of types."""
    for line in MANIFEST.read_text().splitlines():
        if not line.startswith("    args: [") or '"-module-name"' not in line:
            continue
        arguments = iter(json.loads(line.removeprefix("    args: ")))
        call = []
        for argument in arguments:
            if argument in MAKES_AT:
                next(arguments)
            elif argument not in MAKES:
                call.append(argument)
        lists = [pathlib.Path(argument[1:]) for argument in call if argument.startswith("@")]
        if any(path.exists() and str(ROOT / "Sources") in path.read_text() for path in lists):
            yield call + ["-typecheck", "-whole-module-optimization", "-strict-memory-safety"]


def check(call):
    done = subprocess.run(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def log():
    """What the compiler says of all modules."""
    subprocess.run(["swift", "build", "--build-tests"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, calls()))
    if not results or any(code for code, _ in results):
        sys.exit("\n".join(text[-3000:] for code, text in results if code) or f"no modules in {MANIFEST}")
    return "\n".join(text for _, text in results)


def reasons():
    rows = (ROW.match(line) for line in LIST.read_text().splitlines()) if LIST.exists() else []
    return {row[1]: row[3] for row in rows if row}


def text(found, known):
    lines = [HEAD, f"{sum(found.values()):,} places in {len(found)} files.\n", "| file | places | why nothing goes wrong |", "| --- | --- | --- |"]
    lines += [f"| `{path}` | {count} | {known.get(path, '?')} |" for path, count in sorted(found.items())]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found, known = places(log()), reasons()
    if options.write:
        LIST.write_text(text(found, known))
    wrong = [f"{path}: {found[path]} unsafe places and no reason" for path in sorted(found) if known.get(path, "?") == "?"]
    wrong += [f"{path}: a reason and no unsafe place" for path in sorted(known) if path not in found]
    print("\n".join(wrong) or f"{sum(found.values()):,} unsafe places in {len(found)} files, each with a reason")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
