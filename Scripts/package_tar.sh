#!/bin/sh
# Packs a release binary with its completions and manual page: Scripts/package_tar.sh BINARY FOLDER
#
# The Swift runtime is inside the binary, which may have 25 MB; the C libraries are the system's.
set -eu

binary=$1
folder=$2
root=$(cd "$(dirname "$0")/.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

size=$(wc -c <"$binary")
test "$size" -le 25000000 || { echo "$binary: expected at most 25 MB, found $size bytes" >&2; exit 1; }

version=$("$binary" --version | sed -n '1s/[^0-9]*\([0-9][0-9.]*\).*/\1/p')
name=kconvert-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
"$root/Scripts/install_files.sh" "$binary" "$stage/$name"
cp "$root/LICENSE" "$root/README.md" "$root/CHANGELOG.md" "$stage/$name"
# The same bytes whenever it is made.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$stage" -cf - "$name" | gzip -9n >"$folder/$name.tar.gz"
ls -l "$folder/$name.tar.gz"
