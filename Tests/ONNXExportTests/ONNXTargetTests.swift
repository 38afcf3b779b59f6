import GraphTesting
import ModelIR
import Testing

@testable import ONNXExport

/// Every kind of operation in ONNX's terms at every opset, with the same numbers by the reference kernels.
struct ONNXTargetTests {
  struct Sample: CustomStringConvertible, Sendable {
    let description: String
    let build: @Sendable (inout PassGraph) throws -> Void
  }

  static let opsets = [13, 15, 17, 18, 20, 21, 23]

  private static func unary(_ functions: UnaryFunction..., dtype: DType = .float32) -> [Sample] {
    functions.map { function in
      Sample(description: "\(function) \(dtype)") { g in
        g.output(try g.emit(.unary(function), g.input(3, 7, dtype: dtype)))
      }
    }
  }

  private static func binary(_ functions: BinaryFunction..., dtype: DType) -> [Sample] {
    functions.map { function in
      Sample(description: "\(function) \(dtype)") { g in
        let other = try g.weight(7, offset: dtype.isFloatingPoint ? 0.03 : 2, dtype: dtype)
        g.output(try g.emit(.binary(function), g.input(3, 7, dtype: dtype), other))
      }
    }
  }

  /// Every bit set and not set in both operands, the sign's too.
  private static let bitwise = [DType.int8, .uint8, .int16, .uint32, .int64, .uint64].map { dtype in
    Sample(description: "bits of \(dtype)") { g in
      func numbers(_ words: [Int64], _ name: String) throws -> Value {
        let words = g.graph.constant(Tensor(vector: words), name: "words")
        let moved = try g.emit(.binary(.add), g.input(3, 1, name: name, dtype: .int64), words)
        return try g.emit(.cast(dtype), moved)
      }
      let a = try numbers([0, -1, .min, .max, 0x0F0F_3355_0F0F_3355, -0x1234_5678_9ABC_DEF0], "a")
      let b = try numbers([-7, 0x7FFF_0000_FFFF_0000, -1, .min, 0x3355_0F0F_00FF_FF00, 42], "b")
      for function in [BinaryFunction.bitwiseAnd, .bitwiseOr, .bitwiseXor] {
        g.output(try g.emit(.binary(function), a, b))
      }
      g.output(try g.emit(.unary(.bitwiseNot), a))
    }
  }

  /// Updates of one place more than once, places without any, coordinates from the end.
  private static let scatters = [ScatterReduction.add, .multiply, .maximum, .minimum].flatMap { reduction in
    [DType.float32, .int32].map { dtype in
      Sample(description: "\(reduction) scattered, \(dtype)") { g in
        let rows = g.graph.constant(try Tensor([3, 0, -2, 3], sizes: [4, 1], dtype: .int64), name: "rows")
        let cells = g.graph.constant(
          try Tensor([3, 1, 0, -1, 3, 1], sizes: [3, 2], dtype: .int64), name: "cells")
        let x = g.input(5, 3, dtype: dtype)
        let updates = try g.weight(4, 3, offset: 2, dtype: dtype)
        g.output(try g.emit(.scatterND(reduction), x, rows, updates))
        g.output(try g.emit(.scatterND(reduction), x, cells, g.weight(3, offset: -2, dtype: dtype)))
      }
    }
  }

