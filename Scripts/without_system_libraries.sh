#!/bin/sh
# Builds and tests the part that phones get: native files, safetensors and the forward pass without libraries of the system.
# A header of one would be an error (KCONVERT_NO_SYSTEM_LIBRARIES), and none may be linked.
#
#     Scripts/without_system_libraries.sh [--cases]   with it, every case of the tests runs without oneDNN, too
set -eu
cd "$(dirname "$0")/.."
build=.build/without_system_libraries

swift build --package-path Examples/OnDevice --scratch-path "$build/example" -Xcc -DKCONVERT_NO_SYSTEM_LIBRARIES
program=$build/example/debug/OnDevice
(cd Examples/OnDevice && "../../$program")
if command -v ldd >/dev/null; then linked=$(ldd "$program"); else linked=$(otool -L "$program"); fi
if echo "$linked" | grep -E 'hdf5|minizip|deflate|libyaml|protobuf|dnnl'; then
  echo "these are linked" >&2
  exit 1
fi
[ "${1:-}" = --cases ] || exit 0
swift test --traits HDF5,YAML,ONNX --scratch-path "$build/tests" --filter 'NativeRuntimeTests|forward pass gives'
