#!/bin/sh
# Makes Sources/CONNX/onnx.pb-c.c and include/onnx.pb-c.h from onnx.proto with protobuf-c's compiler
# (Debian: protobuf-c-compiler).
set -eu
cd "$(dirname "$0")/../Sources/CONNX"
protoc-c --c_out=. onnx.proto
mv onnx.pb-c.h include/onnx.pb-c.h
sed 's|#include "onnx.pb-c.h"|#include "include/onnx.pb-c.h"|' onnx.pb-c.c > generated.c
mv generated.c onnx.pb-c.c
