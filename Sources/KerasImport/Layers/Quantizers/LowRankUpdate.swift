import ModelIR

/// LoRA: what `enable_lora` adds to a kernel, `alpha / rank * a . b`.
///
/// Archives hold the sum already, as Keras saves it; HDF5 files hold the factors, which are added when the weights are
/// bound (``WeightBinding/mergeLowRankUpdates(of:)``). Beside a quantised kernel they stay apart, and so does their
/// product. Source: `keras/src/layers/core/dense.py`, `kernel` and `_int8_call`.
struct LowRankUpdate: Sendable {
  /// `alpha / rank`; nil without LoRA.
  let factor: Double?
  let rank: Int

  static let none = LowRankUpdate(factor: nil, rank: 0)

  private init(factor: Double?, rank: Int) {
    self.factor = factor
    self.rank = rank
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let rank = try config.optionalInt("lora_rank"), rank > 0 else {
      self = .none
      return
    }
    self.init(factor: try config.double("lora_alpha", default: Double(rank)) / Double(rank), rank: rank)
  }

  /// The factors, `lora_kernel_a` and `lora_kernel_b`, which archives do not have.
  func weights(_ role: String) -> [WeightSpec] {
    guard let factor else { return [] }
    return ["a", "b"].map { part in
      var spec = WeightSpec("lora_\(role)_\(part)")
      spec.isRequired = false
      spec.factor = LowRankFactor(kernel: role, rank: rank, isFirst: part == "a", scale: factor)
      return spec
    }
  }

  /// The kernel itself, which LoRA freezes.
  func kernelWeight(_ role: String) -> WeightSpec { WeightSpec(role, isTrainable: factor == nil) }

  /// `a` and `b` of a quantised kernel; nil where the file has none.
  private func factors(_ role: String, in scope: LoweringScope) throws(KerasImportError) -> (
    a: Value, b: Value
  )? {
    guard factor != nil, scope.hasWeight("lora_\(role)_a"), scope.hasWeight("lora_\(role)_b") else {
      return nil
    }
    let (a, b) = (try scope.tensor("lora_\(role)_a"), try scope.tensor("lora_\(role)_b"))
    return (
      try scope.weight("lora_\(role)_a", Shape(Array(a.sizes.dropLast()) + [rank])),
      try scope.weight("lora_\(role)_b", Shape([rank] + Array(b.sizes.dropFirst())))
    )
  }

  /// A quantised layer's result with the update of its product.
  func added(
    to y: Value, _ x: Value, _ role: String, in scope: LoweringScope,
    _ product: (Value, Value) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    guard let factor, let (a, b) = try factors(role, in: scope) else { return y }
    return try scope.add(y, scope.multiply(product(x, scope.matMul(a, b)), factor))
  }

  /// What the update adds to rows of a quantised table; nil where the file has no factors.
  func updateRows(at indices: Value, _ role: String, in scope: LoweringScope) throws(KerasImportError)
    -> Value?
  {
    guard let factor, let (a, b) = try factors(role, in: scope) else { return nil }
    let rows = try scope.emit(.gather(axis: 0), a, indices)
    return try scope.multiply(scope.product(rows, b), factor)
  }
}

/// One of the two factors of what LoRA adds to a kernel.
package struct LowRankFactor: Hashable, Sendable {
  /// The kernel's role.
  package var kernel: String
  package var rank: Int
  /// True for `a`, which has the kernel's axes but the last; `b` has the last.
  package var isFirst: Bool
  /// `alpha / rank`.
  package var scale: Double

  /// The number of elements beside a kernel of these sizes.
  package func elementCount(kernel sizes: [Int]) -> Int {
    (isFirst ? sizes.dropLast() : sizes.suffix(1)).reduce(1, *) * rank
  }
}

extension WeightBinding {
  /// Puts the sum in place of each floating kernel whose update the file holds apart, as Keras does when it saves an archive.
  /// - Throws: `weightShape` for factors that do not fit their kernel.
  mutating func mergeLowRankUpdates(of graph: LayerGraph) throws(KerasImportError) {
    let hasUpdates = tensors.values.contains { $0.keys.contains { $0.hasPrefix("lora_") } }
    guard hasUpdates else { return }
    for place in graph.places {
      let key = ObjectIdentifier(place.object)
      for first in place.object.layer.weights {
        guard let factor = first.factor, factor.isFirst, let kernel = tensors[key]?[factor.kernel],
          kernel.dtype.isFloatingPoint, let a = tensors[key]?[first.name]
        else { continue }
        let second = String(first.name.dropLast()) + "b"
        do throws(KerasImportError) {
          guard let b = tensors[key]?[second] else { throw KerasImportError(.weightNotFound(second)) }
          tensors[key]?[factor.kernel] = try WeightBinding.sum(
            kernel, a, b, factor, names: (first.name, second))
          tensors[key]?[first.name] = nil
          tensors[key]?[second] = nil
        } catch {
          throw error.at(place.step)
        }
      }
    }
  }

  /// `kernel + scale * a . b` in float32 (float64 for such kernels), computed when it is read.
  private static func sum(
    _ kernel: Tensor, _ a: Tensor, _ b: Tensor, _ factor: LowRankFactor, names: (String, String)
  ) throws(KerasImportError) -> Tensor {
    let rank = factor.rank
    guard let columns = kernel.sizes.last else {
      throw KerasImportError(.weightShape(names.0, expected: [.fixed(rank)], found: [], origin: nil))
    }
    let expected = (Array(kernel.sizes.dropLast()) + [rank], [rank, columns])
    for (name, found, wanted) in [(names.0, a.sizes, expected.0), (names.1, b.sizes, expected.1)]
    where found != wanted {
      throw KerasImportError(.weightShape(name, expected: Shape(wanted), found: Shape(found), origin: nil))
    }
    let scale = Float(factor.scale)
    return try computedTensor(dtype: kernel.dtype == .float64 ? .float64 : .float32, sizes: kernel.sizes) {
      let (left, right) = (try [Float](a), try [Float](b))
      var result = try kernel.doubles()
      for index in result.indices {
        let (row, column) = index.quotientAndRemainder(dividingBy: columns)
        var sum: Float = 0
        for step in 0..<rank { sum += left[row * rank + step] * right[step * columns + column] }
        result[index] += Double(scale * sum)
      }
      return result
    }
  }
}
