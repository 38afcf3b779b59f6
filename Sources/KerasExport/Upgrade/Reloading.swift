import KerasImport

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
      object.config[sublayer.attribute] == nil && object.config[sublayer.list ?? ""] == nil
        && ["kernel_scale", "inputs_scale"].contains { model.binding.tensor($0, of: sublayer.object) != nil }
    }
  }
}
