#!/bin/sh
# Builds a program of somebody else's that is as strict as Swift 6 lets it be (warnings are errors, strict memory safety,
# upcoming features), and runs it: plainly, and with --sanitizers under the address and the thread sanitizer, too.
set -eu
cd "$(dirname "$0")/.."
build=.build/outside_program

run() {
  echo "outside program: $1"
  shift
  swift build --package-path Scripts/outside_program "$@"
  "$(swift build --package-path Scripts/outside_program "$@" --show-bin-path)/Outside" fixtures
}

# A report of a sanitizer ends the program with an error, and this script with it.
run plain --scratch-path "$build/plain"
[ "${1:-}" = --sanitizers ] || exit 0
# What libhdf5 and oneDNN keep for the life of the process is no leak.
ASAN_OPTIONS=detect_leaks=0 run address --scratch-path "$build/address" --sanitize=address
run thread --scratch-path "$build/thread" --sanitize=thread
