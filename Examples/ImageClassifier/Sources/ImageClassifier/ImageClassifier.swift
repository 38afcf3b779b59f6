import Foundation
import KerasImport
import ModelIR
import NativeFormat
import NativeRuntime

/// Names what a picture shows: `ImageClassifier [IMAGE [DATA]]`, by default the picture in `Data`.
@main struct ImageClassifier {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let data = arguments.dropFirst().first ?? "Data"
    let path = arguments.first ?? "\(data)/image.ppm"

    let model = try KerasModel(contentsOfFile: "\(data)/shapes.keras")
    let session = try Session(model)
    let image = try read(path, for: session.inputs[0])
    let outputs = try session.run([session.inputs[0].name: image])
    let probabilities = try [Float](outputs[0].value)

    let labels = try String(contentsOfFile: "\(data)/labels.txt", encoding: .utf8).split(separator: "\n")
    // What Keras says is known for the picture that comes with the model.
    let keras = arguments.first == nil ? try [Float](NumpyArray.load("\(data)/predictions.npy")) : []
    var worst: Float = 0
    for (index, probability) in probabilities.enumerated().sorted(by: { $0.element > $1.element }).prefix(5) {
      let name = labels[index].padding(toLength: 10, withPad: " ", startingAt: 0)
      print(name, probability, keras.isEmpty ? "" : "Keras \(keras[index])")
      if !keras.isEmpty { worst = max(worst, abs(probability - keras[index])) }
    }
    if worst > 1e-5 { throw Failure(description: "the probabilities differ from Keras's by \(worst)") }
  }

  /// Something that is not as it should be.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// An image as the model takes it: `[1, height, width, channels]`, numbers from 0 to 255.
  static func read(_ path: String, for input: TensorSpec) throws -> Tensor {
    let wanted = input.shape.substituting(["batch": 1])
    let image: Tensor
    if path.hasSuffix(".npy") {
      image = try NumpyArray.load(path).converted(to: input.dtype)
    } else {
      let pixmap = try Pixmap(contentsOf: path)
      image = try Tensor(pixmap.pixels, sizes: [1, pixmap.height, pixmap.width, pixmap.channels]).converted(
        to: input.dtype)
    }
    guard image.type.shape == wanted else {
      throw Failure(description: "\(path): expected an image of \(wanted), found \(image.sizes)")
    }
    return image
  }
}
