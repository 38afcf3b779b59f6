"""Writes the manual page from what the command says about itself.

    python3 Scripts/manual.py KCONVERT > Documentation/kconvert.1     # after a change of options
    python3 Scripts/manual.py KCONVERT --check                        # whether the page is up to date
"""
import json
import pathlib
import subprocess
import sys

PAGE = pathlib.Path(__file__).parent.parent / "Documentation" / "kconvert.1"
EXITS = [
    (0, "done"), (2, "the input is not a valid model"), (3, "the model uses something that is not supported"),
    (4, "a check or comparison failed"), (64, "wrong usage"), (66, "an input file cannot be opened"),
    (73, "an output cannot be created"), (74, "writing an output failed")]


def escaped(text):
    text = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def named(argument):
    """An option as it is written, or a positional argument's place."""
    value = argument.get("valueName", "").upper()
    if argument["kind"] == "positional":
        return f"\\fI{escaped(value)}\\fR"
    names = [("--" if name["kind"] == "long" else "-") + name["name"] for name in argument["names"]]
    text = ", ".join(f"\\fB{escaped(name)}\\fR" for name in names)
    return text + (f" \\fI{escaped(value)}\\fR" if argument["kind"] == "option" else "")


def section(command):
    lines = [f".SS {escaped('kconvert ' + command['commandName'])}", escaped(command.get("abstract", ""))]
    for argument in command.get("arguments", []):
        if not argument["shouldDisplay"]:
            continue
        about = escaped(argument.get("abstract", ""))
        if "allValueStrings" in argument or "allValues" in argument:
            about += " One of " + escaped(", ".join(argument.get("allValueStrings") or argument["allValues"])) + "."
        if argument.get("defaultValue"):
            about += f" Default: {escaped(argument['defaultValue'])}."
        lines += [".TP", named(argument), about or "\\&"]
    return lines


def page(kconvert):
    command = json.loads(subprocess.check_output([kconvert, "--experimental-dump-help"]))["command"]
    version = subprocess.check_output([kconvert, "--version"]).decode().splitlines()[0].split()[-1]
    lines = [
        f'.TH KCONVERT 1 "" "kconvert {version}"', ".SH NAME", "kconvert \\- " + escaped(command["abstract"]),
        ".SH SYNOPSIS", "\\fBkconvert\\fR \\fIMODEL\\fR [\\fIOPTIONS\\fR]", ".br",
        "\\fBkconvert\\fR \\fIVERB\\fR \\fIARGUMENTS\\fR", ".SH DESCRIPTION"]
    for number, paragraph in enumerate(command.get("discussion", "").split("\n\n")):
        if number == 0:
            lines.append(escaped(paragraph))
        else:
            lines += [".PP", ".nf"] + [escaped(line) for line in paragraph.split("\n")] + [".fi"]
    lines.append(".SH VERBS")
    for verb in command["subcommands"]:
        if verb["shouldDisplay"] and verb["commandName"] != "help":
            lines += section(verb)
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXITS:
        lines += [".TP", str(code), meaning]
    return "\n".join(lines) + "\n"


def main():
    text = page(sys.argv[1])
    if "--check" not in sys.argv[2:]:
        sys.stdout.write(text)
    elif PAGE.read_text() != text:
        sys.exit("Documentation/kconvert.1 is not what the command says: write it with Scripts/manual.py")


main()
