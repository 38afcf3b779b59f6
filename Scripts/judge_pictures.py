"""Judge what `--to json`, `--to dot` and `--to html` write of the fixtures.

    python Scripts/judge_pictures.py              # JSON against its schema, Graphviz's own reader, the page's script
    python Scripts/judge_pictures.py --browser    # pages in a headless Chromium: they work, and hostile names do nothing
"""
import base64
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import jsonschema

from fixture_cases import ROOT, cases

KCONVERT = pathlib.Path(os.environ.get("KCONVERT", ROOT / ".build" / "debug" / "kconvert"))
SCHEMA = json.loads((ROOT / "Documentation" / "summary.schema.json").read_text())
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def kconvert(*arguments):
    return subprocess.run([KCONVERT, *arguments], capture_output=True, check=True, timeout=120).stdout.decode()


def judge_json(case, meta):
    weights = [f"--weights={case / meta['weights']}"] if meta.get("weights") else []
    text = kconvert(case / meta.get("file", "model.keras"), *weights, "--to", "json", "-o", "-")
    found = json.loads(text)
    jsonschema.validate(found, SCHEMA)
    assert json.dumps(found, sort_keys=True) == json.dumps(found), "keys are not sorted"


def judge_all_json():
    failed = 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        jobs = [(case, pool.submit(judge_json, case, meta)) for case, meta in cases()]
        for case, job in jobs:
            try:
                job.result()
            except Exception as error:  # every kind of failure is a failed case
                failed += 1
                print(f"FAIL {case.parent.name}/{case.name}: {' '.join(str(error).split())[:300]}")
    print(f"{len(jobs) - failed} JSON summaries fit the schema, {failed} do not")
    return failed


def judge_dot():
    """Graphviz reads every graph, and every layer is a node of it."""
    if not shutil.which("dot"):
        print("SKIPPED: Graphviz is not installed; --to dot was not read by it")
        return 0
    models = sorted(ROOT.glob("fixtures/cases/graph/*/model.keras")) + [hostile_model()]
    for model in models:
        text = kconvert(model, "--to", "dot", "--expand-nested", "-o", "-")
        read = json.loads(subprocess.run(["dot", "-Tjson0"], input=text.encode(), capture_output=True, check=True).stdout)
        nodes = [item for item in read["objects"] if item["name"].startswith("n")]
        assert len(nodes) == len(re.findall(r"^ *n\d+ \[", text, re.MULTILINE)), model
    print(f"{len(models)} graphs read by Graphviz")
    return 0


def hostile_model():
    layers = [
        {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
         "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"}},
        {"class_name": "Dense", "name": HOSTILE, "config": {"units": 4, "name": HOSTILE}, "inbound_nodes": [[["x", 0, 0, {}]]]},
        {"class_name": HOSTILE, "name": "y", "config": {"name": "y"}, "inbound_nodes": [[[HOSTILE, 0, 0, {}]]]},
    ]
    return written("hostile", layers, "y")


