import ModelIR

/// An ONNX graph as Swift values, on its way to the wire.
struct ONNXGraph {
  var name: String
  var nodes: [ONNXNode] = []
  var initializers: [(name: String, tensor: Tensor)] = []
  /// Initializers of 4-bit numbers.
  var packed: [ONNXPackedTensor] = []
  var inputs: [ONNXValue] = []
  var outputs: [ONNXValue] = []
}

extension ONNXGraph {
  /// Every name that a node reads, those of inner graphs included.
  var usedNames: Set<String> {
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
struct ONNXValue {
  var name: String
  var type: TensorType
}

/// One NodeProto.
struct ONNXNode {
  var op: String
  var domain = ""
  var name: String
  var inputs: [String]
  var outputs: [String]
  var attributes: [(name: String, value: ONNXAttribute)] = []
  /// The layer that the node comes from; its `doc_string`.
  var origin = ""
}

/// One AttributeProto.
enum ONNXAttribute {
  case int(Int)
  case ints([Int])
  case float(Double)
  case floats([Double])
  case string(String)
  case strings([String])
  case graph(ONNXGraph)
  case tensor(Tensor)
}

extension DType {
  /// TensorProto.DataType.
  var onnxType: Int32 {
    switch self {
    case .float32: 1
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    case .int64: 7
    case .string: 8
    case .bool: 9
    case .float16: 10
    case .float64: 11
    case .uint32: 12
    case .uint64: 13
    case .bfloat16: 16
    }
  }
}
