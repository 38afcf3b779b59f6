import Kconvert

/// What runs on a phone: a native file, made from a `.keras` file beforehand (`kconvert model.keras --to native`), opened
/// and run without libraries of the system. The results are held against Keras's own.
@main struct OnDevice {
  static func main() throws {
    let data = CommandLine.arguments.dropFirst().first ?? "Data"
    let model = try KerasModel(contentsOfFile: "\(data)/model.safetensors")
    let example = try Safetensors.load("\(data)/example.safetensors")
    let session = try Session(model)
    var inputs: [String: Tensor] = [:]
    for spec in session.inputs {
      guard let tensor = example["inputs/\(spec.name)"] else { throw Failure("no input \(spec.name)") }
      inputs[spec.name] = tensor
    }
    for (output, expected) in zip(try session.run(inputs), example.filter { $0.key.hasPrefix("outputs/") }) {
      let (found, wanted) = (try [Float](output.value), try [Float](expected.value))
      let worst = zip(found, wanted).map { abs($0 - $1) }.max() ?? .infinity
      print("\(model.name), \(output.name): \(found.count) numbers, at most \(worst) from Keras's")
      guard found.count == wanted.count, worst < 1e-5 else { throw Failure("the numbers are not Keras's") }
    }
    // What such a build does not have is refused by name.
    for (file, trait) in [("model.keras", "Archives"), ("model.h5", "HDF5"), ("model.yaml", "YAML")] {
      do {
        _ = try KerasModel(bytes: signature(of: file), name: file)
        throw Failure("\(file) was read")
      } catch let error as KerasImportError {
        guard error.description.contains("without kconvert's trait \(trait)") else { throw error }
        print(error)
      }
    }
  }

  /// What tells the format of a file.
  static func signature(of file: String) -> [UInt8] {
    switch file {
    case "model.keras": Array("PK".utf8) + Array(repeating: 0, count: 64)
    case "model.h5": [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A] + Array(repeating: 0, count: 64)
    default: Array("class_name: Sequential".utf8)
    }
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
