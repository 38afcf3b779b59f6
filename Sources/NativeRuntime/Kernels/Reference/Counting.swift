import ModelIR

/// The numbers below a limit that depends on the data.
func count(_ limit: Tensor) throws -> Tensor {
  guard let number = try limit.elements(as: Int64.self).first else {
    throw KernelError("the limit has no element")
  }
  guard number <= 1 << 31 else { throw KernelError("a range of \(number) numbers is too large") }
  return Tensor(vector: Array(0..<max(number, 0)))
}
