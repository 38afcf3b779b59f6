import ModelIR

/// Operands are contracted from the left; each step is a batched matrix product.
func einsum(_ equation: EinsumEquation, _ x: [Tensor]) throws -> Tensor {
  var sizes: [Character: Int] = [:]
  for (letters, tensor) in zip(equation.inputs, x) {
    // A size of 1 is repeated, also no time at all.
    for (letter, size) in zip(letters, tensor.sizes) {
      sizes[letter] = size == 1 ? sizes[letter, default: 1] : size
    }
  }
  var letters = unique(equation.inputs[0])
  var result = try arranged(x[0], equation.inputs[0], as: letters, sizes)
  for index in x.indices.dropFirst() {
    let needed = Set(equation.output + equation.inputs[(index + 1)...].joined())
    let right = unique(equation.inputs[index])
    let operand = try arranged(x[index], equation.inputs[index], as: right, sizes)
    (result, letters) = try contract(result, letters, operand, right, needed, sizes)
  }
  let extra = letters.indices.filter { !equation.output.contains(letters[$0]) }
  if !extra.isEmpty {
    result = try reduce(.sum, result, extra, false)
    letters = letters.filter { equation.output.contains($0) }
  }
  return try transpose(result, equation.output.compactMap { letters.firstIndex(of: $0) })
}

private func unique(_ letters: [Character]) -> [Character] {
  var seen: Set<Character> = []
  return letters.filter { seen.insert($0).inserted }
}

/// An operand with its axes in another order: repeated letters read the diagonal, sizes of 1 are repeated.
private func arranged(
  _ x: Tensor, _ letters: [Character], as target: [Character], _ sizes: [Character: Int]
) throws -> Tensor {
  let own = strides(of: x.sizes)
  var steps: [Character: Int] = [:]
  for (axis, letter) in letters.enumerated() where x.sizes[axis] > 1 {
    steps[letter, default: 0] += own[axis]
  }
  let result = target.compactMap { sizes[$0] }  // Every letter has a size: they are the operands'.
  if target == letters, result == x.sizes { return x }
  return try strided(x, sizes: result, strides: target.map { steps[$0, default: 0] }, offset: 0)
}

private func contract(
  _ a: Tensor, _ left: [Character], _ b: Tensor, _ right: [Character], _ needed: Set<Character>,
  _ sizes: [Character: Int]
) throws -> (Tensor, [Character]) {
  let shared = left.filter(right.contains)
  let batch = shared.filter(needed.contains)
  let summed = shared.filter { !needed.contains($0) }
  let rows = left.filter { !right.contains($0) }
  let columns = right.filter { !left.contains($0) }
  func size(_ letters: [Character]) -> Int { letters.compactMap { sizes[$0] }.reduce(1, *) }
  let first = try arranged(a, left, as: batch + rows + summed, sizes)
  let second = try arranged(b, right, as: batch + summed + columns, sizes)
  let matrixA = try Tensor(
    dtype: a.dtype, sizes: [size(batch), size(rows), size(summed)], storage: first.storage)
  let matrixB = try Tensor(
    dtype: b.dtype, sizes: [size(batch), size(summed), size(columns)], storage: second.storage)
  let product = try matMul(matrixA, matrixB)
  let letters = batch + rows + columns
  return try (
    Tensor(dtype: product.dtype, sizes: letters.compactMap { sizes[$0] }, storage: product.storage), letters
  )
}
