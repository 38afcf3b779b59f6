"""Keeps the list of unsafe places: which files have expressions that the compiler cannot check, and why nothing goes wrong.

    python Scripts/unsafe_places.py            fails when a file has such places and no reason, or a reason and no place
    python Scripts/unsafe_places.py --write    renews the numbers; reasons stay, a file without one gets "?"

Builds once more with `-strict-memory-safety`, which names every such expression, in a folder of its own.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Documentation/UnsafePlaces.md"
BUILD = ["swift", "build", "--build-tests", "--scratch-path", ".build/strict", "-Xswiftc", "-strict-memory-safety"]
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
    parser.add_argument("--log", help="the output of such a build from nothing, in place of a new one")
    options = parser.parse_args()
    if options.log:
        log = pathlib.Path(options.log).read_text()
    else:
        # What is up to date would not be named again.
        subprocess.run(["swift", "package", "--scratch-path", ".build/strict", "clean"], cwd=ROOT, check=True)
        built = subprocess.run(BUILD, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        log = built.stdout
        if built.returncode:
            sys.exit(log[-3000:])
    found, known = places(log), reasons()
    if options.write:
        LIST.write_text(text(found, known))
    wrong = [f"{path}: {found[path]} unsafe places and no reason" for path in sorted(found) if known.get(path, "?") == "?"]
    wrong += [f"{path}: a reason and no unsafe place" for path in sorted(known) if path not in found]
    print("\n".join(wrong) or f"{sum(found.values()):,} unsafe places in {len(found)} files, each with a reason")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
