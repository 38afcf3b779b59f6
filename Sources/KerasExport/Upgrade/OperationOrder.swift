import NativeFormat

/// The order in which Keras 3 lists the layers of a Functional model once it has been built from its configuration:
/// by depth from the outputs, layers of one depth as a walk from the outputs first met them. Folders of weights are
/// numbered by it, whatever order the configuration has.
///
/// Source: `map_graph` of `keras/src/ops/function.py`.
struct OperationOrder {
  /// One call of a layer, by the layer's name.
  private struct Call: Hashable {
    let layer: String
    let call: Int
  }

  private var sources: [Call: [Call]] = [:]
  /// Calls from inputs to outputs, in the order in which the walk left them.
  private var finished: [Call] = []
  /// When the walk first met each layer.
  private var indices: [String: Int] = [:]

  /// The layers that the outputs depend on, and the inputs.
  /// - Parameters:
  ///   - entries: the serialised layers with their `inbound_nodes`.
  ///   - inputs: the histories of the inputs, calls counted from 0 for every layer; `outputs` alike.
  static func names(_ entries: [JSONValue], inputs: [JSONValue], outputs: [JSONValue]) -> [String] {
    var order = OperationOrder(entries)
    order.walk(outputs.compactMap(call))
    return order.sorted(inputs.compactMap(call).map(\.layer))
  }

  private init(_ entries: [JSONValue]) {
    for entry in entries {
      guard let name = entry["name"]?.string else { continue }
      guard let nodes = entry["inbound_nodes"]?.array else { continue }  // An input.
      for (number, node) in nodes.enumerated() {
        var calls: [Call] = []
        OperationOrder.collect(node["args"] ?? .null, &calls)
        OperationOrder.collect(node["kwargs"] ?? .null, &calls)
        sources[Call(layer: name, call: number)] = calls
      }
    }
  }

  private static func call(_ history: JSONValue) -> Call? {
    guard let name = history[0]?.string, let call = history[1]?.int else { return nil }
    return Call(layer: name, call: call)
  }

  /// The calls whose tensors an argument holds, dictionaries by sorted keys.
  private static func collect(_ value: JSONValue, _ calls: inout [Call]) {
    if let history = CallWriter.history(of: value) {
      if let call = call(history) { calls.append(call) }
    } else if let items = value.array {
      for item in items { collect(item, &calls) }
    } else if let object = value.object {
      for key in object.keys.sorted() { collect(object[key] ?? .null, &calls) }
    }
  }

  /// Depth first from each output, without recursion: models may be thousands of layers deep.
  private mutating func walk(_ outputs: [Call]) {
    var entered: Set<Call> = []
    for output in outputs {
      var stack = [(call: output, next: 0)]
      while let (call, next) = stack.last {
        if next == 0 {
          guard entered.insert(call).inserted else {
            stack.removeLast()
            continue
          }
          if indices[call.layer] == nil { indices[call.layer] = indices.count }
        }
        stack[stack.count - 1].next += 1
        let inputs = sources[call, default: []]
        if next < inputs.count {
          stack.append((inputs[next], 0))
        } else {
          finished.append(call)
          stack.removeLast()
        }
      }
    }
  }

  private func sorted(_ inputs: [String]) -> [String] {
    var callDepths: [Call: Int] = [:]
    var depths: [String: Int] = [:]
    for call in finished.reversed() {
      // What nothing uses lies at depth 0, as in Keras.
      let depth = max(callDepths[call, default: 0], depths[call.layer, default: 0])
      callDepths[call] = depth
      depths[call.layer] = depth
      for source in sources[call, default: []] {
        callDepths[source] = max(depth + 1, callDepths[source, default: 0])
      }
    }
    for input in inputs where depths[input] == nil { depths[input] = 0 }
    // Inputs that nothing uses come first among the layers of their depth, in their order.
    let places = Dictionary(inputs.enumerated().map { ($1, $0) }) { first, _ in first }
    return depths.keys.sorted { a, b in
      let (first, second) = (depths[a, default: 0], depths[b, default: 0])
      if first != second { return first > second }
      let (index, other) = (indices[a] ?? -1, indices[b] ?? -1)
      // Layers that the walk did not meet are inputs, which have places.
      return index != other ? index < other : places[a, default: 0] < places[b, default: 0]
    }
  }
}
