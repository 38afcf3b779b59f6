import NativeFormat

/// Nodes of TensorFlow 1.13 to 2.3, written as `node_def`: a type, operands and attributes.
extension TensorFlowCalls {
  func node(_ call: LegacyNodes.LegacyCall) throws(KerasImportError) -> Converted {
    guard let definition = config["node_def"]?.object, let type = definition["op"]?.string else {
      throw KerasImportError(.unsupported("a TensorFlow node that is not written as JSON"))
    }
    let attributes = NodeAttributes(definition["attr"] ?? .null)
    let inputs = try operands(call)
    if type == "StridedSlice" { return try stridedSlice(inputs, attributes) }
    guard let rule = NodeRule.named(type) else {
      throw KerasImportError(.unsupportedLayer(className: "tf.raw_ops.\(type)"))
    }
    let keywords = try attributes.keywords(rule.attributes, of: type)
    return try function(rule.function, positional: rule.arranged(inputs), keywords: keywords)
  }

  /// Constants at the positions they are written for, tensors in order at the others.
  private func operands(_ call: LegacyNodes.LegacyCall) throws(KerasImportError) -> [JSONValue] {
    var tensors = (call.first.array ?? [call.first])[...]
    let constants = config["constants"]?.object ?? JSONObject()
    var result: [JSONValue] = []
    for position in 0..<(tensors.count + constants.count) {
      if let constant = constants[String(position)] {
        result.append(constant)
      } else if let tensor = tensors.popFirst() {
        result.append(tensor)
      } else {
        throw KerasImportError(.invalidGraph("operand \(position) of the node is missing"))
      }
    }
    return result
  }

  private func stridedSlice(_ inputs: [JSONValue], _ attributes: NodeAttributes) throws(KerasImportError)
    -> Converted
  {
    guard inputs.count == 4, let begin = inputs[1].array, let end = inputs[2].array,
      let step = inputs[3].array,
      begin.count == end.count, begin.count == step.count, begin.count < 32
    else { throw KerasImportError(.unsupported("a StridedSlice with computed bounds")) }
    let ellipses = try attributes.bits("ellipsis_mask")
    let (new, shrunk) = (try attributes.bits("new_axis_mask"), try attributes.bits("shrink_axis_mask"))
    let (openBegins, openEnds) = (try attributes.bits("begin_mask"), try attributes.bits("end_mask"))
    var key: [JSONValue] = []
    for bit in begin.indices {
      if ellipses.contains(bit) {
        key.append(["class_name": "__ellipsis__", "config": [:]])
      } else if new.contains(bit) {
        key.append(.null)
      } else if shrunk.contains(bit) {
        key.append(begin[bit])
      } else {
        let start: JSONValue = openBegins.contains(bit) ? .null : begin[bit]
        let stop: JSONValue = openEnds.contains(bit) ? .null : end[bit]
        key.append(["class_name": "__slice__", "config": ["start": start, "stop": stop, "step": step[bit]]])
      }
    }
    return Converted("keras.src.ops.numpy", "GetItem", [inputs[0], .array(key)])
  }
}

/// The `attr` of a node.
private struct NodeAttributes {
  let attributes: JSONObject

  init(_ value: JSONValue) { attributes = value.object ?? JSONObject() }

  /// An attribute as a plain value; integers are written as strings, strings in base64.
  func value(_ name: String) -> JSONValue? {
    guard let wrapped = attributes[name]?.object, let entry = wrapped.first(where: { _ in true }) else {
      return nil
    }
    return NodeAttributes.plain(entry.key, entry.value)
  }

  /// The places of the bits that are set in a mask; none when it is absent.
  /// - Throws: `corrupted` for an attribute that is no integer.
  func bits(_ name: String) throws(KerasImportError) -> Set<Int> {
    // An integer that is 0 may be left out.
    guard let stored = attributes[name], stored.object?.isEmpty != true else { return [] }
    guard let mask = value(name)?.int else {
      throw KerasImportError(.corrupted("attribute \"\(name)\" of StridedSlice is \(stored.shortText)"))
    }
    return Set((0..<32).filter { mask >> $0 & 1 == 1 })
  }

