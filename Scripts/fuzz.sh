#!/bin/sh
# Fuzzes every target: `Scripts/fuzz.sh` runs each on a fixed number of inputs, as the tests do; `Scripts/fuzz.sh MINUTES`
# runs each for so long, from another seed every day. A fault prints the seed that makes the input again:
# `.build/debug/Fuzzing TARGET fixtures --seed N --count 1 --save FILE`.
#
# With LIBFUZZER=1 the same targets run under libFuzzer and the address sanitizer, in a build of their own, each for a minute
# or for MINUTES. What it finds lies in .build/fuzz/found.
set -eu
cd "$(dirname "$0")/.."
minutes=${1:-}
targets="json safetensors npy zip index model config kernels onnx"

if [ -n "${LIBFUZZER:-}" ]; then
  swift build --scratch-path .build/fuzz --product Fuzzing -Xswiftc -sanitize=fuzzer,address -Xswiftc -DLIBFUZZER
  mkdir -p .build/fuzz/found
  for target in $targets; do
    mkdir -p ".build/fuzz/corpus/$target"
    # No single input may be larger than what small models are. Paths that a signal handler may read are never freed, and
    # would be reported as leaks.
    ASAN_OPTIONS=detect_leaks=0 FUZZ_TARGET=$target .build/fuzz/debug/Fuzzing ".build/fuzz/corpus/$target" fixtures/fuzz \
      -artifact_prefix=.build/fuzz/found/ -detect_leaks=0 -max_len=262144 -timeout=10 -rss_limit_mb=1024 \
      -max_total_time=$((${minutes:-1} * 60))
  done
  exit
fi

swift build --product Fuzzing
for target in $targets; do
  case $target in
    model | config | index) count=200 ;;  # each input is a whole model, or a process of its own
    *) count=5000 ;;
  esac
  if [ -z "$minutes" ]; then
    .build/debug/Fuzzing "$target" fixtures --count $count
    continue
  fi
  seed=$(($(date +%j) * 100000000))
  end=$(($(date +%s) + minutes * 60))
  while [ "$(date +%s)" -lt $end ]; do
    .build/debug/Fuzzing "$target" fixtures --seed $seed --count $count
    seed=$((seed + count))
  done
done
