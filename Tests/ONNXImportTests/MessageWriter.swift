/// Writes messages of protocol buffers field by field, right or wrong.
struct MessageWriter {
  private(set) var bytes: [UInt8] = []

  init(_ build: (inout MessageWriter) -> Void = { _ in }) { build(&self) }

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func tag(_ field: UInt64, _ wireType: UInt64) { varint(field << 3 | wireType) }

  mutating func number(_ field: UInt64, _ value: Int) {
    tag(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func data(_ field: UInt64, _ content: [UInt8]) {
    tag(field, 2)
    varint(UInt64(content.count))
    bytes += content
  }

  mutating func text(_ field: UInt64, _ text: String) { data(field, Array(text.utf8)) }

  mutating func message(_ field: UInt64, _ build: (inout MessageWriter) -> Void) {
    data(field, MessageWriter(build).bytes)
  }
}

/// A model of one input `x [n, 2]` and one output `y`, as ONNX has it.
struct SmallModel {
  var version = 8
  var opsets = [("", 18)]
  /// Further fields of the graph and of the model.
  var graph: (inout MessageWriter) -> Void = { _ in }
  var model: (inout MessageWriter) -> Void = { _ in }

  /// A graph of one node.
  init(_ op: String, inputs: [String] = ["x"], _ node: @escaping (inout MessageWriter) -> Void = { _ in }) {
    graph = { $0.message(1) { SmallModel.write(op, inputs: inputs, to: &$0, node) } }
  }

  static func write(
    _ op: String, inputs: [String], output: String = "y", to writer: inout MessageWriter,
    _ node: (inout MessageWriter) -> Void = { _ in }
  ) {
    for input in inputs { writer.text(1, input) }
    writer.text(2, output)
    writer.text(3, "n")
    writer.text(4, op)
    node(&writer)
  }

  private static func value(_ name: String, _ writer: inout MessageWriter) {
    writer.text(1, name)
    writer.message(2) { type in
      type.message(1) { tensor in
        tensor.number(1, 1)
        tensor.message(2) { shape in
          shape.message(1) { $0.text(2, "n") }
          shape.message(1) { $0.number(1, 2) }
        }
      }
    }
  }

  var bytes: [UInt8] {
    MessageWriter { model in
      model.number(1, version)
      model.message(7) { graph in
        self.graph(&graph)
        graph.message(11) { SmallModel.value("x", &$0) }
        graph.message(12) { SmallModel.value("y", &$0) }
      }
      for (domain, version) in opsets {
        model.message(8) {
          $0.text(1, domain)
          $0.number(2, version)
        }
      }
      self.model(&model)
    }.bytes
  }
}
