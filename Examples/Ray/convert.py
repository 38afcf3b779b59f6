"""Converts a list of Keras files with kconvert on a Ray cluster.

    python convert.py FILES.txt OUT [--to onnx] [--kconvert PATH] [--address auto]

FILES.txt names one model per line, on storage that every node sees. Ray hands out the files and tries a task again when
a node is lost; `kconvert batch` converts each file in a process of its own, skips what is converted already, and says in
one line of JSON what became of it. The lines go to standard output in the order in which the files are done.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys

import ray


@ray.remote(num_cpus=1, max_retries=3)
def convert(file: str, out: str, to: str, kconvert: str) -> dict:
    # A folder per file, named by its whole path: its log is nobody else's.
    folder = pathlib.Path(out, *pathlib.Path(file).absolute().parts[1:])
    command = [kconvert, "batch", file, "--to", to, "--out", str(folder), "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.stdout:
        return json.loads(done.stdout.splitlines()[-1])
    return {"file": file, "status": "failed", "code": done.returncode, "reason": done.stderr.strip()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", help="a text file with one model per line")
    parser.add_argument("out")
    parser.add_argument("--to", default="onnx")
    parser.add_argument("--kconvert", default="kconvert", help="the command, at the same path on every node")
    parser.add_argument("--address", help="a cluster's address; without it Ray runs here")
    options = parser.parse_args()

    files = [line.strip() for line in open(options.files) if line.strip()]
    ray.init(address=options.address, log_to_driver=False, include_dashboard=False)
    waiting = iter(files)
    width = 4 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    running, counts = [], collections.Counter()
    # No more tasks than the cluster can use soon: a list of a million files is no burden.
    while True:
        for file in waiting:
            running.append(convert.remote(file, options.out, options.to, options.kconvert))
            if len(running) >= width:
                break
        if not running:
            break
        done, running = ray.wait(running)
        for line in ray.get(done):
            counts[line["status"]] += 1
            print(json.dumps(line), flush=True)
    print(dict(counts), file=sys.stderr)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
