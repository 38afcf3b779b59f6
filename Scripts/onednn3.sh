#!/bin/sh
# The shim against version 3 of oneDNN, where Debian 12 has version 2: compiled with the headers of the oldest and the newest
# release that PyPI has, without warnings.
#
#     Scripts/onednn3.sh [--run]   with it, the tests that compute run on version 3, too (builds everything a second time)
set -eu
cd "$(dirname "$0")/.."
build=$PWD/.build/onednn3
pip=${PIP:-.build/venv/bin/pip}

# fetch FOLDER PACKAGE...: the files of wheels, whose programs are not installed.
fetch() {
  folder=$1
  shift
  if [ ! -e "$folder/ready" ]; then
    "$pip" download --quiet --disable-pip-version-check --no-deps --dest "$folder" "$@"
    for wheel in "$folder"/*.whl; do python3 -m zipfile -e "$wheel" "$folder"; done
    mv "$folder"/*.data/data/* "$folder"
    touch "$folder/ready"
  fi
}

fetch "$build/oldest" onednn-devel-cpu-gomp==2023.2.0
fetch "$build/newest" onednn-devel
for version in oldest newest; do
  for file in Sources/COneDNN/*.c; do
    clang -std=gnu17 -Wall -Wextra -Wno-unused-parameter -Werror -DKCONVERT_ONEDNN -I "$build/$version/include" -c "$file" -o "$build/$version/object.o"
  done
  sed -n 's/#define DNNL_VERSION_M[AIJONR]* /oneDNN /p' "$build/$version/include/oneapi/dnnl/dnnl_version.h" | tr '\n' ' '
  echo "compiled"
done
[ "${1:-}" = --run ] || exit 0
fetch "$build/library" onednn-cpu-gomp==2023.2.0
LD_LIBRARY_PATH=$build/library/lib swift test --scratch-path "$build/tests" -Xcc -I"$build/oldest/include" \
  --filter 'NativeRuntimeTests|ConformanceTests'