  static let samples: [Sample] =
    unary(
      .square, .expm1, .truncate, .gelu(approximate: true), .gelu(approximate: false), .swish, .hardSwish,
      .mish)
    + unary(.negate, .absolute, .sign, .square, dtype: .int8) + unary(.relu, dtype: .int32)
    + unary(.sin, .elu(alpha: 1), dtype: .float64)
    + binary(.add, .multiply, .modulo, .floorDivide, .atan2, .remainder, .maximum, dtype: .float32)
    + binary(.add, .floorDivide, .modulo, .shiftLeft, .shiftRight, dtype: .int32)
    + binary(.add, .floorDivide, .maximum, dtype: .uint8)
    + bitwise + scatters
    + [
      Sample(description: "comparisons and selections of small integers") { g in
        let x = g.input(3, 7, dtype: .int8)
        let differs = try g.emit(.compare(.notEqual), x, g.scalar(3, .int8))
        g.output(try g.emit(.select, differs, x, g.scalar(9, .int8)))
        g.output(try g.emit(.compare(.notEqual), x, g.scalar(0, .int8)))
        g.output(try g.emit(.cast(.bool), g.input(4, name: "z")))
      },
      Sample(description: "reductions") { g in
        let x = g.input(2, 3, 4)
        g.output(try g.emit(.reduce(.logSumExp, axes: [1], keepDims: false), x))
        g.output(try g.emit(.reduce(.mean, axes: [0, 2], keepDims: true), x))
        let isPositive = try g.emit(.compare(.greater), x, g.scalar(0))
        g.output(try g.emit(.reduce(.any, axes: [2], keepDims: false), isPositive))
        g.output(try g.emit(.reduce(.all, axes: [2], keepDims: true), isPositive))
        g.output(try g.emit(.cumulative(.product, axis: 1, reverse: true, exclusive: true), x))
        g.output(try g.emit(.cumulative(.maximum, axis: 2, reverse: false, exclusive: false), x))
      },
      Sample(description: "normalizations") { g in
        let x = g.input(2, 3, 4)
        let operands = [x, try g.weight(4), try g.weight(4), try g.weight(4), try g.weight(4, offset: 2)]
        g.output(try g.emitAll(.batchNormalization(axis: 2, epsilon: 1e-3), operands)[0])
        g.output(
          try g.emit(.normalization(.layer(axis: 1), epsilon: 1e-3), x, g.weight(3, 4), g.weight(3, 4)))
        g.output(try g.emit(.normalization(.rootMeanSquare(axis: 1), epsilon: 1e-3), x, g.weight(3, 4)))
        g.output(try g.emit(.normalization(.groups(2, axis: 2), epsilon: 1e-3), x, g.weight(4), g.weight(4)))
        g.output(try g.emit(.normalization(.groups(3, axis: 1), epsilon: 1e-3), x, g.weight(3), g.weight(3)))
      },
      Sample(description: "movement") { g in
        let x = g.input(2, 3, 4)
        let pads = [PadPair(0, 0), PadPair(2, 1), PadPair(1, 3)]
        g.output(try g.emit(.pad(PadAttributes(pads: pads, mode: .symmetric)), x))
        g.output(try g.emit(.reverse(axes: [0, 2]), x))
        g.output(try g.emit(.triangle(upper: true, k: 1), x))
        g.output(try g.emit(.triangle(upper: false, k: -1), g.input(4, 3, name: "i", dtype: .int32)))
        let places = g.graph.constant(Tensor(vector: [2, 0, 1] as [UInt8]), name: "places")
        g.output(try g.emit(.gather(axis: 1), x, places))
      },
      Sample(description: "convolutions with what follows them") { g in
        var attributes = ConvAttributes(
          strides: [2, 1], dilations: [1, 1], padding: .sameUpper, groups: 1, layout: .channelsLast)
        attributes.epilogue = Epilogue(addsOperand: true, function: .relu)
        let x = g.input(1, 6, 5, 2)
        g.output(try g.emit(.conv(attributes), x, g.weight(3, 3, 2, 4), g.weight(4), g.weight(1, 3, 5, 4)))
        let transposed = ConvTransposeAttributes(
          strides: [2, 2], dilations: [1, 1], pads: [PadPair(0, 0), PadPair(1, 1)], outputPadding: [3, 1],
          layout: .channelsLast)
        g.output(try g.emit(.convTranspose(transposed), x, g.weight(3, 3, 4, 2), g.weight(4)))
        g.output(try g.emit(.dense(Epilogue(function: .tanh)), x, g.weight(2, 3), g.weight(3)))
      },
    ]

  @Test(arguments: samples, opsets) func `an operation means the same`(sample: Sample, opset: Int) throws {
    var g = PassGraph()
    try sample.build(&g)
    let target = ONNXTable(opset: opset).target
    let graph = try Pipeline.exchange(target).run(on: g.graph)
    try g.checkSame(graph, tolerance: 1e-5)
    for node in graph.nodes { #expect(target.takes(node.op, node.inputs.map { graph.type(of: $0) })) }
  }

  @Test func `what an opset lacks is refused by name`() throws {
    var g = PassGraph()
    // More pairs of places and updates than are compared.
    let (x, places) = (g.input(1 << 13), g.input(1 << 12, 1, name: "places", dtype: .int64))
    g.output(try g.emit(.scatterND(.maximum), x, places, g.input(1 << 12, name: "updates")))
    #expect(
      throws: GraphError(
        "expected opset 18 or higher for ScatterND, found 17", op: "ScatterND", node: "ScatterND_0")
    ) { try Pipeline.exchange(ONNXTable(opset: 17).target).run(on: g.graph) }
  }
}
