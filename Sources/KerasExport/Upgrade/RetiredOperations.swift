import KerasImport
import ModelIR
import NativeFormat

/// The operations of a model that Keras 3 has no class for, functions of TensorFlow above all, and layers without
/// weights: each becomes the operations of `keras.ops` that it was lowered to.
///
/// Operations that no output needs are left out: what was computed from `tf.shape`, say, is known by now.
struct RetiredOperations {
  private let model: LayerGraph
  private let values: (KerasTensor) -> Value?
  /// The operations written so far.
  private(set) var writer: OperationWriter
  /// What stands in the place of a layer in the model's list, by the layer's index.
  private(set) var entries: [Int: [JSONValue]] = [:]
  /// What is read in the place of a layer's results.
  private(set) var moved: [KerasTensor: JSONValue] = [:]
  /// Why operations cannot be written.
  private(set) var refusals: [(object: LayerObject, reason: String)] = []

  /// - Parameters:
  ///   - values: the value of the lowered graph that a tensor of the model became.
  ///   - names: the names of the layers in the new model.
  init(_ model: LayerGraph, _ graph: Graph, names: [String], values: @escaping (KerasTensor) -> Value?) {
    self.model = model
    self.values = values
    let kept = zip(model.layers, names).filter { !$0.0.isRetired }.map(\.1)
    writer = OperationWriter(graph, names: kept)
    guard model.layers.contains(where: \.isRetired) else { return }
    let needed = neededLayers()
    for (index, object) in model.layers.enumerated() where object.isOperation && !needed.contains(index) {
      entries[index] = []
    }
    for call in model.calls where needed.contains(call.layer) && model.layers[call.layer].isRetired {
      replace(call, name: names[call.layer], names)
    }
  }

  // MARK: What is needed

  /// The layers that outputs depend on; layers that are no operations count whether they do or not.
  private func neededLayers() -> Set<Int> {
    var needed = Set(model.outputs.map(\.layer))
    needed.formUnion(model.layers.indices.filter { !model.layers[$0].isOperation })
    var waiting = Array(needed)
    while let layer = waiting.popLast() {
      for call in model.calls where call.layer == layer {
        for source in sources(of: call) where needed.insert(source.layer).inserted {
          waiting.append(source.layer)
        }
      }
    }
    return needed
  }

  /// The tensors that a call's results depend on; of functions that are replaced, only those whose elements count.
  private func sources(of call: LayerCall) -> [KerasTensor] {
    let tensors = call.arguments.tensors
    guard model.layers[call.layer].isRetired else { return tensors }
    let known = Dictionary(tensors.map { (values($0), $0) }) { first, _ in first }
    var found: [KerasTensor] = []
    var waiting = results(of: call).map(\.value)
    var seen: Set<Value> = []
    while let value = waiting.popLast() {
      guard seen.insert(value).inserted else { continue }
      if let tensor = known[value] {
        found.append(tensor)
      } else if let node = writer.graph.producer(of: value) {
        waiting += node.inputs
      }
    }
    return found
  }

  private func results(of call: LayerCall) -> [(tensor: KerasTensor, value: Value)] {
    var results: [(tensor: KerasTensor, value: Value)] = []
    while true {
      let tensor = KerasTensor(layer: call.layer, call: call.call, output: results.count)
      guard let value = values(tensor) else { return results }
      results.append((tensor, value))
    }
  }

  // MARK: Replacing

  private mutating func replace(_ call: LayerCall, name: String, _ names: [String]) {
    var known: [Value: JSONValue] = [:]
    for tensor in call.arguments.tensors {
      guard let value = values(tensor), known[value] == nil else { continue }
      known[value] = moved[tensor] ?? reference(tensor, value, names)
    }
    let first = writer.entries.count
    for (tensor, value) in results(of: call) {
      do throws(KerasExportError) {
        var argument = try writer.argument(for: value, known: known)
        // An output of the model needs a node of its own.
        if writer.entries.count == first { argument = writer.add("Copy", [argument]) }
        if tensor.output == 0 { argument = writer.nameLast(name, like: argument) }
        moved[tensor] = argument
      } catch {
        refusals.append((model.layers[call.layer], "\(error)"))
        return
      }
    }
    entries[call.layer, default: []] += writer.entries[first...]
  }

  private func reference(_ tensor: KerasTensor, _ value: Value, _ names: [String]) -> JSONValue {
    CallWriter.tensor(
      [.string(names[tensor.layer]), .integer(tensor.call), .integer(tensor.output)],
      type: writer.graph.type(of: value))
  }
}

extension LayerObject {
  /// True for an operation, or a layer without weights, that Keras 3 has no class for.
  fileprivate var isRetired: Bool {
    // ThresholdedReLU becomes a ReLU.
    module == "kconvert.ops" || module == "kconvert.layers" && !hasWeights && className != "ThresholdedReLU"
  }
}
