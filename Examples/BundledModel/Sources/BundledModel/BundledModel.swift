import Foundation
import KerasImport
import NativeFormat
import NativeRuntime

/// Runs a model that was converted while this program was built and lies in its bundle, and holds the predictions against
/// Keras's own.
@main struct BundledModel {
  static func main() throws {
    let model = try KerasModel(contentsOfFile: resource("digits"))
    let session = try Session(model)
    let example = try Safetensors.load(resource("example"))
    guard let input = example["input"], let expected = try example["output"].map({ try [Float]($0) }) else {
      throw Failure("the example holds no input and output")
    }
    let output = try session.run([session.inputs[0].name: input])[0]
    let found = try [Float](output.value)
    let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
    guard found.count == expected.count, worst < 1e-5 else { throw Failure("the numbers are not Keras's") }
    print("\(model.name): \(output.name) \(output.value.sizes), at most 1e-5 from Keras's")
  }

  /// The path of a file in the bundle.
  static func resource(_ name: String) throws -> String {
    guard let url = Bundle.module.url(forResource: name, withExtension: "safetensors") else {
      throw Failure("the bundle holds no \(name).safetensors")
    }
    return url.path
  }

  /// Something that is not as it should be.
  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
