"""Compare the public symbols of the libraries with Documentation/PublicAPI.txt, or write that file.

    python Scripts/public_api.py [--write]

The symbols are read off the debug build that `swift build` or `swift test` left. One line each: module, path, declaration.
Each must have a documentation comment.
"""
import difflib
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LISTED = ROOT / "Documentation" / "PublicAPI.txt"
MODULES = ["Kconvert", "KerasImport", "ModelIR", "NativeFormat", "NativeRuntime", "ONNXExport", "ONNXImport", "KerasExport", "ModelPictures"]


def output(*command):
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()


def extract(folder):
    """Writes the symbol graph of every module."""
    target = json.loads(output("swift", "-print-target-info"))["target"]["unversionedTriple"]
    build = pathlib.Path(output("swift", "build", "--show-bin-path"))
    maps = [*ROOT.glob("Sources/C*/module.modulemap"), *build.glob("C*.build/module.modulemap")]
    flags = [f"-fmodule-map-file={path}" for path in maps]
    for library in ["hdf5-serial", "hdf5", "minizip", "yaml-0.1", "libprotobuf-c"]:
        found = subprocess.run(["pkg-config", "--cflags-only-I", library], capture_output=True, text=True)
        flags += found.stdout.split()
    options = [option for flag in flags for option in ("-Xcc", flag)]
    for module in MODULES:
        subprocess.run(
            ["swift", "symbolgraph-extract", "-module-name", module, "-target", target, "-I", str(build / "Modules"),
             *options, "-output-dir", folder, "-minimum-access-level", "public", "-skip-synthesized-members"],
            check=True)


def lines(module, folder):
    """Symbols of the module and of its extensions of others. Conformances are relations, listed as `: Protocol`."""
    found = set()
    for file in pathlib.Path(folder).glob(f"{module}*.symbols.json"):
        graph = json.loads(file.read_text())
        names = {}
        for symbol in graph["symbols"]:
            path = ".".join(symbol["pathComponents"])
            names[symbol["identifier"]["precise"]] = path
            text = "".join(part["spelling"] for part in symbol["declarationFragments"])
            found.add(f"{module}  {path}  {' '.join(text.split())}")
        for relation in graph["relationships"]:
            if relation["kind"] == "conformsTo" and relation["source"] in names:
                protocol = relation.get("targetFallback", "") or names.get(relation["target"], "")
                if protocol and not protocol.startswith(("Swift.Copyable", "Swift.Escapable", "Swift.SendableMetatype")):
                    found.add(f"{module}  {names[relation['source']]} : {protocol}")
    return found


def undocumented(module, folder):
    """The symbols of this package without a documentation comment of their own; what conformances bring has no place."""
    for file in pathlib.Path(folder).glob(f"{module}*.symbols.json"):
        for symbol in json.loads(file.read_text())["symbols"]:
            if "docComment" not in symbol and "location" in symbol:
                yield f"{module}  {'.'.join(symbol['pathComponents'])}"


def main():
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        extract(folder)
        for module in MODULES:
            found |= lines(module, folder)
        bare = sorted(symbol for module in MODULES for symbol in undocumented(module, folder))
    if bare:
        print("without documentation:", *bare, sep="\n")
        return 1
    text = "\n".join(sorted(found)) + "\n"
    if "--write" in sys.argv:
        LISTED.write_text(text)
        print(f"{len(found)} public symbols written")
        return 0
    listed = LISTED.read_text() if LISTED.exists() else ""
    if text == listed:
        print(f"{len(found)} public symbols, all listed")
        return 0
    difference = difflib.unified_diff(listed.splitlines(), text.splitlines(), "listed", "found", lineterm="", n=0)
    print("\n".join(difference))
    print("the public symbols are not those of Documentation/PublicAPI.txt; if they should be: Scripts/public_api.py --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
