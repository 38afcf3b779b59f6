#!/bin/sh
# Unpacks packages and runs what is inside: Scripts/test_packages.sh PACKAGE...
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
model=$root/fixtures/cases/seed/cnn/model.keras

for package in "$@"; do
  stage=$(mktemp -d)
  trap 'rm -rf "$stage"' EXIT
  case $package in
    *.deb)
      # The runtime libraries, none of them for development.
      depends=$(dpkg-deb --field "$package" Depends)
      for library in libc6 libhdf5 libminizip libprotobuf-c libyaml libssl; do
        case $depends in *"$library"*) ;; *) echo "$package: does not depend on $library: $depends" >&2; exit 1 ;; esac
      done
      case $depends in *-dev*) echo "$package: depends on headers: $depends" >&2; exit 1 ;; esac
      dpkg-deb -x "$package" "$stage"
      usr=$stage/usr
      ;;
    *)
      tar -C "$stage" -xzf "$package"
      usr=$(echo "$stage"/kconvert-*)
      ;;
  esac
  for file in share/bash-completion/completions/kconvert share/zsh/site-functions/_kconvert \
    share/fish/vendor_completions.d/kconvert.fish; do
    test -s "$usr/$file" || { echo "$package: $file is missing" >&2; exit 1; }
  done
  test -s "$usr/share/man/man1/kconvert.1" || test -s "$usr/share/man/man1/kconvert.1.gz"
  bash -n "$usr/share/bash-completion/completions/kconvert"
  "$usr/bin/kconvert" --version
  code=0
  "$usr/libexec/kconvert-hdf5" 2>/dev/null || code=$?
  test $code = 64 || { echo "$package: kconvert-hdf5 ended with $code" >&2; exit 1; }
  "$usr/bin/kconvert" "$model" --to onnx --verify --quiet -o "$stage/model.onnx"
  "$usr/bin/kconvert" compare "$model" "$stage/model.onnx" >/dev/null
  "$usr/bin/kconvert" batch "$model" --to native --out "$stage/out" >/dev/null 2>&1
  echo "$package: unpacked, converts, compares and works through a batch"
  rm -rf "$stage"
done
