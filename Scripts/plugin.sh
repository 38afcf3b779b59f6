#!/bin/sh
# Builds the example whose model KConvertPlugin converts, and runs it. A changed model is converted again, one that is refused ends
# the build with kconvert's message, and of two models with one name none is lost.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
stage=$root/.build/plugin
package=$stage/package
models=$package/Sources/BundledModel

# A copy, always at the same place: what was compiled stays.
rm -rf "$package"
mkdir -p "$stage"
cp -R Examples/BundledModel "$package"
sed -i.bak "s#\"../..\"#\"$root\"#" "$package/Package.swift"

build() { swift build --package-path "$package" --scratch-path "$stage/build"; }

# Builds, which must fail with this text.
refused() {
  if build >"$stage/log" 2>&1; then echo "$1: the build went on" >&2; exit 1; fi
  grep -q "$1" "$stage/log" || { cat "$stage/log" >&2; exit 1; }
}

build
"$stage/build/debug/BundledModel"

resource() { find "$stage/build/debug/" -name digits.safetensors -path '*BundledModel_BundledModel*' | head -1; }
before=$(cksum <"$(resource)")
cp fixtures/cases/seed/cnn/model.keras "$models/digits.keras"
build
test "$before" != "$(cksum <"$(resource)")"

cp fixtures/hostile/cve-2024-3660.keras "$models/refused.keras"
refused 'refused.keras: not supported: Lambda'
rm "$models/refused.keras"
mkdir "$models/more"
cp fixtures/cases/seed/mlp/model.keras "$models/more/digits.keras"
refused 'expected models with names of their own, found several for digits.safetensors'
echo "the plugin converts models, again when they change, and refuses by name"
