import NativeFormat

/// Keras 1: a Sequential that starts with a Merge of branches, which is a graph of all their layers.
struct MergedBranches {
  let context: LegacyConfig
  private var layers: [JSONValue] = []
  private var inputs: [JSONValue] = []
  private var names: InventedNames

  init(context: LegacyConfig) {
    self.context = context
    names = InventedNames(writer: context.writer)
  }

  func functional(_ items: [JSONValue], name: String) throws(KerasImportError) -> JSONObject {
    var builder = self
    let last = try builder.chain(items)
    let config = JSONObject([
      ("name", .string(name)), ("layers", .array(builder.layers)), ("input_layers", .array(builder.inputs)),
      ("output_layers", .array([MergedBranches.history(last)])),
    ])
    return JSONObject([
      ("module", .string("keras.src.models.functional")), ("class_name", .string("Functional")),
      ("config", .object(config)), ("registered_name", .string("Functional")),
    ])
  }

  private static func history(_ name: String) -> JSONValue {
    .array([.string(name), .integer(0), .integer(0)])
  }

  private static func tensor(_ name: String) -> JSONValue {
    ["class_name": "__keras_tensor__", "config": ["keras_history": history(name)]]
  }

  /// Adds the layers of a branch and returns the name of the last.
  private mutating func chain(_ items: [JSONValue]) throws(KerasImportError) -> String {
    var previous: String?
    for item in items {
      let isMerge = item["class_name"]?.string == "Merge"
      if isMerge, previous == nil, let branches = item["config"]?["layers"]?.array {
        var names: [String] = []
        for branch in branches {
          guard branch["class_name"]?.string == "Sequential",
            let inner = branch["config"]?.array ?? branch["config"]?["layers"]?.array
          else { throw KerasImportError(.unsupported("a Merge of branches that are not Sequential")) }
          names.append(try chain(inner))
        }
        previous = try add(item, argument: .array(names.map(MergedBranches.tensor)))
        continue
      }
      if previous == nil {
        guard let declared = context.input(for: item) else {
          throw KerasImportError(
            .incomplete(
              "a branch was never built", remedy: .advice("build the model in Keras before it is saved")))
        }
        let input = names.named(declared, before: item)
        let name = input["name"]?.string ?? ""  // Input layers are made with a name.
        layers.append(input)
        inputs.append(MergedBranches.history(name))
        previous = name
      }
      previous = try add(item, argument: MergedBranches.tensor(previous ?? ""))  // Set above.
    }
    guard let previous else { throw KerasImportError(.invalidGraph("a branch has no layers")) }
    return previous
  }

  private mutating func add(_ item: JSONValue, argument: JSONValue) throws(KerasImportError) -> String {
    guard var layer = try context.layer(item).object, let name = layer["name"]?.string else {
      throw KerasImportError(.invalidGraph("expected a layer, found \(item.shortText)"))
    }
    let node = JSONObject([("args", .array([argument])), ("kwargs", .object(JSONObject()))])
    layer["inbound_nodes"] = .array([.object(node)])
    layers.append(.object(layer))
    return name
  }
}
