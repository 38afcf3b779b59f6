"""The fixtures with Keras's numbers, for the scripts that judge what the conformance tests wrote of them."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def cases():
    """The folder and description of every case that is not to be refused."""
    for path in sorted([*ROOT.glob("fixtures/cases/*/*/meta.json"), *ROOT.glob("fixtures/eras/*/*/meta.json")]):
        meta = json.loads(path.read_text())
        if meta.get("expect") != "refuse":
            yield path.parent, meta


def judge_all(judge, file, what, skips=lambda meta: False):
    """Judge one file of each case, print what fails and how many did; the exit status."""
    passed, failed = 0, 0
    for case, meta in cases():
        if skips(meta):
            continue
        name = f"{case.parent.name}/{case.name}"
        try:
            judge(case, meta, ROOT / ".build" / "conformance" / name / file)
            passed += 1
        except Exception as error:  # every kind of failure is a failed case
            failed += 1
            print(f"FAIL {name}: {' '.join(str(error).split())[:300]}")
    print(f"{passed} {what} passed, {failed} failed")
    return 1 if failed or not passed else 0
