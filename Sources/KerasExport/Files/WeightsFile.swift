import HDF5
import KerasImport
import ModelFiles
import ModelIR

/// Folders of variables as Keras 3's `.weights.h5`: the layout by libhdf5, in a file whose data is left out, and the
/// values put between the parts of that layout.
struct WeightsFile {
  private let layout: HeldBytes
  /// The variables with a place in the file, in the order of their places.
  private let variables: [(path: String, tensor: Tensor, offset: Int)]

  /// Lays the file out.
  /// - Parameter path: the file that is being written; the layout is made beside it, and disappears again.
  /// - Throws: ``KerasExportError``.
  init(folders: [KerasNode.Folder], beside path: String) throws {
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
    let file = try TemporaryFile(beside: path, isNamed: true)
    let offsets: [Int?]
    do { offsets = try writer.write(to: file.path) { file.dropName() } } catch {
      throw KerasExportError.writing(file: path, message: "\(error)")
    }
    layout = try MappedFile(path: file.path).content
    variables = zip(values, offsets)
      .compactMap { value, offset in offset.map { (value.path, value.tensor, $0) } }
      .sorted { $0.offset < $1.offset }
  }

  /// The size of the whole file.
  var byteCount: Int { layout.count }

  /// Appends all bytes of the file, to be read when `file` is flushed.
  /// - Throws: ``KerasExportError`` when a place is taken.
  func append(to file: OutputFile) throws {
    var end = 0
    for (path, tensor, offset) in variables {
      guard let between = layout.slice(offset: end, count: offset - end) else {
        throw KerasExportError.weight(name: path, message: "its place in the file is taken")
      }
      file.append(HeldStorage(between))
      file.append(tensor.storage) { ($0 as? KerasImportError)?.at(.weight(path)) ?? $0 }
      end = offset + tensor.byteCount
    }
    guard let rest = layout.slice(offset: end, count: layout.count - end) else {
      throw KerasExportError.weight(name: "", message: "the file has no room for it")
    }
    file.append(HeldStorage(rest))
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
