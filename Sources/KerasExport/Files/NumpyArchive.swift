import KerasImport
import ModelFiles
public import ModelIR
public import NativeFormat

/// NumPy's `.npz` files: arrays under names.
public enum NumpyArchive {
  /// The arrays of a file by name; those that are packed are unpacked into memory.
  /// - Throws: `NumpyArray.FormatError` with the path: it cannot be opened, or holds something that is no array.
  public static func load(_ path: String) throws(NumpyArray.FormatError) -> [String: Tensor] {
    do {
      var arrays: [String: Tensor] = [:]
      for member in try ZipArchive(MappedFile(path: path).content).members.values
      where member.name.hasSuffix(".npy") {
        let content = try member.verifiedContent()
        arrays[String(member.name.dropLast(4))] = try content.withBytes { bytes in
          Result { try NumpyArray.decode(bytes) }
        }.get()
      }
      return arrays
    } catch let error as FileError {
      throw NumpyArray.FormatError(error.description)
    } catch {
      throw NumpyArray.FormatError("\(path): \(error)")
    }
  }

  /// Writes arrays, stored and in the order of their names; the file appears under its name when it is complete.
  /// - Throws: `NumpyArray.FormatError` with the path when it cannot be written, or a tensor cannot be read.
  public static func save(_ arrays: [String: Tensor], to path: String) throws(NumpyArray.FormatError) {
    do {
      let zip = try ZipWriter(replacing: path)
      for (name, tensor) in arrays.sorted(by: { $0.key < $1.key }) {
        try zip.add("\(name).npy", try NumpyArray.encode(tensor))
      }
      try zip.finish()
    } catch let error as FileError {
      throw NumpyArray.FormatError(error.description)
    } catch {
      throw NumpyArray.FormatError("\(path): \(error)")
    }
  }
}
