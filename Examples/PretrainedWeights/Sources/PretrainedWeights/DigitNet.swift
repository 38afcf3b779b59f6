import Foundation
import KerasImport
import ModelIR

/// A small convolutional network written by hand, as PyTorch would lay it out: images `[C, H, W]`, kernels
/// `[out, in, 3, 3]`, and a last layer that reads the flattened `[C, H, W]`.
struct DigitNet {
  private var weights: [String: [Float]] = [:]

  /// The probabilities of ten classes for one image of 28 x 28 elements.
  func callAsFunction(_ image: [Float]) -> [Float] {
    var x = convolved(image, channels: 1, size: 28, "conv1", filters: 32)
    x = pooled(x, channels: 32, size: 26)
    x = convolved(x, channels: 32, size: 13, "conv2", filters: 64)
    x = pooled(x, channels: 64, size: 11)
    return softmax(dense(x, "head", units: 10))
  }

  private func value(_ name: String) -> [Float] { weights[name] ?? [] }

  /// A 3 x 3 convolution without padding, then ReLU.
  private func convolved(_ x: [Float], channels: Int, size: Int, _ name: String, filters: Int) -> [Float] {
    let (kernel, bias) = (value("\(name).weight"), value("\(name).bias"))
    let width = size - 2
    var y = [Float](repeating: 0, count: filters * width * width)
    for filter in 0..<filters {
      for row in 0..<width {
        for column in 0..<width {
          var sum = bias[filter]
          for channel in 0..<channels {
            for i in 0..<3 {
              for j in 0..<3 {
                let pixel = x[(channel * size + row + i) * size + column + j]
                sum += pixel * kernel[((filter * channels + channel) * 3 + i) * 3 + j]
              }
            }
          }
          y[(filter * width + row) * width + column] = max(sum, 0)
        }
      }
    }
    return y
  }

  /// The largest of every 2 x 2 elements; an odd last row and column are left out.
  private func pooled(_ x: [Float], channels: Int, size: Int) -> [Float] {
    let width = size / 2
    var y = [Float](repeating: 0, count: channels * width * width)
    for channel in 0..<channels {
      for row in 0..<width {
        for column in 0..<width {
          let first = (channel * size + 2 * row) * size + 2 * column
          y[(channel * width + row) * width + column] = max(
            x[first], x[first + 1], x[first + size], x[first + size + 1])
        }
      }
    }
    return y
  }

  private func dense(_ x: [Float], _ name: String, units: Int) -> [Float] {
    let (matrix, bias) = (value("\(name).weight"), value("\(name).bias"))
    return (0..<units).map { unit in
      x.indices.reduce(bias[unit]) { $0 + x[$1] * matrix[unit * x.count + $1] }
    }
  }

  private func softmax(_ x: [Float]) -> [Float] {
    let largest = x.max() ?? 0
    let powers = x.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

extension DigitNet: WeightsLoadable {
  var parameters: [TensorSpec] {
    [
      TensorSpec("conv1.weight", [32, 1, 3, 3]), TensorSpec("conv1.bias", [32]),
      TensorSpec("conv2.weight", [64, 32, 3, 3]), TensorSpec("conv2.bias", [64]),
      TensorSpec("head.weight", [10, 1600]), TensorSpec("head.bias", [10]),
    ]
  }

  mutating func setParameter(_ name: String, to tensor: Tensor) throws { weights[name] = try [Float](tensor) }

  /// Where the weights of the Keras model go, and how their layouts change.
  static let rules: [WeightRule] = [
    .exact("conv2d/kernel", to: "conv1.weight", as: .hwioToOIHW),
    .exact("conv2d_1/kernel", to: "conv2.weight", as: .hwioToOIHW),
    // Keras flattens [5, 5, 64], this network [64, 5, 5].
    .exact("dense/kernel", to: "head.weight", as: .flattenedHWCToCHW(height: 5, width: 5)),
    .prefix("conv2d/", to: "conv1."),
    .prefix("conv2d_1/", to: "conv2."),
    .prefix("dense/", to: "head."),
  ]
}
