import HDF5
import ModelFiles
import ModelIR

/// The weights of an archive's `model.weights.npz`: a zip archive of `.npy` arrays, whose data is not copied.
///
/// | offset | bytes | meaning |
/// |---|---|---|
/// | 0 | 6 | `93 4E 55 4D 50 59` |
/// | 6 | 2 | major and minor version |
/// | 8 | 2 (version 1) or 4 | the size of the header, little-endian |
/// | then | | a Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }` |
///
/// Keras itself stores dictionaries there, which NumPy pickles: Python objects are not read.
enum NumpyWeights {
  static func weightTree(_ archive: HeldBytes) throws(KerasImportError) -> WeightTree {
    var tensors: [String: Tensor] = [:]
    var positions: [String: Int] = [:]
    for member in try ZipArchive(archive).members.values.sorted(by: { $0.position < $1.position }) {
      let name = member.name.hasSuffix(".npy") ? String(member.name.dropLast(4)) : member.name
      do {
        tensors[name] = try tensor(member.content())
      } catch {
        throw error.at(.weight("model.weights.npz/\(name)"))
      }
      positions[name] = member.position
    }
    return WeightTree(tensors: tensors, positions: positions)
  }

  private static func tensor(_ content: HeldBytes) throws(KerasImportError) -> Tensor {
    let damaged = KerasImportError(.corrupted("it is not an .npy array"))
    let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    let prefix = content.withBytes { Array($0.prefix(12)) }
    guard prefix.count == 12, prefix.starts(with: magic), (1...3).contains(prefix[6]) else { throw damaged }
    let start = prefix[6] == 1 ? 10 : 12
    let size = prefix[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard size <= 1 << 16, let header = content.slice(offset: start, count: size) else { throw damaged }
    let text = header.withBytes { String(decoding: $0, as: UTF8.self) }
    guard let type = value("descr", in: text), let order = value("fortran_order", in: text),
      let sizes = value("shape", in: text).flatMap(shape)
    else { throw damaged }
    guard !type.contains("O") else {
      throw KerasImportError(
        .unsupported("it holds pickled Python objects; save the model again with weights in HDF5"))
    }
    let kind = String(type.filter { !"'\"<>|=".contains($0) })
    guard let dtype = types[kind] else {
      throw KerasImportError(.unsupported("arrays of the type \(type) are not read"))
    }
    guard let byteCount = Product.of(sizes + [dtype.byteCount]), byteCount == content.count - start - size,
      let data = content.slice(offset: start + size, count: byteCount)
    else { throw KerasImportError(.corrupted("its data is of another size than its shape")) }
    var storage: any TensorStorage = HeldStorage(data)
    if type.contains(">") { storage = SwappedStorage(storage, elementByteCount: dtype.byteCount) }
    let stored = try checkedTensor(
      Tensor(dtype: dtype, sizes: order == "True" ? sizes.reversed() : sizes, storage: storage))
    return order == "True" ? try checkedTensor(stored.transposed(Array(sizes.indices.reversed()))) : stored
  }

  private static let types: [String: DType] = [
    "f2": .float16, "f4": .float32, "f8": .float64, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
    "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64, "b1": .bool,
  ]

  /// The text of a value of the header's dictionary.
  private static func value(_ key: String, in header: String) -> String? {
    guard let found = header.firstRange(of: "'\(key)':") else { return nil }
    let rest = header[found.upperBound...].drop { $0 == " " }
    if rest.first == "(" { return rest.firstIndex(of: ")").map { String(rest[...$0]) } }
    return rest.firstIndex { $0 == "," || $0 == "}" }.map { String(rest[..<$0]) }
  }

  /// The sizes of `(2, 3)`, `(2,)` or `()`.
  private static func shape(_ text: String) -> [Int]? {
    guard text.hasPrefix("("), text.hasSuffix(")") else { return nil }
    var sizes: [Int] = []
    for part in text.dropFirst().dropLast().split(separator: ",") {
      guard let size = Int(part.filter { $0 != " " }), size >= 0 else { return nil }
      sizes.append(size)
    }
    return sizes
  }
}
