import CONNX
import CProtobufC
import ModelIR
import ONNXFormat

/// Packs an ``ONNXGraph`` with protobuf-c and streams it into a file.
///
/// protobuf-c hands every bytes field to the buffer's `append` in one piece and never looks inside, so the data pointer
/// of a tensor is a token that stands for it; `append` writes the tensor's pieces in its place.
final class ModelFile {
  private let graph: ONNXGraph
  private let domains: Set<String>
  private let writer: ONNXWriter
  private var arena = Arena()
  /// The tensors that tokens stand for, by token.
  private var tensors: [Tensor] = []
  private var external: [(tensor: Tensor, offset: Int)] = []
  private var externalSize = 0
  private var usesExternalData = false
  private var sideFile = ""

  /// Tensors up to this size stay in the model file even with external data.
  private static let inlineLimit = 1 << 10
  /// Tokens are addresses below the first page, which no object has.
  private static let tokenLimit = 1 << 31

  init(_ graph: ONNXGraph, domains: Set<String>, writer: ONNXWriter) {
    self.graph = graph
    self.domains = domains
    self.writer = writer
  }

  func write(to path: String, confirm: (WrittenModel) throws -> Void) throws {
    let total =
      graph.initializers.reduce(0) { $0 + $1.tensor.byteCount }
      + graph.packed.reduce(0) { $0 + $1.bytes.byteCount }
    usesExternalData = writer.usesExternalData || total > (1 << 31) - (1 << 24)
    sideFile = (path.split(separator: "/").last.map(String.init) ?? "model.onnx") + ".data"
    let model = makeModel()
    let output = try ModelOutput(path)
    try pack(model, into: output)
    let side = usesExternalData ? try sideFile(beside: path) : nil
    try output.flush()
    try side?.flush()
    try confirm(
      WrittenModel(model: output, side: side, sideName: sideFile, nodeCount: graph.nodes.count))
    try output.commit(with: side)
  }

  // MARK: Messages

  private func makeModel() -> UnsafeMutablePointer<Onnx__ModelProto> {
    let model = arena.make(Onnx__ModelProto.self, onnx__model_proto__init)
    model.pointee.has_ir_version = 1
    model.pointee.ir_version = ModelFile.formatVersion(opset: writer.opset)
    model.pointee.producer_name = arena.string("kconvert")
    model.pointee.producer_version = arena.string(writer.producerVersion)
    model.pointee.graph = make(graph)
    // In an order of their own: the same model gives the same bytes.
    (model.pointee.metadata_props, model.pointee.n_metadata_props) = arena.list(
      writer.properties.sorted { $0.key < $1.key }.map(makeEntry))
    let versions = [("", writer.opset)] + domains.sorted().map { ($0, 3) }
    (model.pointee.opset_import, model.pointee.n_opset_import) = arena.list(
      versions.map { domain, version in
        let entry = arena.make(Onnx__OperatorSetIdProto.self, onnx__operator_set_id_proto__init)
        entry.pointee.domain = arena.string(domain)
        entry.pointee.has_version = 1
        entry.pointee.version = Int64(version)
        return entry
      })
    return model
  }

  private func make(_ graph: ONNXGraph) -> UnsafeMutablePointer<Onnx__GraphProto> {
    let proto = arena.make(Onnx__GraphProto.self, onnx__graph_proto__init)
    proto.pointee.name = arena.string(graph.name)
    (proto.pointee.node, proto.pointee.n_node) = arena.list(graph.nodes.map(make))
    (proto.pointee.initializer, proto.pointee.n_initializer) = arena.list(
      graph.initializers.map { make($0.tensor, $0.name) } + graph.packed.map(make))
    (proto.pointee.input, proto.pointee.n_input) = arena.list(graph.inputs.map(make))
    (proto.pointee.output, proto.pointee.n_output) = arena.list(graph.outputs.map(make))
    (proto.pointee.value_info, proto.pointee.n_value_info) = arena.list(graph.values.map(make))
    return proto
  }

