#!/bin/bash
# Shows that a new operation cannot be forgotten: adds a pretend case to Op in a scratch copy and lists the switches that
# no longer compile. Each gets the case and the build goes on to the next target, until everything compiles.
#
#     Scripts/pretend_op.sh [FOLDER]     the scratch copy; a temporary folder unless given, which is deleted
#
# Run by hand: it builds the package about once for each target. Documentation/Design.md has what it prints.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy"
cp -R Package.swift Sources Plugins Tests "$copy" 2>/dev/null || cp -R Package.swift Sources Tests "$copy"
cd "$copy"
sed -i.bak 's/^public enum Op: .*/&\n  case pretend/' Sources/ModelIR/Ops/Op.swift
rm Sources/ModelIR/Ops/Op.swift.bak

while ! swift build --product kconvert > build.log 2>&1; do
  places=$(sed -n "s|^.*/\(Sources/[^:]*\.swift\):\([0-9]*\):[0-9]*: error: switch must be exhaustive.*|\1:\2|p" build.log | sort -u)
  if [ -z "$places" ]; then
    grep 'error:' build.log
    exit 1
  fi
  for place in $(echo "$places" | sort -t: -k1,1 -k2,2nr); do
    file=${place%:*} line=${place##*:}
    name=$(head -n "$line" "$file" | grep -E '^ {0,2}[a-z@]' | grep -oE '(func|var|init) *[A-Za-z]*' | tail -1)
    echo "$file: $name"
    # The switch may be broken over lines: the case goes behind the brace that opens it.
    while ! sed -n "${line}p" "$file" | grep -q '{ *$'; do line=$((line + 1)); done
    sed -i.bak "${line}s/\$/\n    case .pretend: fatalError()/" "$file"
    rm "$file.bak"
  done
done
