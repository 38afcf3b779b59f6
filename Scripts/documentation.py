"""Makes the documentation of every library with DocC; a warning is an error.

    swift build && python3 Scripts/documentation.py [FOLDER]    the pages stay in FOLDER where one is given
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import public_api


def docc():
    """The tool on the path, or beside the compiler."""
    return shutil.which("docc") or str(pathlib.Path(shutil.which("swift")).resolve().parent / "docc")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        graphs = pathlib.Path(scratch) / "graphs"
        graphs.mkdir()
        public_api.extract(graphs)
        failures = 0
        for module in public_api.MODULES:
            own = pathlib.Path(scratch) / module
            own.mkdir()
            for graph in [*graphs.glob(f"{module}.symbols.json"), *graphs.glob(f"{module}@*.symbols.json")]:
                shutil.copy(graph, own)
            catalogs = list((public_api.ROOT / "Sources").glob(f"*/{module}.docc"))
            folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{module}.doccarchive"
            done = subprocess.run(
                [docc(), "convert", *catalogs, "--fallback-display-name", module, "--fallback-bundle-identifier",
                 f"kconvert.{module}", "--additional-symbol-graph-dir", own, "--output-path", target, "--warnings-as-errors"],
                capture_output=True, text=True)
            said = (done.stdout + done.stderr).strip()
            warnings = said.count("warning:") + said.count("error:")
            failures += done.returncode != 0 or warnings > 0
            print(f"{module}: {warnings} warnings" + (f"\n{said}" if warnings or done.returncode else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
