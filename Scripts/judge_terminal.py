"""Judge what the command shows on a terminal: progress, colours, completions, the manual page, and a batch at work.

    python3 Scripts/judge_terminal.py [KCONVERT]

Terminals are pseudo-terminals. Of zsh, fish and man those are tried that are installed.
"""
import contextlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KCONVERT = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/debug/kconvert").resolve())
MODEL = ROOT / "fixtures/cases/seed/mlp/model.keras"
CLOSING = re.compile(r"kconvert: wrote \S+ \([0-9.]+ [KMG]?B, [0-9]+\.[0-9]{2} s\): ")
PROGRESS = re.compile(r"[0-9]+ % of [0-9.]+ [KMG]B, [0-9.]+ [KMG]?B/s, [0-9]+:[0-9]{2} left")


class Terminal:
    """A process of which standard error, and standard output where it is asked for, is a terminal."""

    def __init__(self, *arguments, output_too=False, cwd=None, **environment):
        self.ours, theirs = pty.openpty()
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | environment
        self.process = subprocess.Popen(
            [KCONVERT, *map(str, arguments)], stdin=subprocess.DEVNULL, cwd=cwd, env=environment,
            stdout=theirs if output_too else subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)

    def text(self):
        """All that it shows until it ends."""
        shown = b""
        with contextlib.suppress(OSError):  # The other end is closed.
            while piece := os.read(self.ours, 1 << 16):
                shown += piece
        os.close(self.ours)
        self.process.wait()
        return shown.decode()


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.001)
    return found


def large_model(folder, byte_count=300_000_000):
    """A native file of one dense layer: almost all of it a hole, which takes no room."""
    units = byte_count // 4 // 1000
    config = {"class_name": "Sequential", "config": {"name": "large", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 1000], "dtype": "float32", "name": "x"}},
        {"class_name": "Dense", "config": {"name": "d", "units": units, "use_bias": False}}]}}
    architecture, path = folder / "model.json", folder / "large.safetensors"
    architecture.write_text(json.dumps(config | {"keras_version": "2.12.0", "backend": "tensorflow"}))
    weights = folder / "weights.safetensors"
    header = {"d/kernel": {"dtype": "F32", "shape": [1000, units], "data_offsets": [0, 4000 * units]}}
    text = json.dumps(header).encode()
    with open(weights, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + 4000 * units)
    return architecture, weights, path


def written(process):
    """The bytes that a process has written; all there are when it has ended."""
    with contextlib.suppress(OSError):
        return int(re.search(r"wchar: (\d+)", pathlib.Path(f"/proc/{process}/io").read_text()).group(1))
    return 1 << 62


def judge_progress(folder):
    architecture, weights, _ = large_model(folder)

    def converted(*options, held=True):
        """What is shown by a conversion that is held up in its middle for longer than a moment."""
        out = folder / "out"
        out.mkdir()
        # In half precision every number is computed; bytes that stay as they are would go in a call or two.
        run = Terminal(
            architecture, "--weights", weights, "--to", "onnx", "--float16", "-o", out / "large.onnx", *options)
        if held:
            until(lambda: written(run.process.pid) > 1 << 22)  # The file has no name yet.
            run.process.send_signal(signal.SIGSTOP)
            time.sleep(0.7)
            run.process.send_signal(signal.SIGCONT)
        shown = run.text()
        assert run.process.returncode == 0, shown
        shutil.rmtree(out)
        return shown

    shown = converted()
    assert PROGRESS.search(shown), f"no progress: {shown!r}"
    last = shown.split("\r")[-2] if shown.endswith("\r\n") else shown
    assert CLOSING.search(last.replace("\x1b[K", "")), f"no closing line: {shown!r}"
    assert not PROGRESS.search(converted("--no-progress"))
    assert converted("--quiet") == ""
    # A moment's work shows nothing but its end.
    quick = Terminal(MODEL, "--to", "onnx", "-o", folder / "quick.onnx").text()
    assert CLOSING.match(quick) and "\x1b" not in quick, repr(quick)
    piped = subprocess.run([KCONVERT, MODEL, "--to", "onnx", "-o", folder / "q.onnx"], capture_output=True, text=True)
    assert CLOSING.match(piped.stderr) and "\x1b" not in piped.stderr and not piped.stdout
    print("progress on a terminal after a moment, a closing line, nothing with --quiet")


def judge_colours():
    coloured = Terminal(MODEL, output_too=True).text()
    assert "\x1b[1m" in coloured, "no colours on a terminal"
    for plain in [
        Terminal(MODEL, output_too=True, NO_COLOR="1").text(), Terminal(MODEL, output_too=True, TERM="dumb").text(),
        subprocess.run([KCONVERT, MODEL], capture_output=True, text=True).stdout,
    ]:
        assert "\x1b" not in plain and "dense_1 (Dense)" in plain
    print("colours on a terminal alone, none with NO_COLOR")


