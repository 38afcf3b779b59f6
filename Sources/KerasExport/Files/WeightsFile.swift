import HDF5
import KerasImport
import ModelFiles
import ModelIR

/// Folders of variables as Keras 3's `.weights.h5`: the layout, and behind it the values, which are read when they are
/// written.
struct WeightsFile {
  private let layout: HDF5Writer.Layout
  /// The variables with a place in the file, in the order of their places.
  private let variables: [(path: String, tensor: Tensor, offset: Int)]

  /// Lays the file out.
  /// - Throws: ``KerasExportError``.
  init(folders: [KerasNode.Folder]) throws {
    var writer = HDF5Writer()
    var values: [(path: String, tensor: Tensor)] = []
    for folder in folders {
      let group = folder.path.isEmpty ? "vars" : "\(folder.path)/vars"
      writer.groups.append((group, folder.path.isEmpty ? [] : [("name", folder.name)]))
      for (place, tensor) in folder.variables {
        let variable = "\(group)/\(place)"
        writer.datasets.append(
          HDF5Writer.Dataset(path: variable, elementType: tensor.dtype.elementType, sizes: tensor.sizes))
        values.append((variable, tensor))
      }
    }
    do { layout = try writer.layout() } catch {
      throw KerasExportError.weight(name: error.object, message: "\(error)")
    }
    variables = zip(values, layout.offsets)
      .compactMap { value, offset in offset.map { (value.path, value.tensor, $0) } }
  }

  /// The size of the whole file.
  var byteCount: Int { layout.byteCount }

  /// Appends all bytes of the file, to be read when `file` is flushed.
  /// - Throws: ``KerasExportError`` when a value is larger than its place.
  func append(to file: OutputFile) throws {
    try file.write(layout.metadata)
    var end = layout.metadata.count
    for (path, tensor, offset) in variables {
      try pad(file, offset - end, path)
      file.append(tensor.storage) { ($0 as? KerasImportError)?.at(.weight(path)) ?? $0 }
      end = offset + tensor.byteCount
    }
    try pad(file, layout.byteCount - end, "")
  }

  private func pad(_ file: OutputFile, _ count: Int, _ path: String) throws {
    guard (0..<8).contains(count) else {
      throw KerasExportError.weight(name: path, message: "its place in the file is taken")
    }
    if count > 0 { try file.write([UInt8](repeating: 0, count: count)) }
  }
}

extension DType {
  fileprivate var elementType: HDF5Index.ElementType {
    switch self {
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32: .float32
    case .float64: .float64
    case .int8: .int8
    case .uint8: .uint8
    case .int16: .int16
    case .uint16: .uint16
    case .int32: .int32
    case .uint32: .uint32
    case .int64: .int64
    case .uint64: .uint64
    case .bool: .bool
    case .string: .other("strings")
    }
  }
}
