import ModelIR

/// Puts the arrays of a group into the order of the places they are for, with the names they have in the file as
/// witnesses: a model frozen or thawed after its configuration was made has its arrays in another order than the
/// configuration says, and arrays of equal shapes would change places unnoticed.
struct LegacyRoles {
  /// A place for one array: the name of its layer and its role there.
  typealias Place = (layer: String, role: String)

  /// What earlier releases called today's roles; roles that are not here say nothing about the order.
  private static let roles: [String: String] = [
    "gamma": "gamma", "beta": "beta", "moving_mean": "moving_mean", "moving_variance": "moving_variance",
    "running_mean": "moving_mean", "running_std": "moving_variance", "kernel": "kernel", "bias": "bias",
    "recurrent_kernel": "recurrent_kernel", "depthwise_kernel": "depthwise_kernel",
    "pointwise_kernel": "pointwise_kernel", "embeddings": "embeddings",
    "lora_kernel_a": "lora_kernel_a", "lora_kernel_b": "lora_kernel_b",
    "lora_embeddings_a": "lora_embeddings_a", "lora_embeddings_b": "lora_embeddings_b",
    "kernel_scale": "kernel_scale", "kernel_zero": "kernel_zero", "g_idx": "g_idx",
    "embeddings_scale": "embeddings_scale", "embeddings_zero": "embeddings_zero",
    "reverse_embeddings": "reverse_embeddings", "reverse_embeddings_scale": "reverse_embeddings_scale",
    "reverse_embeddings_zero": "reverse_embeddings_zero",
  ]

  /// The arrays in the order of the places: as they are unless a name contradicts that.
  /// - Throws: `corrupted` when the names contradict the order and do not give another.
  static func ordered<Array: Sendable>(
    _ arrays: [(name: String, array: Array)], for places: [Place]
  ) throws(KerasImportError) -> [Array] {
    guard arrays.count == places.count else { return arrays.map(\.array) }
    // Variables inside wrappers are named after the wrapper: names say which layer only where every layer has one.
    let layers = Set(places.map(\.layer))
    let known = Set(places.map(\.role))
    let namesLayers = layers.allSatisfy { layer in arrays.contains { mentions($0.name, layer) } }
    let isContradicted = zip(arrays, places).contains { array, place in
      contradicts(array.name, place.role, known)
        || namesLayers && isOfAnother(array.name, place.layer, layers)
    }
    guard isContradicted else { return arrays.map(\.array) }
    var rest = Swift.Array(arrays.indices)
    var result: [Array] = []
    for place in places {
      let fitting = rest.filter { index in
        role(of: arrays[index].name, among: known) == place.role && mentions(arrays[index].name, place.layer)
      }
      guard fitting.count == 1, let index = fitting.first else {
        let names = arrays.map(\.name).joined(separator: ", ")
        let expected = places.map(\.role).joined(separator: ", ")
        throw KerasImportError(
          .corrupted(
            "expected weights in the order \(expected), found \(names); are they those of this model?"))
      }
      rest.removeAll { $0 == index }
      result.append(arrays[index].array)
    }
    return result
  }

  /// True when a name is that of another role.
  private static func contradicts(_ name: String, _ expected: String, _ known: Set<String>) -> Bool {
    guard let found = role(of: name, among: known), found != expected,
      roles.values.contains(expected) || known.contains(found)
    else { return false }
    // Depthwise and pointwise kernels are a layer's kernels under another name.
    return !(found.hasSuffix("kernel") && expected.hasSuffix("kernel"))
  }

  /// True when a name is that of another layer of the group.
  private static func isOfAnother(_ name: String, _ layer: String, _ layers: Set<String>) -> Bool {
    !mentions(name, layer) && layers.contains { mentions(name, $0) }
  }

  /// True when a name holds a layer's: `net/bn/gamma:0`, and `bn_gamma` in Keras 1.
  private static func mentions(_ name: String, _ layer: String) -> Bool {
    let parts = parts(of: name)
    return parts.contains(layer) || parts.count == 1 && name.hasPrefix(layer + "_")
  }

  /// `net/bn_1/gamma:0` and `bn_gamma` are a gamma; nil for names that say nothing.
  private static func role(of name: String, among known: Set<String>) -> String? {
    let last = bare(parts(of: name).last ?? name)
    if let role = roles[last] { return role }
    // Roles that never had another name.
    if known.contains(last) { return last }
    // Keras 1: the layer's name, an underscore, the role.
    for (suffix, role) in roles where last.hasSuffix("_" + suffix) {
      let isLongest = !roles.keys.contains { $0.count > suffix.count && last.hasSuffix("_" + $0) }
      if isLongest { return role }
    }
    return nil
  }

  private static func contradicts(_ found: String?, _ expected: String) -> Bool {
    guard let found, roles.values.contains(expected), found != expected else { return false }
    // Depthwise and pointwise kernels are a layer's kernels under another name.
    return !(found.hasSuffix("kernel") && expected.hasSuffix("kernel"))
  }

  private static func parts(of name: String) -> [String] { name.split(separator: "/").map(String.init) }

  /// Without TensorFlow's `:0` and the number that makes equal names differ.
  private static func bare(_ name: String) -> String {
    let base = name.prefix { $0 != ":" }
    guard let underscore = base.lastIndex(of: "_"), Int(base[base.index(after: underscore)...]) != nil else {
      return String(base)
    }
    return String(base[..<underscore])
  }
}