  private static func plain(_ kind: String, _ value: JSONValue) -> JSONValue? {
    switch kind {
    case "i": return (value.int ?? value.string.flatMap(Int.init)).map(JSONValue.integer)
    case "f", "b": return value
    case "s": return value.string.flatMap(decoded).map(JSONValue.string)
    case "type": return value.string.flatMap { types[$0] }.map(JSONValue.string)
    case "list":
      guard let entry = value.object?.first(where: { _ in true }), let items = entry.value.array else {
        return .array([])
      }
      let values = items.compactMap { plain(entry.key, $0) }
      return values.count == items.count ? .array(values) : nil
    default: return nil
    }
  }

  private static let types: [String: String] = [
    "DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_BFLOAT16": "bfloat16",
    "DT_INT8": "int8", "DT_UINT8": "uint8", "DT_INT16": "int16", "DT_UINT16": "uint16", "DT_INT32": "int32",
    "DT_UINT32": "uint32", "DT_INT64": "int64", "DT_UINT64": "uint64", "DT_BOOL": "bool",
    "DT_STRING": "string",
  ]

  /// Attributes that repeat what the operands say, or how the node is computed.
  private static let harmless: Set<String> = [
    "N", "num", "num_split", "Truncate", "sorted", "use_cudnn_on_gpu", "incompatible_shape_error", "shape",
    "message",
    "bad_indices_policy",
  ]

  /// The keyword arguments that a node's attributes stand for.
  /// - Throws: `unsupported` for an attribute that would change the numbers and is not known.
  func keywords(_ known: [String: String], of type: String) throws(KerasImportError) -> JSONObject {
    var keywords = JSONObject()
    for name in attributes.keys {
      let value = value(name)
      if let keyword = known[name] {
        guard let value else {
          throw KerasImportError(.corrupted("attribute \"\(name)\" of \(type) has no value"))
        }
        keywords[keyword] = value
        continue
      }
      let isType = attributes[name]?["type"] != nil
      if isType || name.hasPrefix("_") || NodeAttributes.harmless.contains(name) { continue }
      let isEmpty = attributes[name]?.object?.isEmpty ?? false
      let isNothing = isEmpty || value?.bool == false || value?.int == 0 || value?.array?.isEmpty == true
      guard isNothing else { throw KerasImportError(.unsupported("attribute \"\(name)\" of \(type)")) }
    }
    return keywords
  }

  /// Text in base64; nil for anything else.
  private static func decoded(_ text: String) -> String? {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var bits: UInt32 = 0
    var count = 0
    var bytes: [UInt8] = []
    for letter in text.utf8 where letter != UInt8(ascii: "=") {
      guard let value = letters.firstIndex(of: letter) else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= (1 << UInt32(count)) - 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// What one type of node is among TensorFlow's functions.
private struct NodeRule {
  let function: String
  /// Attribute, keyword.
  var attributes: [String: String] = [:]
  var operands = Operands.asTheyAre

  enum Operands {
    case asTheyAre
    /// All are one list.
    case list
    /// All but the last are one list.
    case listThenOne
    /// The first comes after a list of the others.
    case oneThenList
    /// The second, then a number, then the first.
    case split
  }

  func arranged(_ inputs: [JSONValue]) throws(KerasImportError) -> [JSONValue] {
    switch operands {
    case .asTheyAre: return inputs
    case .list: return [.array(inputs)]
    case .listThenOne:
      guard let last = inputs.last, inputs.count > 1 else { break }
      return [.array(Array(inputs.dropLast())), last]
    case .oneThenList:
      guard let first = inputs.first, inputs.count > 1 else { break }
      return [.array(Array(inputs.dropFirst())), first]
    case .split:
      guard inputs.count == 2 else { break }
      return [inputs[1], .null, inputs[0]]
    }
    throw KerasImportError(.invalidGraph("the node has \(inputs.count) operands"))
  }

  static func named(_ type: String) -> NodeRule? {
    if let function = plain[type] { return NodeRule(function: function) }
    if let function = reductions[type] {
      return NodeRule(function: function, attributes: ["keep_dims": "keepdims"])
    }
    if let function = windows[type] {
      let keys = ["ksize", "strides", "padding", "data_format", "dilations"]
      return NodeRule(function: function, attributes: Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) }))
    }
    return others[type]
  }

