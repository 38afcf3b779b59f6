import ModelIR

/// `softmax(scale * q . k + mask) . v` for each head: ``Op/attention(_:)``.
func attention(_ attributes: AttentionAttributes, _ x: [Tensor]) throws -> Tensor {
  let query = try heads(x[0], attributes.heads, repeats: 1)
  let repeats = attributes.heads / attributes.keyHeads
  let key = try heads(x[1], attributes.keyHeads, repeats: repeats)
  let value = try heads(x[2], attributes.keyHeads, repeats: repeats)
  let products = try matMul(query, transpose(key, [0, 1, 3, 2]))
  var scores = try binary(.multiply, products, Tensor(scalar: attributes.scale, products.dtype))
  if x.count > 3 { scores = try binary(.add, scores, x[3]) }
  let context = try transpose(matMul(softmax(scores, 3, isLog: false), value), [0, 2, 1, 3])
  return try context.reshaped([context.sizes[0], context.sizes[1], context.sizes[2] * context.sizes[3]])
}

/// `[N, T, K D]` as `[N, K R, T, D]`, each head so often in a row.
private func heads(_ x: Tensor, _ count: Int, repeats: Int) throws -> Tensor {
  let (batch, steps, size) = (x.sizes[0], x.sizes[1], x.sizes[2] / count)
  let split = try transpose(x.reshaped([batch, steps, count, size]), [0, 2, 1, 3])
  let wide = try split.reshaped([batch, count, 1, steps, size]).broadcast(to: [
    batch, count, repeats, steps, size,
  ])
  return try wide.reshaped([batch, count * repeats, steps, size])
}
