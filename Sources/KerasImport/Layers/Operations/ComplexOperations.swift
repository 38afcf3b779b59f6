import ModelIR

/// Operations that make, read and take apart complex tensors. A complex tensor is a value (its real part) and a second
/// one beside it; it may pass between these operations only, and not out of the model.
extension OperationCall {
  /// A tensor that may be complex.
  private func complexTensor(_ name: String, at position: Int) throws(KerasImportError) -> Complex {
    guard case .tensor(let operand)? = argument(name, at: position) else {
      return Complex(real: try tensor(name, at: position), imaginary: nil)
    }
    try scope.state.checkUse(of: operand.value, allowsComplex: true)
    return Complex(real: operand.value, imaginary: scope.state.imaginaryParts[operand.value])
  }

  /// A value of its own that stands for a complex tensor.
  private func joined(_ x: Complex) throws(KerasImportError) -> Value {
    let value = try scope.emit(.reshape(scope.shape(of: x.real)), x.real)
    scope.state.imaginaryParts[value] = x.imaginary
    return value
  }

  /// `abs (cos angle + i sin angle)`.
  func polar() throws(KerasImportError) -> Value {
    let x = try floatingOperands("abs_", "angle")
    return try joined(
      Complex(
        real: scope.multiply(x[0], scope.unary(.cos, x[1])),
        imaginary: scope.multiply(x[0], scope.unary(.sin, x[1]))))
  }

  /// The last axis, of two elements, as real and imaginary part.
  func viewAsComplex() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let parts = try scope.unstacked(x, axis: scope.axis(-1, rank: scope.rank(of: x)))
    guard parts.count == 2 else {
      throw KerasImportError(.invalidGraph("complex numbers of \(parts.count) elements"))
    }
    return try joined(Complex(real: parts[0], imaginary: parts[1]))
  }

  /// Real and imaginary part as a new last axis.
  func viewAsReal() throws(KerasImportError) -> Value {
    let parts = try complexTensor("x", at: 0).parts(scope)
    return try scope.stack(parts, axis: scope.rank(of: parts[0]))
  }

  /// The real part; real numbers themselves.
  func realPart() throws(KerasImportError) -> Value {
    let x = try complexTensor("x", at: 0)
    // A value that stands for itself alone.
    return x.imaginary == nil ? x.real : try scope.emit(.reshape(scope.shape(of: x.real)), x.real)
  }

  /// The imaginary part; of real numbers 0.
  func imaginaryPart() throws(KerasImportError) -> Value { try complexTensor("x", at: 0).parts(scope)[1] }

  /// The complex conjugate; real numbers themselves.
  func conjugate() throws(KerasImportError) -> Value {
    let x = try complexTensor("x", at: 0)
    return x.imaginary == nil ? x.real : try joined(x.conjugated(scope))
  }

  /// The angle of the point `(real, imaginary)`: of real numbers pi below 0, else 0; int64 in float64.
  func angle() throws(KerasImportError) -> Value {
    let x = try complexTensor("x", at: 0)
    let real = try scope.cast(x.real, to: scope.dtype(of: x.real).exactFloating)
    return try scope.emit(.binary(.atan2), x.imaginary ?? scope.scalar(0, like: real), real)
  }

  /// The distance from 0; truth values stay.
  func absolute() throws(KerasImportError) -> Value {
    let x = try complexTensor("x", at: 0)
    if let imaginary = x.imaginary {
      return try scope.unary(.sqrt, scope.add(scope.unary(.square, x.real), scope.unary(.square, imaginary)))
    }
    return scope.dtype(of: x.real) == .bool ? x.real : try scope.unary(.absolute, x.real)
  }

  /// Whether the imaginary part is 0: true of real numbers.
  func isReal() throws(KerasImportError) -> Value {
    let x = try complexTensor("x", at: 0)
    guard let imaginary = x.imaginary else { return try scope.filled(scope.shape(of: x.real), 1, .bool) }
    return try scope.compare(.equal, imaginary, 0)
  }
}
