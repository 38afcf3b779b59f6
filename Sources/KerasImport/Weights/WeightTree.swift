package import ModelIR

/// The tensors of a weights file by path, whatever container they come from: HDF5, shards, safetensors.
///
/// Paths have no leading slash: `layers/dense/vars/0`.
package struct WeightTree: Sendable {
  /// Every tensor by its full path; bytes are not read.
  package var tensors: [String: Tensor]
  /// The `name` attribute of groups that have one (Keras 3.6 on), by path.
  package var names: [String: String]
  /// Where tensors stand in the file, by path, for those whose place is known.
  package var positions: [String: Int]
  /// Names of the children of each group, sorted.
  private let children: [String: [String]]

  package init(tensors: [String: Tensor], names: [String: String] = [:], positions: [String: Int] = [:]) {
    self.tensors = tensors
    self.names = names
    self.positions = positions
    var groups: [String: Set<String>] = [:]
    for path in tensors.keys {
      let parts = path.split(separator: "/").map(String.init)
      var prefix = ""
      for part in parts {
        groups[prefix, default: []].insert(part)
        prefix = prefix.isEmpty ? part : "\(prefix)/\(part)"
      }
    }
    children = groups.mapValues { $0.sorted() }
  }

  /// A tree whose groups are known: of those that have a tensor at or below them, the names of the children that do.
  init(
    tensors: [String: Tensor], names: [String: String], positions: [String: Int], children: [String: [String]]
  ) {
    (self.tensors, self.names, self.positions, self.children) = (tensors, names, positions, children)
  }

  /// The tensors at or below a path, in its order of names.
  func tensors(below path: String) -> [Tensor] {
    tensors.keys.filter { $0.hasPrefix(path + "/") }.sorted().compactMap { tensors[$0] }
  }
  /// True when some tensor lies at or below the path.
  func contains(_ path: String) -> Bool { children[path] != nil || tensors[path] != nil }
  /// The names directly below a group that have a tensor at or below them.
  func children(of path: String) -> [String] { children[path, default: []] }
}

/// Joins path components, leaving out empty ones.
func joined(_ components: String...) -> String {
  components.filter { !$0.isEmpty }.joined(separator: "/")
}

/// The same of two, which is asked for at every layer.
func joined(_ path: String, _ name: String) -> String {
  path.isEmpty ? name : name.isEmpty ? path : "\(path)/\(name)"
}

extension LayerGraph {
  /// The layers that Keras tracks, which are those that have folders among the weights: operations are not.
  package var keptLayers: [LayerObject] { layers.filter { !LayerRegistry.isOperation(module: $0.module) } }
}

extension LayerObject {
  /// True when the layer or a layer inside it has weights.
  package var hasWeights: Bool {
    if !layer.weights.isEmpty { return true }
    if let nested = layer as? NestedModel { return nested.model.layers.contains(where: \.hasWeights) }
    return layer.sublayers.contains { $0.object.hasWeights }
  }

  /// True when the layer has weights, or could: a model opened for inspection may hold layers that nobody knows.
  var mayHaveWeights: Bool {
    if isUnsupported { return true }
    guard let nested = layer as? NestedModel else { return hasWeights }
    return nested.model.layers.contains(where: \.mayHaveWeights)
  }

  /// The folder name of a class as a file names it.
  ///
  /// Source: `to_snake_case` of `keras/src/utils/naming.py`.
  package static func folderName(ofClass className: String) -> String {
    switch className {
    case "GroupQueryAttention": "grouped_query_attention"
    case "Model": "functional"
    default:
      snakeCase(
        className.isInPackage ? className.split(separator: ">").last.map(String.init) ?? className : className
      )
    }
  }
}

/// Keras's `to_snake_case`: `Conv2DTranspose` is `conv2d_transpose`, `PReLU` is `p_re_lu`.
func snakeCase(_ name: String) -> String {
  // Bytes, because opening a model asks for every layer's name; letters beyond ASCII stay as they are.
  let bytes = name.utf8.filter { $0 >= 0x80 || isWord($0) }
  func isUpper(_ index: Int) -> Bool {
    index < bytes.count && (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(bytes[index])
  }
  func isLower(_ index: Int) -> Bool {
    index < bytes.count && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[index])
  }
  var result: [UInt8] = []
  result.reserveCapacity(bytes.count + 8)
  for (index, byte) in bytes.enumerated() {
    let startsWord = isUpper(index) && isLower(index + 1) && index > 0
    let afterLower = isUpper(index) && index > 0 && isLower(index - 1)
    if startsWord || afterLower { result.append(UInt8(ascii: "_")) }
    result.append(isUpper(index) ? byte | 0x20 : byte)
  }
  return String(decoding: result, as: UTF8.self)
}

private func isWord(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"),
    UInt8(ascii: "_"):
    true
  default: false
  }
}
