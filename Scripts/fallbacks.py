"""Fails on fallbacks that could hide a wrong number and do not say why nothing can go wrong.

    python3 Scripts/fallbacks.py

`try?`, `?? 0`, `?? 1`, `?? []`, `?? ""`, `Int($0)` and a `default:` that does nothing need a comment on their line or on the
line before it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FALLBACK = re.compile(
    r'\btry\?|\?\?\s*(?:0|1|1\.0|0\.0|\[\]|"")(?![\w.])|\bdefault:\s*(?:break|continue|return)\s*$|\bInt\(\$0\)')
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|#?"""(?:.|\n)*?"""#?|"(?:\\.|[^"\\\n])*"', re.S)


def blank(text):
    """The text with comments and the contents of strings replaced by spaces."""
    return NOT_CODE.sub(lambda match: '""' + " " * (len(match[0]) - 2) if match[0] == '""' else re.sub(r"[^\n]", " ", match[0]), text)


def unexplained(path):
    text = path.read_text()
    lines = text.split("\n")
    for number, line in enumerate(blank(text).split("\n")):
        is_explained = "//" in lines[number] or number > 0 and lines[number - 1].strip().startswith("//")
        if FALLBACK.search(line) and not is_explained:
            yield f"{path.relative_to(ROOT)}:{number + 1}: {lines[number].strip()}"


def main():
    found = [place for path in sorted((ROOT / "Sources").rglob("*.swift")) for place in unexplained(path)]
    print("\n".join([*found, f"{len(found)} fallbacks without a reason"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