def children(parent):
    """The processes that convert a batch's models."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            state = (entry / "stat").read_text().rpartition(")")[2].split()
            if b"batch-child" in words and int(state[1]) == parent:
                found.append((int(entry.name), words[2].decode()))
    return found


def judge_batch(folder):
    """Two of the models hang: one in the middle of its conversion, one since it never ends. A third is no file at all."""
    models = folder / "models"
    models.mkdir()
    for name in ["a", "hangs", "z"]:
        shutil.copy(MODEL, models / f"{name}.keras")
    with open(models / "endless.h5", "wb") as file:
        file.truncate(1 << 42)
    os.mkfifo(models / "pipe.keras")
    os.symlink("/dev/zero", models / "zero.keras")
    run = subprocess.Popen(
        [KCONVERT, "batch", "models", "--to", "onnx", "--out", "out", "--jobs", "3", "--time-limit", "4"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def hang():
        for process, model in children(run.pid):
            if model == "models/hangs.keras":
                os.kill(process, signal.SIGSTOP)
                return True

    until(hang)
    output, error = run.communicate(timeout=120)
    lines = {line["file"]: line for line in map(json.loads, output.splitlines())}
    assert run.returncode == 1 and len(lines) == 6, output
    for name in ["hangs.keras", "endless.h5"]:
        assert lines[f"models/{name}"]["reason"] == f"models/{name}: not done after 4 s", lines
    for name in ["pipe.keras", "zero.keras"]:
        assert lines[f"models/{name}"]["reason"] == f"models/{name}: it is not a regular file", lines
    assert all(lines[f"models/{name}.keras"]["status"] == "converted" for name in "az")
    assert error.startswith("6 models: 2 converted, 0 kept, 4 failed"), error
    assert not children(run.pid), "what hangs was not ended"
    print("a batch ends models that hang, and goes on")


def judge_batch_progress(folder):
    for number in range(12):
        shutil.copy(MODEL, folder / f"m{number}.keras")
    run = Terminal("batch", folder, "--to", "onnx", "--out", folder / "out", "--jobs", "1")
    log = folder / "out/kconvert-batch.jsonl"
    until(lambda: log.exists() and log.read_text().count("\n") >= 2)
    run.process.send_signal(signal.SIGSTOP)
    time.sleep(0.7)
    run.process.send_signal(signal.SIGCONT)
    shown = run.text()
    assert re.search(r"[0-9]+ of 12 models, [0-9.]+/s, [0-9]+:[0-9]{2} left", shown), repr(shown)
    assert "12 models: 12 converted, 0 kept, 0 failed" in shown
    assert Terminal("batch", folder, "--to", "onnx", "--out", folder / "out", "--quiet").text() == ""
    print("a batch shows how far it is")


class Shell:
    """An interactive shell on a terminal."""

    def __init__(self, command, folder, **environment):
        self.process, self.ours = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.environ.update({"TERM": "xterm", "PS1": "> ", "HOME": str(folder)} | environment)
            os.execvp(command[0], command)

    def type(self, text, wanted, seconds=20):
        os.write(self.ours, text.encode())
        shown, end = "", time.monotonic() + seconds
        while wanted not in shown and time.monotonic() < end:
            if select.select([self.ours], [], [], 0.2)[0]:
                shown += os.read(self.ours, 1 << 16).decode(errors="replace")
                shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", shown)  # Colours, moves, bells.
        assert wanted in shown, f"{text!r}: expected {wanted!r}, shown {shown!r}"

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.close(self.ours)
        os.waitpid(self.process, 0)


# What is typed with a tabulator behind it, and what then stands there.
COMPLETED = [
    ("kconvert che", "check "), ("kconvert run --outp", "--outputs "), ("kconvert batch --to sv", "svg "),
    ("kconvert --summ", "--summary "), ("kconvert some.keras --to ht", "html "), ("kconvert some.keras --expa", "--expand-nested "),
    ("kconvert some-mo", "some-model.keras "), ("kconvert check some-mo", "some-model.keras "),
    ("kconvert some-model.keras --to on", "onnx "), ("kconvert m.keras -o some-mo", "some-model.keras "),
    ("kconvert m.keras --layout nc", "nchw "), ("kconvert compare some-model.keras some-mo", "some-model.keras "),
]


def judge_completions(folder):
    prefix = folder / "usr"
    subprocess.run([ROOT / "Scripts/install_files.sh", KCONVERT, prefix], check=True)
    share = prefix / "share"
    (folder / "some-model.keras").touch()
    environment = {"PATH": f"{prefix}/bin:{os.environ['PATH']}"}
    shells = {
        "bash": (["bash", "--norc", "--noprofile", "-i"], f". {share}/bash-completion/completions/kconvert"),
        "zsh": (["zsh", "-f", "-i"], f"fpath=({share}/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D"),
        "fish": (["fish", "--no-config", "-i"], f"source {share}/fish/vendor_completions.d/kconvert.fish"),
    }
    for name, (command, setting) in shells.items():
        if not shutil.which(name):
            print(f"SKIPPED: {name} is not installed; its completions were not tried")
            continue
        shell = Shell(command, folder, **environment)
        shell.type(f"{setting}; echo re''ady\n", "ready")
        for typed, wanted in COMPLETED:
            shell.type(f"{typed}\t", wanted)
            shell.type("\x15echo em''pty\n", "empty")  # Nothing of it is taken for what the next one shows.
        shell.close()
        print(f"completions in {name}: {len(COMPLETED)} tried")
    if shutil.which("man"):
        page = subprocess.run(
            ["man", "-l", share / "man/man1/kconvert.1"], capture_output=True, text=True, check=True,
            env=os.environ | {"MANPAGER": "cat", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
        text = re.sub(".\b", "", page.stdout)
        assert not page.stderr.strip(), page.stderr
        for heading in ["NAME", "SYNOPSIS", "VERBS", "kconvert batch", "EXIT STATUS", "--expand-nested"]:
            assert heading in text, f"the manual page has no {heading}"
        print("the manual page is rendered without a warning")
    else:
        print("SKIPPED: man is not installed; the manual page was not rendered")


def main():
    judges = [judge_progress, judge_batch_progress, judge_completions]
    if sys.platform == "linux":
        judges.append(judge_batch)
    else:
        print("SKIPPED: the processes of a batch are found by Linux's /proc")
    for judge in judges:
        with tempfile.TemporaryDirectory() as folder:
            judge(pathlib.Path(folder))
    judge_colours()


main()
