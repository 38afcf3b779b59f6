import KerasImport
import ModelIR
import NativeFormat

/// Loads a model that Keras trained into ``DigitNet`` and compares the predictions with Keras's own.
@main struct PretrainedWeights {
  static func main() throws {
    let data = CommandLine.arguments.dropFirst().first ?? "Data"
    let model = try KerasModel(contentsOfFile: "\(data)/model.keras")

    var network = DigitNet()
    let report = try model.weights.load(into: &network, DigitNet.rules)
    for entry in report.loaded { print("\(entry.parameter) <- \(entry.weight)") }

    let images = try NumpyArray.load("\(data)/images.npy")
    let predictions = try NumpyArray.load("\(data)/predictions.npy")
    let worst = try compare(network, images, predictions)
    print("largest difference: \(worst)")
    if worst > 1e-5 { throw Difference(largest: worst) }
  }

  /// The network and Keras side by side, one image a line.
  static func compare(_ network: DigitNet, _ images: Tensor, _ predictions: Tensor) throws -> Float {
    let (pixels, wanted) = (try [Float](images), try [Float](predictions))
    var worst: Float = 0
    for image in 0..<images.sizes[0] {
      // One channel: [28, 28, 1] and [1, 28, 28] are the same elements.
      let got = network(Array(pixels[(image * 784)..<(image * 784 + 784)]))
      for (digit, probability) in got.enumerated() {
        let keras = wanted[image * 10 + digit]
        print("image \(image), class \(digit): \(probability), Keras \(keras)")
        worst = max(worst, abs(probability - keras))
      }
    }
    return worst
  }

  /// The network does not do what Keras does.
  struct Difference: Error, CustomStringConvertible {
    let largest: Float
    var description: String { "the predictions differ by \(largest)" }
  }
}
