import ModelIR

/// The factors that `enable_lora` adds to a layer, which HDF5 files of Keras 3 hold beside the kernel they adapt:
/// `kernel + alpha / rank * a . b`, `a` `[..., rank]` and `b` `[rank, width]`.
///
/// Source: `Dense.kernel` of `keras/src/layers/core/dense.py`, and the same of Conv, EinsumDense and Embedding.
struct LoRAFactors {
  typealias Array = (name: String, path: String)

  let a: Array
  let b: Array

  /// True for the name of a factor: `dense/lora_kernel_a`.
  static func isFactor(_ name: String) -> Bool {
    let last = name.split(separator: "/").last ?? ""  // A name without letters is no factor's.
    return last.hasPrefix("lora_")
  }

  /// The factors among the arrays of one layer; nil when there are none.
  /// - Throws: `corrupted` for factors that are not one pair.
  init?(_ arrays: [Array]) throws(KerasImportError) {
    let factors = arrays.filter { LoRAFactors.isFactor($0.name) }
    if factors.isEmpty { return nil }
    guard factors.count == 2,
      let a = factors.first(where: { $0.name.split(separator: ":")[0].hasSuffix("_a") }),
      let b = factors.first(where: { $0.name.split(separator: ":")[0].hasSuffix("_b") })
    else {
      throw KerasImportError(.corrupted("expected one pair of LoRA factors, found \(factors.map(\.name))"))
    }
    self.a = a
    self.b = b
  }

  /// The kernel as the adapted layer multiplies by it.
  func applied(to kernel: Tensor, _ a: Tensor, _ b: Tensor, of object: LayerObject) throws(KerasImportError)
    -> Tensor
  {
    guard let rank = a.sizes.last, b.sizes.count == 2, b.sizes[0] == rank, rank > 0,
      let width = kernel.sizes.last,
      b.sizes[1] == width, Swift.Array(a.sizes.dropLast()) == Swift.Array(kernel.sizes.dropLast())
    else {
      throw KerasImportError(
        .corrupted("LoRA factors of shapes \(a.sizes) and \(b.sizes) for a kernel \(kernel.sizes)"))
    }
    // Without an alpha of its own a layer takes the rank.
    let scale = (object.config["lora_alpha"]?.double ?? Double(rank)) / Double(rank)
    return try checkedTensor(
      Tensor.computed(dtype: kernel.dtype, sizes: kernel.sizes) {
        var values = try kernel.doubles()
        let (left, right) = (try a.doubles(), try b.doubles())
        for index in values.indices {
          let (row, column) = (index / width, index % width)
          for k in 0..<rank { values[index] += scale * left[row * rank + k] * right[k * width + column] }
        }
        return values
      })
  }
}
