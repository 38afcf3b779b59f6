import HDF5
import KerasImport
import ModelIR

/// Writes folders of variables as Keras 3's `.weights.h5`: the layout by libhdf5, the values streamed to their places.
struct WeightsFile {
  let folders: [KerasNode.Folder]

  /// - Throws: ``KerasExportError`` and what reading the weights throws.
  func write(to file: TemporaryFile, final path: String) throws {
    var layout = HDF5Writer()
    var values: [(path: String, tensor: Tensor)] = []
    for folder in folders {
      let group = folder.path.isEmpty ? "vars" : "\(folder.path)/vars"
      layout.groups.append((group, folder.path.isEmpty ? [] : [("name", folder.name)]))
      for (number, tensor) in folder.variables.enumerated() {
        let variable = "\(group)/\(number)"
        layout.datasets.append(
          HDF5Writer.Dataset(path: variable, elementType: tensor.dtype.elementType, sizes: tensor.sizes))
        values.append((variable, tensor))
      }
    }
    let offsets: [Int?]
    do { offsets = try layout.write(to: file.path) } catch {
      throw KerasExportError.writing(file: path, message: "\(error)")
    }
    for ((variable, tensor), offset) in zip(values, offsets) {
      guard let offset else { continue }
      var written = 0
      do {
        try tensor.storage.forEachPiece { piece in
          try file.write(piece, at: offset + written)
          written += piece.count
        }
      } catch let error as FileError {
        throw KerasExportError.writing(file: path, message: error.message)
      } catch let error as KerasImportError {
        throw error.at(.weight(variable))
      }
      guard written == tensor.byteCount else {
        throw KerasExportError.weight(name: variable, message: "expected \(tensor.byteCount) bytes, found \(written)")
      }
    }
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
