import KerasImport
import ModelFiles
import ModelIR
import NativeFormat

/// A layer as today's Keras builds it: its serialised form, and what lies in its folder among the weights.
struct KerasNode {
  /// What a layer holds under one of its attributes.
  enum Content {
    case layer(KerasNode)
    case list([KerasNode])
  }

  /// An attribute and what it holds. Not a tuple: of one, the compiler reports a circular reference in debug builds.
  struct Part {
    var attribute: String
    var content: Content
  }

  var name: String
  /// The Python class, which names the folder.
  var className: String
  var module: String
  var config: JSONObject
  /// The input shapes that Keras 3 builds the layer with before it is called; nil where the file has none.
  var buildConfig: JSONValue?
  /// The layer's own variables by their place in its folder, a number for almost all; trainable ones first.
  var variables: [(place: String, tensor: Tensor)] = []
  /// Files such as `vocabulary.txt`.
  var assets: [(name: String, content: HeldBytes)] = []
  var parts: [Part] = []

  /// The serialised layer, as it stands in the configuration of a wrapper or a Sequential.
  var serialized: JSONObject {
    var result = JSONObject([
      ("module", .string(module)), ("class_name", .string(className)), ("config", .object(config)),
      ("registered_name", isModel || isOperation ? .string(className) : .null),
    ])
    if !isModel { result["build_config"] = buildConfig }
    return result
  }

  var isModel: Bool { className == "Functional" || className == "Sequential" }
  private var isOperation: Bool { module.hasPrefix("keras.src.ops.") }

  /// The serialised form of a layer without variables, as a node.
  init(_ className: String, name: String, _ config: [(String, JSONValue)]) {
    self.name = name
    self.className = className
    module = "keras.layers"
    self.config = JSONObject([("name", .string(name))] + config)
  }

  init(name: String, className: String, module: String, config: JSONObject) {
    self.name = name
    self.className = className
    self.module = module
    self.config = config
  }

  /// A Sequential of these layers, in the place of the one layer that they stand for.
  init(sequential layers: [KerasNode], name: String) {
    self.init(
      name: name, className: "Sequential", module: "keras",
      config: JSONObject([
        ("name", .string(name)), ("layers", .array(layers.map { .object($0.serialized) })),
      ]))
    parts = [Part(attribute: "layers", content: .list(layers))]
  }
}

// MARK: - Folders

extension KerasNode {
  /// A folder of the weights: `layers/dense_1`, the root being empty.
  struct Folder {
    let path: String
    let name: String
    let variables: [(place: String, tensor: Tensor)]
    let assets: [(name: String, content: HeldBytes)]
  }

  /// The folders of this layer and of all inside it, numbered by class in each list.
  ///
  /// Source: `_save_state` and `_save_container_state` of `keras/src/saving/saving_lib.py`.
  func folders(at path: String = "") -> [Folder] {
    var result = [Folder(path: path, name: name, variables: variables, assets: assets)]
    for part in parts {
      let inner = path.isEmpty ? part.attribute : "\(path)/\(part.attribute)"
      switch part.content {
      case .layer(let node): result += node.folders(at: inner)
      case .list(let nodes):
        var counts: [String: Int] = [:]
        for node in nodes {
          let folder = LayerObject.folderName(ofClass: node.className)
          let count = counts[folder, default: 0]
          counts[folder] = count + 1
          result += node.folders(at: count == 0 ? "\(inner)/\(folder)" : "\(inner)/\(folder)_\(count)")
        }
      }
    }
    return result
  }
}
