public import ModelIR

/// Keras's layer table: layers, output shapes, parameter counts and, for models that are not a plain chain, what each
/// layer is connected to. Reads no weight data.
///
/// Source: `keras/src/utils/summary_utils.py`. Keras shortens long cells and crops the table; nothing is cut here.
public struct ModelSummary: Sendable {
  /// One line of the table.
  public struct Row: Sendable {
    /// The layer's name.
    public let name: String
    /// The class as Keras names it.
    public let className: String
    /// The names of the models around the layer and its own.
    public let path: String
    /// How many nested models are around it.
    public let depth: Int
    /// The shapes of what its first call gives; nil when they are not known.
    public let outputShapes: [Shape]?
    /// The number of its parameters; nil when it is not known.
    public let parameterCount: Int?
    /// `name[call][output]`, one per input; empty where Keras shows `-`.
    public let connectedTo: [String]

    /// `name (ClassName)`, nested layers indented.
    package var layer: String {
      let indent = depth == 0 ? "" : String(repeating: "   ", count: depth) + "└ "
      return "\(indent)\(name) (\(className))"
    }
    /// `(None, 28, 28, 1)`, or a list of them.
    package var outputShape: String {
      guard let texts = outputShapes?.map(\.kerasText) else { return "?" }
      return texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
    }
    /// The number of parameters, thousands separated.
    package var parameters: String { parameterCount.map(ModelSummary.grouped) ?? "?" }
  }

  /// A number of parameters and the bytes they take.
  package struct Count: Sendable {
    package var parameters = 0
    package var bytes = 0

    package init(parameters: Int = 0, bytes: Int = 0) {
      self.parameters = parameters
      self.bytes = bytes
    }

    mutating func add(_ parameters: Int, _ bytes: Int) {
      self.parameters += parameters
      self.bytes += bytes
    }
  }

  package let modelName: String
  /// The format found, `Keras 3.6.0, .keras archive`.
  package let format: String
  /// The lines of the table.
  public let rows: [Row]
  /// False for a plain chain, for which Keras leaves the column out.
  package let showsConnections: Bool
  /// Why the model computes nothing, to be told beside the table; nil when all of it is supported.
  public private(set) var unsupported: KerasImportError?
  package let trainable: Count
  package let nonTrainable: Count

  /// Reads the table off a model. One that is not supported as a whole is shown as far as the file goes: shapes that
  /// are not known are `?`.
  /// - Parameter model: the model.
  /// - Parameter expandsNested: whether the layers of models inside are rows of their own.
  /// - Parameter options: sizes that replace those of the file.
  /// - Throws: the first layer that cannot take its input, unless the model was opened with
  ///   ``KerasModel/Options/keepsUnsupported`` and has something unsupported.
  public init(
    _ model: KerasModel, options: LoweringOptions = LoweringOptions(), expandsNested: Bool = false
  ) throws(KerasImportError) {
    let (lowered, unsupported) = try model.outlined(options)
    self.init(model, lowered, expandsNested: expandsNested)
    self.unsupported = unsupported
  }

  /// Reads the table off a model and its lowered graph.
  public init(_ model: KerasModel, _ lowered: LoweredModel, expandsNested: Bool = false) {
    let builder = SummaryBuilder(model: model, lowered: lowered)
    modelName = model.name
    format = model.format
    showsConnections = !builder.isChain(model.graph)
    var rows: [Row] = []
    builder.addRows(model.graph, path: "", depth: 0, expandsNested: expandsNested, &rows)
    self.rows = rows
    (trainable, nonTrainable) = builder.totals(model.graph)
  }

  /// A column of numbers beside those of Keras.
  package struct Column {
    let title: String
    /// The texts by the rows' paths.
    let cells: [String: String]

    package init(title: String, cells: [String: String]) {
      self.title = title
      self.cells = cells
    }
  }

