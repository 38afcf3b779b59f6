#!/bin/sh
# Installs the libraries kconvert links: protobuf-c, minizip, zlib, libdeflate and libyaml; HDF5 and oneDNN, which it loads when an HDF5
# file is opened and when a model is run. Does nothing where they are there.
# With --browser: Chromium and Graphviz, for the judge of pages.
set -eu
if [ "${1:-}" = --browser ]; then
  if command -v dot >/dev/null && command -v chromium chromium-browser google-chrome >/dev/null; then exit 0; fi
  if command -v brew >/dev/null 2>&1; then exec brew install graphviz chromium; fi
  run=""
  if [ "$(id -u)" != 0 ]; then run=sudo; fi
  $run apt-get update -qq
  exec $run apt-get install -y -qq graphviz chromium
fi
onednn=/usr/include/oneapi/dnnl/dnnl.h
if pkg-config --exists hdf5-serial libprotobuf-c minizip zlib libdeflate yaml-0.1 2>/dev/null && [ -e "$onednn" ]; then exit 0; fi
if command -v brew >/dev/null 2>&1; then
  exec brew install pkg-config hdf5 protobuf-c minizip libdeflate libyaml onednn
fi
if command -v apt-get >/dev/null 2>&1; then
  run=""
  if [ "$(id -u)" != 0 ]; then run=sudo; fi
  $run apt-get update -qq
  exec $run apt-get install -y -qq pkg-config libhdf5-dev libprotobuf-c-dev libminizip-dev zlib1g-dev libdeflate-dev libyaml-dev libdnnl-dev python3-venv
fi
echo "install HDF5, protobuf-c, minizip, zlib, libdeflate, libyaml and oneDNN with their development files, then run this again" >&2
exit 1
