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
    "Attention": .other({ node throws(ONNXImportError) in
      try node.emit(
        .attention(
          AttentionAttributes(
            heads: node.required("q_num_heads", node.int("q_num_heads")),
            keyHeads: node.required("kv_num_heads", node.int("kv_num_heads")),
            scale: node.required("scale", node.float("scale")))), node.operands())
    }),
    "Einsum": .other({ node throws(ONNXImportError) in
      try node.emit(.einsum(node.required("equation", node.string("equation"))), node.operands())
    }),
  ]
}
