import CMinizip
import Foundation
import KerasImport
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
    let temporary = "\(path).\(getpid()).partial"
    if path.hasSuffix(".npy"), arrays.count == 1 {
      let data = try NumpyArray.encode(arrays[0].value)
      guard FileManager.default.createFile(atPath: temporary, contents: Data(data)) else {
        throw Failure("\(path): cannot be created", .cannotCreate)
      }
    } else {
      try writeArchive(arrays, temporary, path)
    }
    guard rename(temporary, path) == 0 else {
      throw Failure("\(path): \(String(cString: strerror(errno)))", .cannotWrite)
    }
  }

  private static func writeArchive(_ arrays: [(name: String, value: Tensor)], _ temporary: String, _ path: String) throws {
    guard let zip = zipOpen64(temporary, APPEND_STATUS_CREATE) else {
      throw Failure("\(path): cannot be created", .cannotCreate)
    }
    var isWritten = true
    for array in arrays {
      let bytes = try NumpyArray.encode(array.value)
      var info = zip_fileinfo()
      let isLarge: Int32 = bytes.count > 0xFFFF_0000 ? 1 : 0
      let opened = zipOpenNewFileInZip64(zip, "\(array.name).npy", &info, nil, 0, nil, 0, nil, 0, 0, isLarge)
      var status = opened
      for start in stride(from: 0, to: bytes.count, by: 1 << 30) where status == ZIP_OK {
        let part = bytes[start..<min(start + 1 << 30, bytes.count)]
        status = part.withUnsafeBytes { zipWriteInFileInZip(zip, $0.baseAddress, UInt32($0.count)) }
      }
      isWritten = isWritten && status == ZIP_OK && zipCloseFileInZip(zip) == ZIP_OK
    }
    guard zipClose(zip, nil) == ZIP_OK, isWritten else {
      unlink(temporary)
      throw Failure("\(path): writing failed", .cannotWrite)
    }
  }
}
