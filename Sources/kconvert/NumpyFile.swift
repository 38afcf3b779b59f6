import KerasExport
import KerasImport
import ModelFiles
import ModelIR
import NativeFormat

/// `.npy` and `.npz` files.
enum NumpyFile {
  /// The arrays of a file in its order; an `.npy` gives one array without a name.
  static func read(_ path: String) throws -> [(name: String, tensor: Tensor)] {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch { throw Failure("\(path): \(error.message)", .cannotOpen) }
    let isZip = file.content.withBytes { $0.count > 3 && $0[0] == 0x50 && $0[1] == 0x4B }
    guard isZip else {
      return [("", try decode(file.content, path))]
    }
    var arrays: [(name: String, tensor: Tensor)] = []
    for member in try ZipArchive(file.content).members.values.sorted(by: { $0.position < $1.position }) {
      guard member.name.hasSuffix(".npy") else { continue }
      arrays.append((String(member.name.dropLast(4)), try decode(member.verifiedContent(), path)))
    }
    return arrays
  }

  private static func decode(_ content: HeldBytes, _ path: String) throws -> Tensor {
    do {
      return try content.withBytes { bytes in Result { try NumpyArray.decode(bytes) } }.get()
    } catch {
      throw Failure("\(path): \(error)", .invalidModel)
    }
  }

  /// Writes arrays as an `.npz` whose members are stored, or one array as an `.npy` when the path says so.
  static func write(_ arrays: [(name: String, value: Tensor)], to path: String) throws {
    do {
      if path.hasSuffix(".npy"), arrays.count == 1 {
        let file = try OutputFile(replacing: path)
        try file.write(try NumpyArray.encode(arrays[0].value))
        try file.finish()
      } else {
        let zip = try ZipWriter(replacing: path)
        for array in arrays { try zip.add("\(array.name).npy", try NumpyArray.encode(array.value)) }
        try zip.finish()
      }
    } catch let error as FileError {
      throw Failure("\(path): \(error.message)", error.path == path ? .cannotCreate : .cannotWrite)
    }
  }
}