  private static let reductions: [String: String] = [
    "Mean": "reduce_mean", "Sum": "reduce_sum", "Max": "reduce_max", "Min": "reduce_min",
    "Prod": "reduce_prod",
    "Any": "reduce_any", "All": "reduce_all", "EuclideanNorm": "reduce_euclidean_norm",
  ]

  private static let windows: [String: String] = [
    "MaxPool": "nn.max_pool2d", "AvgPool": "nn.avg_pool2d", "MaxPool3D": "nn.max_pool3d",
    "AvgPool3D": "nn.avg_pool3d",
    "Conv2D": "nn.conv2d", "Conv3D": "nn.conv3d", "DepthwiseConv2dNative": "nn.depthwise_conv2d",
  ]

  private static let plain: [String: String] = [
    "Mul": "multiply", "Add": "add", "AddV2": "add", "Sub": "subtract", "RealDiv": "truediv",
    "FloorDiv": "floordiv",
    "FloorMod": "floormod", "Pow": "pow", "Maximum": "maximum", "Minimum": "minimum", "Neg": "negative",
    "Abs": "abs",
    "Square": "square", "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Exp": "exp", "Log": "log", "Log1p": "log1p",
    "Expm1": "expm1", "Sin": "sin", "Cos": "cos", "Tan": "tan", "Asin": "asin", "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh", "Cosh": "cosh", "Asinh": "asinh", "Acosh": "acosh", "Atanh": "atanh", "Atan2": "atan2",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Erf": "erf", "Erfc": "erfc", "Round": "round", "Rint": "round",
    "Floor": "floor", "Ceil": "ceil", "Sign": "sign", "IsNan": "is_nan", "IsInf": "is_inf",
    "IsFinite": "is_finite",
    "Relu": "nn.relu", "Relu6": "nn.relu6", "Elu": "nn.elu", "Selu": "nn.selu", "Softplus": "softplus",
    "Softsign": "nn.softsign", "Softmax": "nn.softmax", "LogSoftmax": "nn.log_softmax", "Greater": "greater",
    "GreaterEqual": "greater_equal", "Less": "less", "LessEqual": "less_equal", "Equal": "equal",
    "NotEqual": "not_equal", "LogicalAnd": "logical_and", "LogicalOr": "logical_or",
    "LogicalNot": "logical_not",
    "Transpose": "transpose", "Reshape": "reshape", "ExpandDims": "expand_dims", "Identity": "identity",
    "StopGradient": "stop_gradient", "PreventGradient": "identity", "CheckNumerics": "identity",
    "Snapshot": "identity", "EnsureShape": "identity", "SelectV2": "where", "Select": "select",
    "Reciprocal": "reciprocal", "Inv": "reciprocal", "DivNoNan": "divide_no_nan",
    "MulNoNan": "multiply_no_nan",
    "Xlogy": "xlogy", "Xdivy": "xdivy", "SquaredDifference": "squared_difference",
    "ClipByValue": "clip_by_value",
    "Tile": "tile", "Pad": "pad", "BroadcastTo": "broadcast_to", "ReverseV2": "reverse", "Roll": "roll",
    "Slice": "slice", "Fill": "fill", "Range": "range", "ZerosLike": "zeros_like", "OnesLike": "ones_like",
    "Gather": "gather", "GatherNd": "gather_nd", "TopKV2": "top_k", "Rank": "rank",
    "MatrixBandPart": "band_part",
    "MatrixDiagPart": "diag_part", "MatrixDiag": "diag", "TensorScatterUpdate": "tensor_scatter_nd_update",
    "TensorScatterAdd": "tensor_scatter_nd_add", "Div": "divide",
  ]

