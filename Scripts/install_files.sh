#!/bin/sh
# Installs a binary, its completions and its manual page: Scripts/install_files.sh BINARY DIRECTORY, which is PREFIX behind DESTDIR.
# Beside the binary lies kconvert-hdf5, in which programs that use the library have HDF5 files read (KerasModel.Options.hdf5Helper).
set -eu

binary=$1
prefix=$2
bash=$prefix/share/bash-completion/completions
zsh=$prefix/share/zsh/site-functions
fish=$prefix/share/fish/vendor_completions.d
man=$prefix/share/man/man1
page=$(dirname "$0")/../Documentation/kconvert.1

mkdir -p "$prefix/bin" "$prefix/libexec" "$bash" "$zsh" "$fish" "$man"
install -m 755 "$binary" "$prefix/bin/kconvert"
install -m 755 "$(dirname "$binary")/kconvert-hdf5" "$prefix/libexec/kconvert-hdf5"
"$binary" --generate-completion-script bash >"$bash/kconvert"
"$binary" --generate-completion-script zsh >"$zsh/_kconvert"
"$binary" --generate-completion-script fish >"$fish/kconvert.fish"
chmod 644 "$bash/kconvert" "$zsh/_kconvert" "$fish/kconvert.fish"
install -m 644 "$page" "$man/kconvert.1"