  /// The table with further columns.
  package func text(width: Int?, adding columns: [Column]) -> String {
    SummaryTable(self, width: width, columns: columns).text
  }

  /// The table as text; cells are wrapped to a width, columns widened when it is nil.
  public func text(width: Int?) -> String { SummaryTable(self, width: width).text }
}

/// Reads the cells off a model.
package struct SummaryBuilder {
  let model: KerasModel
  let lowered: LoweredModel

  package init(model: KerasModel, lowered: LoweredModel) {
    self.model = model
    self.lowered = lowered
  }

  /// Keras's rule for leaving out the connections: a Sequential, or a model each of whose calls has one input, stands
  /// alone at its depth, and is the only one of its layer.
  func isChain(_ graph: LayerGraph) -> Bool {
    if graph.kind == .sequential { return true }
    guard graph.inputs.count == 1, Set(graph.calls.map(\.layer)).count == graph.calls.count,
      graph.calls.allSatisfy({ $0.arguments.tensors.count <= 1 })
    else { return false }
    var depths: [KerasTensor: Int] = [:]
    for output in graph.outputs { depths[KerasTensor(layer: output.layer, call: output.call, output: 0)] = 0 }
    var seen: Set<Int> = []
    for call in graph.calls.reversed() {
      // What nothing uses lies at depth 0, as in Keras.
      let depth = depths[KerasTensor(layer: call.layer, call: call.call, output: 0), default: 0]
      guard seen.insert(depth).inserted else { return false }
      for source in call.arguments.tensors {
        let key = KerasTensor(layer: source.layer, call: source.call, output: 0)
        depths[key] = max(depths[key, default: 0], depth + 1)
      }
    }
    return true
  }

  func addRows(
    _ graph: LayerGraph, path: String, depth: Int, expandsNested: Bool, _ rows: inout [ModelSummary.Row]
  ) {
    for (index, object) in graph.layers.enumerated() {
      if graph.kind == .sequential, object.layer is InputLayer { continue }
      let layerPath = path.isEmpty ? object.name : "\(path)/\(object.name)"
      rows.append(
        ModelSummary.Row(
          name: object.name, className: object.displayName, path: layerPath, depth: depth,
          outputShapes: shapes(index, path: layerPath), parameterCount: parameterCount(of: object),
          connectedTo: connections(graph, index)))
      if expandsNested, let nested = object.layer as? NestedModel {
        addRows(nested.model, path: layerPath, depth: depth + 1, expandsNested: true, &rows)
      }
    }
  }

  /// nil for a layer whose weights are neither in the file nor follow from known shapes.
  func parameterCount(of object: LayerObject) -> Int? {
    parameters(of: object, isTrainable: true).map { $0.trainable.parameters + $0.nonTrainable.parameters }
  }

  /// The shapes of a layer's first results by its path; nil when they are not known.
  func shapes(of object: LayerObject, path: String) -> [Shape]? {
    if let index = model.graph.layers.firstIndex(where: { $0 === object }) {
      return shapes(index, path: path)
    }
    return lowered.shapes[path]?.outputs
  }

  private func shapes(_ index: Int, path: String) -> [Shape]? {
    var values = lowered.nestedResults[path]?.first ?? []  // None for the outermost model; its values follow.
    if values.isEmpty {
      while let value = lowered.values[KerasTensor(layer: index, call: 0, output: values.count)] {
        values.append(value)
      }
    }
    return values.isEmpty ? nil : values.map { lowered.graph.shape(of: $0) }
  }

  /// What a layer is called with.
  func connections(of object: LayerObject, in graph: LayerGraph) -> [String] {
    graph.layers.firstIndex { $0 === object }.map { connections(graph, $0) } ?? []  // Inside a wrapper.
  }

  private func connections(_ graph: LayerGraph, _ index: Int) -> [String] {
    graph.calls.filter { $0.layer == index }.flatMap { call in
      call.arguments.tensors.map { "\(graph.layers[$0.layer].name)[\($0.call)][\($0.output)]" }
    }
  }

  /// The parameters of a layer and of those inside it; nil when they are neither in the file nor follow from shapes.
  package func parameters(
    of object: LayerObject, isTrainable: Bool
  ) -> (trainable: ModelSummary.Count, nonTrainable: ModelSummary.Count)? {
    var seen: Set<ObjectIdentifier> = []
    let found = counts(object, isTrainable: isTrainable, &seen)
    if isOpen(object, found) { return nil }
    return SummaryBuilder.sums(found)
  }

  /// A layer whose weights are neither in the file nor follow from known shapes.
  private func isOpen(_ object: LayerObject, _ found: [(count: Int, bytes: Int, isTrainable: Bool)]) -> Bool {
    // A class that is not known may have weights; a file with none of any layer does not tell.
    let mayHave = object.hasWeights || object.isUnsupported && model.binding.isEmpty
    return model.unsupported != nil && found.isEmpty && mayHave
  }

  private static func sums(
    _ entries: [(count: Int, bytes: Int, isTrainable: Bool)]
  ) -> (trainable: ModelSummary.Count, nonTrainable: ModelSummary.Count) {
    var (trainable, nonTrainable) = (ModelSummary.Count(), ModelSummary.Count())
    for entry in entries {
      if entry.isTrainable {
        trainable.add(entry.count, entry.bytes)
      } else {
        nonTrainable.add(entry.count, entry.bytes)
      }
    }
    return (trainable, nonTrainable)
  }

  private func counts(
    _ object: LayerObject, isTrainable: Bool, _ seen: inout Set<ObjectIdentifier>
  ) -> [(count: Int, bytes: Int, isTrainable: Bool)] {
    guard seen.insert(ObjectIdentifier(object)).inserted else { return [] }
    let own = isTrainable && (object.config["trainable"]?.bool ?? true)
    var result: [(count: Int, bytes: Int, isTrainable: Bool)] = []
    // A wrapper's second name for the weight inside it is no other weight, and lookup tables are none.
    for spec in object.layer.weights where !spec.isInner && !spec.isNamed {
      func tensor(_ role: String) -> Tensor? {
        model.binding.tensor(role, of: object) ?? lowered.standIns[ObjectIdentifier(object)]?[role]
      }
      if let tensor = tensor(spec.name) {
        result.append((tensor.elementCount, tensor.byteCount, own && spec.isTrainable))
      } else if let factor = spec.factor, let kernel = tensor(factor.kernel) {
        let count = factor.elementCount(kernel: kernel.sizes)
        result.append((count, count * DType.float32.byteCount, own))
      }
    }
    for tensor in model.binding.unassigned[ObjectIdentifier(object), default: []] {
      result.append((tensor.elementCount, tensor.byteCount, own))
    }
    let inner = (object.layer as? NestedModel)?.model.layers ?? object.layer.sublayers.map(\.object)
    for layer in inner { result += counts(layer, isTrainable: own, &seen) }
    return result
  }

  /// Parameters and bytes, trainable and not.
  package func totals(
    _ graph: LayerGraph
  ) -> (trainable: ModelSummary.Count, nonTrainable: ModelSummary.Count) {
    var seen: Set<ObjectIdentifier> = []
    return SummaryBuilder.sums(graph.layers.flatMap { counts($0, isTrainable: true, &seen) })
  }
}

extension LayerObject {
  /// The Python class's name, which Keras prints.
  package var displayName: String { className == "GroupQueryAttention" ? "GroupedQueryAttention" : className }
}

extension Shape {
  /// `(None, 28, 28, 1)`: sizes that are not known are None.
  package var kerasText: String {
    let parts = dimensions.map { $0.fixedSize.map(String.init) ?? "None" }
    return "(" + parts.joined(separator: ", ") + ")"
  }
}
