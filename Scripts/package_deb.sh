#!/bin/sh
# Builds a Debian package of a release binary: Scripts/package_deb.sh BINARY OUT.deb
#
# Depends on the runtime libraries that dpkg-shlibdeps finds, and on libhdf5 and libcrypto (digests of batch), which are loaded
# when they are first needed and so are not among them; oneDNN, without which models run slower, is recommended.
set -eu

binary=$1
out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"

"$root/Scripts/install_files.sh" "$binary" "$stage/pkg/usr"
mkdir -p "$stage/pkg/usr/share/doc/kconvert" "$stage/pkg/DEBIAN" "$stage/debian"
cp "$root/LICENSE" "$stage/pkg/usr/share/doc/kconvert/copyright"

# dpkg-shlibdeps reads the source's control file for its name alone.
printf 'Source: kconvert\n\nPackage: kconvert\nArchitecture: any\n' >"$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O pkg/usr/bin/kconvert pkg/usr/libexec/kconvert-hdf5 | sed -n 's/^shlibs:Depends=//p')

hdf5=$(dpkg-query --search '*/libhdf5_serial.so.*' | sed -n '1s/:.*//p')
hl=$(dpkg-query --search '*/libhdf5_serial_hl.so.*' | sed -n '1s/:.*//p')
crypto=$(dpkg-query --search '*/libcrypto.so.[13]*' | sed -n '1s/:.*//p')
dnnl=$(dpkg-query --search '*/libdnnl.so.*' 2>/dev/null | sed -n '1s/:.*//p')
test -n "$hdf5" && test -n "$hl" || { echo "libhdf5 is not installed" >&2; exit 1; }
test -n "$crypto" || { echo "libcrypto is not installed" >&2; exit 1; }

gzip -9n "$stage/pkg/usr/share/man/man1/kconvert.1"
version=$("$binary" --version | sed -n '1s/[^0-9]*\([0-9][0-9.]*\).*/\1/p')
cat >"$stage/pkg/DEBIAN/control" <<CONTROL
Package: kconvert
Version: $version
Section: science
Priority: optional
Architecture: $(dpkg --print-architecture)
Depends: $depends, $hdf5, $hl, $crypto
Recommends: ${dnnl:-libdnnl2}
Maintainer: $(git -C "$root" log -1 --format='%an <%ae>')
Installed-Size: $(du -sk "$stage/pkg/usr" | cut -f1)
Description: reads Keras model files of every era and sets them free
 Layer table, checks, predictions, ONNX, safetensors and an up-to-date .keras
 from Keras files of any version, without Python or TensorFlow.
CONTROL
dpkg-deb --root-owner-group --build "$stage/pkg" "$out"
