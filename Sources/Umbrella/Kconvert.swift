// One import for programs that read, run and write models.
@_exported public import KerasExport
@_exported public import KerasImport
@_exported public import ModelIR
@_exported public import NativeFormat
@_exported public import NativeRuntime

#if ONNX
  @_exported public import ONNXExport
  @_exported public import ONNXImport
#endif