  private static let others: [String: NodeRule] = [
    "Pack": NodeRule(function: "stack", attributes: ["axis": "axis"], operands: .list),
    "Unpack": NodeRule(function: "unstack", attributes: ["axis": "axis"]),
    "ConcatV2": NodeRule(function: "concat", operands: .listThenOne),
    "Concat": NodeRule(function: "concat", operands: .oneThenList),
    "AddN": NodeRule(function: "add_n", operands: .list),
    "Einsum": NodeRule(function: "einsum", attributes: ["equation": "equation"], operands: .list),
    "Split": NodeRule(function: "split", attributes: ["num_split": "num_or_size_splits"], operands: .split),
    "SplitV": NodeRule(function: "split"),
    "PadV2": NodeRule(function: "padv2"),
    "MirrorPad": NodeRule(function: "pad", attributes: ["mode": "mode"]),
    "GatherV2": NodeRule(function: "gatherv2", attributes: ["batch_dims": "batch_dims"]),
    "OneHot": NodeRule(function: "one_hot", attributes: ["axis": "axis", "T": "dtype"]),
    "Cast": NodeRule(function: "cast", attributes: ["DstT": "dtype"]),
    "LeakyRelu": NodeRule(function: "nn.leaky_relu", attributes: ["alpha": "alpha"]),
    "MatMul": NodeRule(
      function: "matmul", attributes: ["transpose_a": "transpose_a", "transpose_b": "transpose_b"]),
    "BatchMatMul": NodeRule(function: "matmul", attributes: ["adj_x": "adjoint_a", "adj_y": "adjoint_b"]),
    "BatchMatMulV2": NodeRule(function: "matmul", attributes: ["adj_x": "adjoint_a", "adj_y": "adjoint_b"]),
    "ArgMax": NodeRule(function: "argmax", attributes: ["output_type": "output_type"]),
    "ArgMin": NodeRule(function: "argmin", attributes: ["output_type": "output_type"]),
    "Shape": NodeRule(function: "shape", attributes: ["out_type": "out_type"]),
    "Size": NodeRule(function: "size", attributes: ["out_type": "out_type"]),
    "Squeeze": NodeRule(function: "squeeze", attributes: ["squeeze_dims": "axis"]),
    "Cumsum": NodeRule(function: "cumsum", attributes: ["exclusive": "exclusive", "reverse": "reverse"]),
    "Cumprod": NodeRule(function: "cumprod", attributes: ["exclusive": "exclusive", "reverse": "reverse"]),
    "BiasAdd": NodeRule(function: "nn.bias_add", attributes: ["data_format": "data_format"]),
    "DepthToSpace": NodeRule(
      function: "nn.depth_to_space", attributes: ["block_size": "block_size", "data_format": "data_format"]),
    "SpaceToDepth": NodeRule(
      function: "nn.space_to_depth", attributes: ["block_size": "block_size", "data_format": "data_format"]),
    "ResizeBilinear": NodeRule(
      function: "image.resize_bilinear",
      attributes: ["align_corners": "align_corners", "half_pixel_centers": "half_pixel_centers"]),
    "ResizeNearestNeighbor": NodeRule(
      function: "image.resize_nearest_neighbor",
      attributes: ["align_corners": "align_corners", "half_pixel_centers": "half_pixel_centers"]),
    "ExtractImagePatches": NodeRule(
      function: "image.extract_patches",
      attributes: ["ksizes": "sizes", "strides": "strides", "rates": "rates", "padding": "padding"]),
    "LRN": NodeRule(
      function: "nn.local_response_normalization",
      attributes: ["depth_radius": "depth_radius", "bias": "bias", "alpha": "alpha", "beta": "beta"]),
  ]
}
