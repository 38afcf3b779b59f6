#!/bin/sh
# Compiles everything with the parts for Linux alone left out, as far as that can be done on Linux: what is then missing would
# be missing on macOS too. `#if os(Linux)` and `#ifdef __linux__` are made false in a copy of the sources.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
copy=${TMPDIR:-/tmp}/kconvert-without-linux
mkdir -p "$copy"
for part in Sources Plugins Package.swift Package.resolved; do
  if [ -e "$root/$part" ]; then rm -rf "${copy:?}/$part"; cp -R "$root/$part" "$copy"; fi
done

ln -sfn "$root/Tests" "$copy/Tests"  # The manifest names them; nothing of them is compiled.
find "$copy/Sources" -name '*.swift' -exec sed -i.bak 's/os(Linux)/os(Windows)/g' {} +
find "$copy/Sources" \( -name '*.c' -o -name '*.h' \) -exec sed -i.bak 's/__linux__/KCONVERT_NOT_LINUX/g' {} +
find "$copy/Sources" -name '*.bak' -exec rm {} +
swift build --package-path "$copy" --product kconvert

# Outside such parts, the C library of Linux is named only beside that of macOS.
alone=$(grep -rl 'import Glibc' "$copy/Sources" | xargs grep -L 'import Darwin' || true)
test -z "$alone" || { echo "imports Glibc and no Darwin: $alone" >&2; exit 1; }
echo "compiles without the parts for Linux"
