#if Archives
  import CDeflate
  import CMinizip
#endif
#if ONNX
  import CProtobufC
#endif
#if YAML
  import CYAML
#endif

/// What `--version` tells: the command's version, then the C libraries it was built with.
///
/// libhdf5 and oneDNN are loaded only when a file or a model needs them, which this text does not: they have no version here.
enum LibraryVersions {
  static let text = (["kconvert \(KConvert.version)"] + built + loaded).joined(separator: "\n")

  private static var built: [String] {
    var lines: [String] = []
    #if Archives
      lines += ["zlib \(ZLIB_VERSION)", "libdeflate \(LIBDEFLATE_VERSION_STRING)", "minizip"]
    #endif
    #if YAML
      lines.append("libyaml \(String(cString: yaml_get_version_string()))")
    #endif
    #if ONNX
      lines.append("protobuf-c \(PROTOBUF_C_VERSION)")
    #endif
    return lines
  }

  private static var loaded: [String] {
    var lines: [String] = []
    #if HDF5
      lines.append("libhdf5, loaded when an HDF5 file is opened")
    #endif
    #if OneDNN
      lines.append("oneDNN, loaded when a model is run")
    #endif
    return lines
  }
}
