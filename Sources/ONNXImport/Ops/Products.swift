import ModelIR
import ONNXFormat

extension NodeReader {
  static let products: [String: Reading] = [
    "MatMul": .other({ node throws(ONNXImportError) in try node.emit(.matMul, node.operands()) }),
    "Gemm": .other({ node throws(ONNXImportError) in
      let values = try node.operands()
      guard let x = values.first, node.type(x).shape.rank == 2 else { throw .damaged("expected a matrix") }
      try node.emit(.dense(Epilogue()), values)
    }),
    "Einsum": .other({ node throws(ONNXImportError) in
      try node.emit(.einsum(node.required("equation", node.string("equation"))), node.operands())
    }),
  ]
}
