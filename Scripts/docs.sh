#!/bin/sh
# Builds the documentation of every library with DocC, a warning being an error: Scripts/docs.sh FOLDER
#
# The symbols of all modules are read once; each module's archive is FOLDER/MODULE.doccarchive.
set -eu

folder=$1
cd "$(dirname "$0")/.."
# The tool beside the compiler.
docc=$(command -v docc || echo "$(dirname "$(readlink -f "$(command -v swift)")")/docc")
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT

swift package dump-symbol-graph --minimum-access-level public >"$graphs/log" 2>&1 || { cat "$graphs/log" >&2; exit 1; }
symbols=$(find .build -type d -name symbolgraph | head -1)
mkdir -p "$folder"
for module in Kconvert KerasImport ModelIR NativeFormat NativeRuntime ONNXExport ONNXImport KerasExport ModelPictures; do
  mkdir "$graphs/$module"
  cp "$symbols/$module".symbols.json "$symbols/$module"@*.symbols.json "$graphs/$module" 2>/dev/null || test -e "$graphs/$module/$module.symbols.json"
  source=Sources/$module
  if [ "$module" = Kconvert ]; then source=Sources/Umbrella; fi
  articles=$(find "$source" -name '*.docc' -maxdepth 1)
  "$docc" convert $articles --additional-symbol-graph-dir "$graphs/$module" --fallback-display-name "$module" \
    --fallback-bundle-identifier "kconvert.$module" --warnings-as-errors --output-dir "$folder/$module.doccarchive"
  echo "$module: documented without warnings"
done
