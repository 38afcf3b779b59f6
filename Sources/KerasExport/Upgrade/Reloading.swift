import KerasImport
import NativeFormat

/// What Keras 3 saves and does not load again.
extension KerasUpgrade {
  /// A node that Keras 3 loads; refuses the layer where there is none.
  mutating func reloadable(_ original: KerasNode, _ object: LayerObject) -> KerasNode {
    var node = original
    if lacksZeroPoints(object) {
      refuse(object, "its file lacks zero points, without which Keras 3 does not load it")
    }
    if hidesQuantisation(object) {
      refuse(object, "Keras 3 does not load quantised projections, of which its configuration says nothing")
    }
    // A number is one axis.
    if node.className == "BatchNormalization", (object.config["axis"]?.array?.count ?? 1) > 1 {
      refuse(object, "Keras 3 normalises along one axis, not along several")
    }
    if node.className == "BatchNormalization", object.config["virtual_batch_size"]?.int != nil {
      refuse(object, "Keras 3 has no virtual batches")
    }
    if node.className == "RandomRotation",
      object.config["factor"]?.numbers.contains(where: { abs($0) > 1 }) == true
    {
      refuse(object, "Keras 3 does not take rotations by more than one turn")
    }
    for key in KerasUpgrade.neverNegative[node.className] ?? [] {  // Others take any number.
      guard let number = node.config[key]?.double, number < 0 else { continue }
      refuse(object, "Keras 3 does not take a negative \(key)")
    }
    // Keras 3.15 puts the list that a file has for a tuple behind a tuple. One number stands for every axis.
    if object.isOperation, object.className.hasPrefix("Adaptive"),
      let sizes = node.config["output_size"]?.array
    {
      if Set(sizes).count == 1 {
        node.config["output_size"] = sizes[0]
      } else {
        refuse(object, "Keras 3 does not load sizes that differ from axis to axis")
      }
    }
    return node
  }

  /// The numbers of which Keras 3's constructors take no negative ones. Earlier releases took them.
  private static let neverNegative = [
    "LeakyReLU": ["negative_slope"], "ThresholdedReLU": ["theta"],
    "ReLU": ["max_value", "negative_slope", "threshold"],
  ]

  /// Noise of a deviation over 1, which Keras 3 does not take, as smaller noise of a smaller input. The factor is a power
  /// of two, by which no digit is lost.
  func scaledNoise(_ node: KerasNode) -> [KerasNode] {
    guard node.className == "GaussianNoise", let deviation = node.config["stddev"]?.double, deviation > 1,
      deviation < 0x1p60
    else { return [node] }
    var factor = 2.0
    while factor < deviation { factor *= 2 }
    var noise = node
    noise.config["stddev"] = .number(deviation / factor)
    func scaled(by factor: Double, _ name: String) -> KerasNode {
      var rescaling = KerasNode(
        "Rescaling", name: "\(node.name)_\(name)", [("scale", .number(factor)), ("offset", 0.0)])
      rescaling.config["dtype"] = node.config["dtype"]
      return rescaling
    }
    return [scaled(by: 1 / factor, "smaller"), noise, scaled(by: factor, "larger")]
  }

  /// Keras 3.14.0 to 3.15.1 leave the zero points of GPTQ and AWQ out of files.
  private func lacksZeroPoints(_ object: LayerObject) -> Bool {
    object.layer.weights.contains {
      $0.name == "kernel_zero" && model.binding.tensor($0.name, of: object) == nil
    } && model.binding.tensor("kernel_scale", of: object) != nil
  }

  /// Whether a layer's projections were quantised one by one, which no policy of the layer's own tells.
  private func hidesQuantisation(_ object: LayerObject) -> Bool {
    guard object.config["dtype"]?["class_name"]?.string != "DTypePolicyMap" else { return false }
    return object.layer.sublayers.contains { sublayer in
      // No list, no key of its name.
      object.config[sublayer.attribute] == nil && object.config[sublayer.list ?? ""] == nil
        && ["kernel_scale", "inputs_scale"].contains { model.binding.tensor($0, of: sublayer.object) != nil }
    }
  }
}

extension JSONValue {
  /// A number, or the numbers of a list.
  fileprivate var numbers: [Double] {
    double.map { [$0] } ?? array?.compactMap(\.double) ?? []  // Else there is none.
  }
}
