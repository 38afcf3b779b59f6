package import ModelIR

/// An ONNX graph as Swift values: what the exporter puts on the wire and the importer takes from it.
package struct ONNXGraph {
  package var name: String
  package var nodes: [ONNXNode] = []
  package var initializers: [(name: String, tensor: Tensor)] = []
  /// Initializers of 4-bit numbers.
  package var packed: [ONNXPackedTensor] = []
  package var inputs: [ONNXValue] = []
  package var outputs: [ONNXValue] = []
  /// The types of values in between, as far as they are told.
  package var values: [ONNXValue] = []

  package init(name: String) { self.name = name }
}

extension ONNXGraph {
  /// Every name that a node reads, those of inner graphs included.
  package var usedNames: Set<String> {
    var names = Set(outputs.map(\.name))
    for node in nodes {
      names.formUnion(node.inputs)
      for attribute in node.attributes {
        if case .graph(let inner) = attribute.value { names.formUnion(inner.usedNames) }
      }
    }
    return names
  }
}

/// A graph input or output.
package struct ONNXValue {
  package var name: String
  package var type: TensorType

  package init(name: String, type: TensorType) {
    self.name = name
    self.type = type
  }
}

/// One NodeProto.
package struct ONNXNode {
  package var op: String
  package var domain = ""
  package var name: String
  package var inputs: [String]
  package var outputs: [String]
  package var attributes: [(name: String, value: ONNXAttribute)] = []
  /// The layer that the node comes from; its `doc_string`.
  package var origin = ""

  package init(
    op: String, domain: String = "", name: String, inputs: [String], outputs: [String],
    attributes: [(name: String, value: ONNXAttribute)] = [], origin: String = ""
  ) {
    self.op = op
    self.domain = domain
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    self.origin = origin
  }
}

/// One AttributeProto.
package enum ONNXAttribute {
  case int(Int)
  case ints([Int])
  case float(Double)
  case floats([Double])
  case string(String)
  case strings([String])
  case graph(ONNXGraph)
  case tensor(Tensor)
}

/// Numbers of four bits, two to a byte without gaps, the first of each pair low.
package struct ONNXPackedTensor {
  package var name: String
  package var bytes: Tensor
  package var sizes: [Int]
  package var isSigned: Bool

  package init(name: String, bytes: Tensor, sizes: [Int], isSigned: Bool) {
    self.name = name
    self.bytes = bytes
    self.sizes = sizes
    self.isSigned = isSigned
  }
}
