import Foundation
import HDF5
import KerasExport
import KerasImport
import ModelFiles
import ModelIR
import NativeFormat
import NativeRuntime
import ONNXExport
import ONNXImport

/// What is fuzzed. Errors are what a target is for; anything but an error is a fault.
enum FuzzTarget: String, CaseIterable {
  case json, safetensors, npy, zip, index, model, config, kernels, onnx

  static let selected = ProcessInfo.processInfo.environment["FUZZ_TARGET"].flatMap(FuzzTarget.init)

  /// The files of a corpus that are inputs.
  var suffixes: [String] {
    switch self {
    case .json: [".json", ".yaml"]
    case .safetensors: [".safetensors"]
    case .npy: [".npy", ".npz"]
    case .zip: [".keras", ".npz", ".zip"]
    case .index: [".h5"]
    case .model: [".keras", ".h5", ".safetensors", ".json", ".yaml"]
    case .config, .onnx: [".keras"]
    case .kernels: []
    }
  }

  /// An input made from one of the corpus: valid where the format is not what is fuzzed.
  func mutated(_ original: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
    switch self {
    case .config: ConfigMutation.mutated(original, &random) ?? original
    case .kernels: original
    case .index: FuzzTarget.bytesMutated(FuzzTarget.encodedIndex(of: original), &random)
    case .onnx: FuzzTarget.bytesMutated(FuzzONNX.file(of: original), &random)
    case .json, .safetensors, .npy, .zip, .model: FuzzTarget.bytesMutated(original, &random)
    }
  }

  func run(_ input: [UInt8], seed: UInt64) {
    // An error is the right answer to most inputs.
    do { try tryRun(input, seed: seed) } catch { return }
  }

  private func tryRun(_ input: [UInt8], seed: UInt64) throws {
    switch self {
    case .json: _ = try JSONValue(parsing: input).text()
    case .safetensors:
      for tensor in try SafetensorsFile(held(input)).tensors.values { _ = try tensor.doubles() }
    case .npy: _ = try input.withUnsafeBytes { try NumpyArray.decode($0) }
    case .zip: for member in try ZipArchive(held(input)).members.values { _ = try member.verifiedContent() }
    case .index: _ = HDF5Index(encoded: input)
    case .model, .config: try FuzzModel.run(input)
    case .kernels: try KernelFuzz.run(seed: seed)
    case .onnx: try FuzzONNX.run(held(input))
    }
  }

  private func held(_ bytes: [UInt8]) throws -> HeldBytes {
    let storage = try MemoryStorage(filled: bytes.count) { $0.copyBytes(from: bytes) }
    return try storage.withBytes { HeldBytes($0, owner: storage) }
  }

  private static func encodedIndex(of file: [UInt8]) -> [UInt8] {
    // A file that cannot be indexed has no index to be mutated.
    (try? file.withUnsafeBytes { try HDF5Index(indexingApart: $0) })?.encoded() ?? []
  }

  /// Bytes changed, cut, repeated, or set to values at which counts and offsets go wrong.
  private static func bytesMutated(_ original: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
    var bytes = original
    for _ in 0...random.below(4) where !bytes.isEmpty {
      let place = random.below(bytes.count)
      switch random.below(6) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes[place] ^= 1 << UInt8(random.below(8))
      case 2: bytes.removeSubrange(place..<min(place + 1 + random.below(16), bytes.count))
      case 3:
        bytes.insert(contentsOf: bytes[place..<min(place + 1 + random.below(64), bytes.count)], at: place)
      case 4:
        for offset in 0..<(1 << random.below(4)) where place + offset < bytes.count {
          bytes[place + offset] = random.pick([0, 0xFF, 0x7F, 0x80])
        }
      default: bytes.removeLast(min(bytes.count, 1 + random.below(64)))
      }
    }
    return bytes
  }
}

/// A model's whole way through the house.
enum FuzzModel {
  fileprivate static let folder =
    "\(NSTemporaryDirectory())/kconvert-fuzz-\(ProcessInfo.processInfo.processIdentifier)"

  static func run(_ input: [UInt8]) throws {
    MemoryBudget.process.lower(to: 640 << 20)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = "\(folder)/model"
    try Data(input).write(to: URL(filePath: path))
    let model = try HDF5File.$indexingPlace.withValue(.copy) { try KerasModel(contentsOfFile: path) }
    let lowered = try model.lowered()
    _ = ModelSummary(model, lowered).text(width: 80)
    // Each of these refuses for reasons of its own.
    _ = try? ONNXWriter().write(lowered.graph, to: "\(folder)/model.onnx")  // Refusing is right, too.
    _ = try? KerasWriter().write(model, lowered, to: "\(folder)/model.keras")  // As above.
    _ = try? NativeWriter().write(model, to: "\(folder)/model.safetensors")  // As above.
    try forward(lowered.graph)
  }

  /// Zeros through the runtime, dynamic axes of 2.
  fileprivate static func forward(_ graph: Graph) throws {
    let session = try Session(graph, options: Session.Options(threads: 1))
    var inputs: [String: Tensor] = [:]
    for input in session.inputs {
      let sizes = input.shape.dimensions.map { $0.fixedSize ?? 2 }
      guard try ElementCount.of(sizes) <= 1 << 16 else { return }
      let count = try ElementCount.of(sizes)
      inputs[input.name] =
        input.dtype == .string
        ? try Tensor(Array(repeating: "a b", count: count), sizes: sizes)
        : try Tensor(Array(repeating: 0, count: count), sizes: sizes, dtype: input.dtype)
    }
    _ = try session.run(inputs)
  }
}

/// ONNX files that are read back and run.
enum FuzzONNX {
  // The driver runs one input after another.
  nonisolated(unsafe) private static var files: [[UInt8]: [UInt8]] = [:]

  /// The ONNX file of a model; empty for what cannot be converted.
  static func file(of model: [UInt8]) -> [UInt8] {
    if let known = files[model] { return known }
    let written = (try? converted(model)) ?? []  // A model that is refused has no files.
    files[model] = written
    return written
  }

  private static func converted(_ model: [UInt8]) throws -> [UInt8] {
    try FileManager.default.createDirectory(atPath: FuzzModel.folder, withIntermediateDirectories: true)
    let path = "\(FuzzModel.folder)/original"
    try Data(model).write(to: URL(filePath: path))
    try ONNXWriter(opset: 21).write(KerasModel(contentsOfFile: path), to: path + ".onnx")
    return Array(try Data(contentsOf: URL(filePath: path + ".onnx")))
  }

  static func run(_ content: HeldBytes) throws {
    MemoryBudget.process.lower(to: 640 << 20)
    _ = ONNXFile.recognises(content)
    let file = try ONNXFile(content) { name throws(ONNXImportError) in
      throw .cannotOpen(file: name, message: "there is none")
    }
    try FuzzModel.forward(file.makeGraph())
  }
}
