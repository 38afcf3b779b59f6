"""Runs the examples on Ray and Spark, in local mode, over fixtures of every era and some bad files.

    python Examples/clusters_test.py KCONVERT

Every file must be accounted for, outputs must be there, and a second run must keep them. Without Java, Spark is left out.
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BAD = ["cve-2024-3660.keras", "wrong-checksum.keras", "cut-by-one.keras"]


def models() -> list[str]:
    eras = sorted((ROOT / "fixtures/eras").glob("*/mlp*/model.*"))
    good = [str(path) for path in eras if path.name in ("model.h5", "model.keras")]
    assert len(good) > 5, good
    return good + [str(ROOT / "fixtures/hostile" / name) for name in BAD]


def expect(counts: collections.Counter, status: str, files: list[str], engine: str) -> None:
    wanted = {status: len(files) - len(BAD), "failed": len(BAD)}
    assert dict(counts) == wanted, f"{engine}: expected {wanted}, found {dict(counts)}"


def ray(kconvert: str, listing: pathlib.Path, out: pathlib.Path, files: list[str]) -> None:
    for status in ["converted", "kept"]:
        command = [sys.executable, ROOT / "Examples/Ray/convert.py", listing, out, "--kconvert", kconvert]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 1, done.returncode
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(line["file"] for line in lines) == sorted(files)
        expect(collections.Counter(line["status"] for line in lines), status, files, "Ray")


def spark(kconvert: str, listing: pathlib.Path, out: pathlib.Path, files: list[str]) -> None:
    import pyarrow.parquet

    report = out / "report.parquet"
    for status in ["converted", "kept"]:
        command = [sys.executable, ROOT / "Examples/Spark/convert.py", listing, out, "--kconvert", kconvert]
        done = subprocess.run(command + ["--report", report], env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"})
        assert done.returncode == 1, done.returncode
        table = pyarrow.parquet.read_table(report).to_pydict()
        assert sorted(table["file"]) == sorted(files)
        expect(collections.Counter(table["status"]), status, files, "Spark")


def main() -> None:
    kconvert = str(pathlib.Path(sys.argv[1]).resolve())
    files = models()
    with tempfile.TemporaryDirectory() as folder:
        listing = pathlib.Path(folder, "files.txt")
        listing.write_text("\n".join(files) + "\n")
        if not shutil.which("java"):
            print("SKIPPED: Spark needs Java, which is not installed")
        for engine in [ray, spark] if shutil.which("java") else [ray]:
            out = pathlib.Path(folder, engine.__name__)
            engine(kconvert, listing, out, files)
            assert len(list(out.rglob("*.onnx"))) == len(files) - len(BAD)
            print(f"{engine.__name__}: {len(files)} files, {len(BAD)} of them bad: all accounted for, twice", flush=True)


if __name__ == "__main__":
    main()