  private func make(_ node: ONNXNode) -> UnsafeMutablePointer<Onnx__NodeProto> {
    let proto = arena.make(Onnx__NodeProto.self, onnx__node_proto__init)
    (proto.pointee.input, proto.pointee.n_input) = arena.list(node.inputs.map { arena.string($0) })
    (proto.pointee.output, proto.pointee.n_output) = arena.list(node.outputs.map { arena.string($0) })
    proto.pointee.name = arena.string(node.name)
    proto.pointee.op_type = arena.string(node.op)
    if !node.origin.isEmpty { proto.pointee.doc_string = arena.string(node.origin) }
    if !node.domain.isEmpty { proto.pointee.domain = arena.string(node.domain) }
    (proto.pointee.attribute, proto.pointee.n_attribute) = arena.list(
      node.attributes.map { make($0.name, $0.value) })
    return proto
  }

  private func make(_ name: String, _ value: ONNXAttribute) -> UnsafeMutablePointer<Onnx__AttributeProto> {
    let proto = arena.make(Onnx__AttributeProto.self, onnx__attribute_proto__init)
    proto.pointee.name = arena.string(name)
    proto.pointee.has_type = 1
    switch value {
    case .int(let int):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT
      (proto.pointee.has_i, proto.pointee.i) = (1, Int64(int))
    case .float(let float):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT
      (proto.pointee.has_f, proto.pointee.f) = (1, Float(float))
    case .string(let string):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING
      (proto.pointee.has_s, proto.pointee.s) = (1, arena.bytes(string))
    case .ints(let ints):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
      (proto.pointee.ints, proto.pointee.n_ints) = arena.list(ints.map(Int64.init))
    case .floats(let floats):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
      (proto.pointee.floats, proto.pointee.n_floats) = arena.list(floats.map(Float.init))
    case .strings(let strings):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS
      (proto.pointee.strings, proto.pointee.n_strings) = arena.list(strings.map { arena.bytes($0) })
    case .graph(let graph):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
      proto.pointee.g = make(graph)
    case .tensor(let tensor):
      proto.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR
      proto.pointee.t = make(tensor, "")
    }
    return proto
  }

  private func make(_ tensor: Tensor, _ name: String) -> UnsafeMutablePointer<Onnx__TensorProto> {
    let proto = arena.make(Onnx__TensorProto.self, onnx__tensor_proto__init)
    (proto.pointee.dims, proto.pointee.n_dims) = arena.list(tensor.sizes.map(Int64.init))
    (proto.pointee.has_data_type, proto.pointee.data_type) = (1, tensor.dtype.onnxType)
    proto.pointee.name = arena.string(name)
    if let strings = tensor.strings {
      (proto.pointee.string_data, proto.pointee.n_string_data) = arena.list(strings.map { arena.bytes($0) })
      return proto
    }
    if usesExternalData, tensor.byteCount > ModelFile.inlineLimit {
      let offset = (externalSize + 4095) / 4096 * 4096
      external.append((tensor, offset))
      externalSize = offset + tensor.byteCount
      let entries = [("location", sideFile), ("offset", "\(offset)"), ("length", "\(tensor.byteCount)")]
      (proto.pointee.external_data, proto.pointee.n_external_data) = arena.list(entries.map(makeEntry))
      (proto.pointee.has_data_location, proto.pointee.data_location) = (
        1, ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL
      )
      return proto
    }
    tensors.append(tensor)
    let token = UnsafeMutablePointer<UInt8>(bitPattern: tensors.count)
    proto.pointee.has_raw_data = 1
    proto.pointee.raw_data = ProtobufCBinaryData(
      len: tensor.elementCount * tensor.dtype.byteCount, data: token)
    return proto
  }

  private func make(_ packed: ONNXPackedTensor) -> UnsafeMutablePointer<Onnx__TensorProto> {
    let proto = make(packed.bytes, packed.name)
    (proto.pointee.dims, proto.pointee.n_dims) = arena.list(packed.sizes.map(Int64.init))
    proto.pointee.data_type = packed.onnxType
    return proto
  }

  /// The version of the file format that came with an opset: 4-bit numbers need 10.
  private static func formatVersion(opset: Int) -> Int64 {
    switch opset {
    case ...18: 8
    case ...20: 9
    case ...22: 10
    case ...23: 11
    case 24: 12
    default: 13
    }
  }

  private func makeEntry(_ key: String, _ value: String) -> UnsafeMutablePointer<Onnx__StringStringEntryProto>
  {
    let entry = arena.make(Onnx__StringStringEntryProto.self, onnx__string_string_entry_proto__init)
    entry.pointee.key = arena.string(key)
    entry.pointee.value = arena.string(value)
    return entry
  }