def long_model(count=1041):
    """As many layers as NASNetLarge has, in branches."""
    layers = [{"class_name": "InputLayer", "name": "l0", "inbound_nodes": [],
               "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "l0"}}]
    for index in range(1, count):
        sources = [index - 1] if index % 5 else [index - 1, max(0, index - 9), max(0, index - 4)]
        name, kind = f"l{index}", "Dense" if index % 5 else "Add"
        config = {"units": 4, "name": name} if index % 5 else {"name": name}
        layers.append({"class_name": kind, "name": name, "config": config,
                       "inbound_nodes": [[[f"l{source}", 0, 0, {}] for source in sources]]})
    return written("long", layers, f"l{count - 1}")


def written(name, layers, last):
    model = {"class_name": "Functional", "keras_version": "2.12.0", "backend": "tensorflow", "config": {
        "name": name, "layers": layers, "input_layers": [["x" if name == "hostile" else "l0", 0, 0]],
        "output_layers": [[last, 0, 0]]}}
    path = pathlib.Path(tempfile.mkdtemp()) / f"{name}.json"
    path.write_text(json.dumps(model))
    return path


def judge_script():
    """The page allows its own script by its hash, and holds no other."""
    page = kconvert(hostile_model(), "--to", "html", "-o", "-")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1 and page.count("<script") == 1, "another script than the page's own"
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page, f"PageScript.hash should be {digest}"
    assert not re.search(r"(src|href)\s*=\s*[\"']?\s*http|@import|url\(", page), "the page fetches something"
    print("the page's script has its hash")
    return 0


def chromium():
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, "no Chromium: install it with Scripts/install-system-packages.sh --browser"
    return found


def opened(page, *flags):
    """The page as it stands after its script ran."""
    command = [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--virtual-time-budget=4000"]
    return subprocess.run([*command, *flags, f"file://{page}"], capture_output=True, check=True, timeout=120).stdout.decode()


# Moves the graph once a frame; gives the mean and the longest time of a step, in milliseconds.
BENCH = """(async () => {
  const times = [], click = action => document.querySelector(`[data-action=${action}]`).click();
  click("fit");
  for (let step = 0; step < 60; step++) {
    const start = performance.now();
    click(step % 20 < 10 ? "in" : "out");
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - start);
  }
  return [times.reduce((a, b) => a + b) / times.length, Math.max(...times), performance.timing.domInteractive - performance.timing.fetchStart];
})()"""


# The boxes of which the texts are shown where they are out of sight, or the other way round.
ASTRAY = """(async () => {
  document.querySelector("[data-action=start]").click();
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const stage = document.getElementById("stage").getBoundingClientRect();
  return [...document.querySelectorAll("#scene .layer")].filter(layer => {
    const box = layer.querySelector(".box").getBoundingClientRect();
    const out = Math.max(box.left - stage.right, stage.left - box.right, box.top - stage.bottom, stage.top - box.bottom);
    return Math.abs(out) > 2 && (out < 0) !== (getComputedStyle(layer.querySelector("text")).display !== "none");
  }).length;
})()"""


@contextlib.contextmanager
def debugged(page):
    """A page in real time: a function that calls the browser's debugger by its pipe, descriptors 3 and 4."""
    command = [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--remote-debugging-pipe"]
    (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()
    browser = subprocess.Popen(
        ["sh", "-c", f'exec "$@" 3<&{their_in} 4>&{their_out}', "sh", *command, f"file://{page}"],
        pass_fds=[their_in, their_out], stderr=subprocess.DEVNULL)
    os.close(their_in), os.close(their_out)
    answers = os.fdopen(our_in, "rb")
    numbers = iter(range(1, 100))

    def call(method, session=None, **parameters):
        number = next(numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(our_out, json.dumps(message).encode() + b"\0")
        text = b""
        while True:
            byte = answers.read(1)
            assert byte, "the browser ended"
            if byte != b"\0":
                text += byte
                continue
            answer, text = json.loads(text), b""
            if answer.get("id") == number:
                return answer["result"]

    try:
        target = call("Target.createTarget", url=f"file://{page}")["targetId"]
        session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        ready = "location.protocol === 'file:' && document.readyState === 'complete'"
        while not call("Runtime.evaluate", session, expression=ready)["result"].get("value"):
            time.sleep(0.1)
        yield lambda method, **parameters: call(method, session, **parameters)
    finally:
        browser.kill()
        browser.wait()


def evaluated(call, script):
    answer = call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
    assert "exceptionDetails" not in answer, answer
    return answer["result"].get("value")


# What has the focus: its role or kind, and its name.
FOCUSED = """(() => {
  const it = document.activeElement;
  return [it.getAttribute("role") ?? it.localName, it.getAttribute("aria-label") ?? it.textContent.trim(), it.closest("[id]")?.id];
})()"""


def judge_keyboard(page):
    """The page is usable without a mouse, and tells a screen reader what everything is."""
    with debugged(page) as call:
        call("Emulation.setFocusEmulationEnabled", enabled=True)

        def press(key):
            codes = {"Tab": 9, "Enter": 13, "ArrowDown": 40, "End": 35}
            for kind in ["keyDown", "keyUp"]:
                text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
                call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text)
            return evaluated(call, FOCUSED)

        order = []
        while not order or order[-1][0] != "input":
            order.append(press("Tab"))
            assert len(order) < 20, f"the field that filters layers is not reached: {order}"
        names = [name for _, name, _ in order]
        assert names[:4] == ["Zoom in", "Zoom out", "Fit", "Start"] and names[-1] == "Filter layers", order
        assert any(kind == "button" and ", InputLayer, " in name for kind, name, _ in order), f"no layer is reached: {order}"
        evaluated(call, "document.querySelector('.layer[tabindex=\"0\"]').focus()")
        first, second, last = evaluated(call, FOCUSED)[1], press("ArrowDown")[1], press("End")[1]
        assert len({first, second, last}) == 3, f"arrows do not go from layer to layer: {first!r}, {second!r}, {last!r}"
        assert press("Enter")[0] == "button" and evaluated(call, "document.activeElement.closest('tr') !== null"), "Enter shows no row"
        call("Accessibility.enable")
        nodes = call("Accessibility.getFullAXTree")["nodes"]
        roles = {}
        for node in nodes:
            if node.get("ignored"):
                continue
            role, name = node["role"]["value"], node.get("name", {}).get("value", "")
            roles[role] = roles.get(role, 0) + 1
            can_focus = any(p["name"] == "focusable" and p["value"].get("value") for p in node.get("properties", []))
            if can_focus and role not in ("RootWebArea",):
                assert name.strip(), f"{role} has no name: {node}"
        for role in ["region", "table", "columnheader", "searchbox", "status", "heading", "button"]:
            assert roles.get(role), f"no {role}: {roles}"
    print(f"the page by keyboard: {len(order)} stops to the table; every one of them has a name")


def judge_browser():
    folder = pathlib.Path(tempfile.mkdtemp())
    for name in ["seed/cnn", "graph/nested_reused", "rnn/bidir_lstm", "graph/multi_in_out"]:
        page = folder / "page.html"
        kconvert(ROOT / "fixtures" / "cases" / name / "model.keras", "--to", "html", "-o", page)
        for _ in range(4):  # A busy machine may show the page before its first frame.
            dom = opened(page, "--dump-dom")
            if '<g id="scene" transform="translate' in dom:
                break
        else:
            raise AssertionError(f"{name}: the graph was not placed")
        assert re.search(r">(\d+) of \1</output>", dom), f"{name}: the script did not run"
        for scheme in [0, 1]:  # dark, light
            picture = folder / "picture.png"
            opened(page, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}")
            assert picture.stat().st_size > 10_000, f"{name}: an empty picture"
    judge_keyboard(page)
    page = folder / "hostile.html"
    kconvert(hostile_model(), "--to", "html", "-o", page)
    dom = opened(page, "--dump-dom")
    assert "<title>hostile</title>" in dom and "<img" not in dom, "a name from the file became markup"
    page = folder / "long.html"
    kconvert(long_model(), "--to", "html", "-o", page)
    with debugged(page) as call:
        mean, longest, load = evaluated(call, BENCH)
        astray = evaluated(call, ASTRAY)
    assert astray == 0, f"{astray} boxes show their texts where nobody sees them, or do not where somebody does"
    print(
        f"1,041 layers: parsed in {load:.0f} ms; a step of zooming takes {mean:.0f} ms on average, {longest:.0f} ms at most,"
        " drawn by the processor")
    assert mean < 200, "the page stutters"  # Two frames, 33 ms, on two idle processors; room for a busy machine.
    print("pages work in Chromium, light and dark; names from files do nothing")
    return 0


if __name__ == "__main__":
    judges = [judge_browser] if "--browser" in sys.argv[1:] else [judge_all_json, judge_dot, judge_script]
    sys.exit(1 if sum(judge() for judge in judges) else 0)