  private func make(_ value: ONNXValue) -> UnsafeMutablePointer<Onnx__ValueInfoProto> {
    let shape = arena.make(Onnx__TensorShapeProto.self, onnx__tensor_shape_proto__init)
    (shape.pointee.dim, shape.pointee.n_dim) = arena.list(
      value.type.shape.dimensions.map { dimension in
        let proto = arena.make(
          Onnx__TensorShapeProto__Dimension.self, onnx__tensor_shape_proto__dimension__init)
        if let size = dimension.fixedSize {
          proto.pointee.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
          proto.pointee.dim_value = Int64(size)
        } else {
          proto.pointee.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
          proto.pointee.dim_param = arena.string(dimension.description)
        }
        return proto
      })
    let tensor = arena.make(Onnx__TypeProto__Tensor.self, onnx__type_proto__tensor__init)
    (tensor.pointee.has_elem_type, tensor.pointee.elem_type) = (1, value.type.dtype.onnxType)
    tensor.pointee.shape = shape
    let type = arena.make(Onnx__TypeProto.self, onnx__type_proto__init)
    type.pointee.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
    type.pointee.tensor_type = tensor
    let proto = arena.make(Onnx__ValueInfoProto.self, onnx__value_info_proto__init)
    proto.pointee.name = arena.string(value.name)
    proto.pointee.type = type
    return proto
  }

  // MARK: Packing

  /// What protobuf-c's buffer points to; its first member is the buffer itself.
  private struct StreamBuffer {
    var base: ProtobufCBuffer
    var stream: Unmanaged<Stream>
  }

  /// Where packed bytes go, and the first error met.
  private final class Stream {
    let output: ModelOutput
    let tensors: [Tensor]
    var error: ONNXExportError?
    /// Pieces of a few bytes each, collected.
    private var pending: [UInt8] = []
    private static let pendingByteCount = 1 << 16

    init(_ output: ModelOutput, _ tensors: [Tensor]) {
      self.output = output
      self.tensors = tensors
    }

    func append(_ count: Int, _ data: UnsafePointer<UInt8>?) {
      guard error == nil, count > 0 else { return }
      do {
        let address = Int(bitPattern: data)
        if address > 0, address <= tensors.count, address < ModelFile.tokenLimit {
          try flush()
          output.append(tensors[address - 1])
        } else {
          pending.append(contentsOf: UnsafeRawBufferPointer(start: data, count: count))
          if pending.count >= Stream.pendingByteCount { try flush() }
        }
      } catch {
        self.error = error
      }
    }

    /// Hands on what was collected.
    func flush() throws(ONNXExportError) {
      guard error == nil, !pending.isEmpty else { return }
      try pending.withUnsafeBytes { bytes in
        Result { () throws(ONNXExportError) in try output.append(bytes) }
      }.get()
      pending.removeAll(keepingCapacity: true)
    }
  }

  private func pack(_ model: UnsafeMutablePointer<Onnx__ModelProto>, into output: ModelOutput)
    throws(ONNXExportError)
  {
    let stream = Stream(output, tensors)
    let append: @convention(c) (UnsafeMutablePointer<ProtobufCBuffer>?, Int, UnsafePointer<UInt8>?) -> Void =
      { buffer, count, data in
        guard let buffer else { return }
        let whole = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: StreamBuffer.self)
        whole.pointee.stream.takeUnretainedValue().append(count, data)
      }
    var buffer = StreamBuffer(base: ProtobufCBuffer(append: append), stream: .passUnretained(stream))
    withExtendedLifetime(stream) {
      withUnsafeMutablePointer(to: &buffer) { pointer in
        let base = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: ProtobufCBuffer.self)
        let message = UnsafeMutableRawPointer(model).assumingMemoryBound(to: ProtobufCMessage.self)
        _ = protobuf_c_message_pack_to_buffer(message, base)
      }
    }
    if let error = stream.error { throw error }
    try stream.flush()
  }

  private func sideFile(beside path: String) throws(ONNXExportError) -> ModelOutput {
    let side = try ModelOutput(path + ".data")
    for (tensor, offset) in external {
      try side.pad(to: offset)
      side.append(tensor)
    }
    return side
  }
}
