import ModelIR

/// Functions of numbers that layers, `keras.ops` and TensorFlow's functions share.
extension LoweringScope {
  /// True where a floating-point element is neither NaN nor infinite.
  func isFinite(_ x: Value) throws(KerasImportError) -> Value {
    try not(or(unary(.isNaN, x), unary(.isInfinite, x)))
  }

  /// `a / b`, 0 where `b` is 0.
  func divideNoNaN(_ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    let zero = scalar(0, like: b)
    return try select(compare(.equal, b, zero), zero, divide(a, b))
  }

  /// `|a - b| <= absolute + relative |b|`.
  func isNear(_ a: Value, _ b: Value, relative: Double, absolute: Double) throws(KerasImportError) -> Value {
    let bound = try add(multiply(unary(.absolute, b), relative), absolute)
    return try compare(.lessOrEqual, unary(.absolute, subtract(a, b)), bound)
  }

  /// A polynomial by Horner's rule, the coefficient of the highest power first.
  func polynomial(_ coefficients: [Double], _ x: Value) throws(KerasImportError) -> Value {
    var result = scalar(coefficients.first ?? 0, like: x)  // A sum of no terms is 0.
    for coefficient in coefficients.dropFirst() { result = try add(multiply(result, x), coefficient) }
    return result
  }

  /// A sum of Chebyshev polynomials by Clenshaw's rule, for `x` in -1 ... 1.
  func chebyshev(_ coefficients: [Double], _ x: Value) throws(KerasImportError) -> Value {
    let double = try multiply(x, 2)
    var (next, afterNext) = (scalar(0, like: x), scalar(0, like: x))
    for coefficient in coefficients.dropFirst().reversed() {
      (next, afterNext) = (try add(subtract(multiply(double, next), afterNext), coefficient), next)
    }
    // A sum of no terms is 0.
    return try add(subtract(multiply(x, next), afterNext), coefficients.first ?? 0)
  }

  /// The modified Bessel function of order 0: `exp(|x|)` times a series in `|x| / 4 - 1` up to 8, beyond it
  /// `exp(|x|) / sqrt |x|` times one in `16 / |x| - 1`; both interpolate the exponentially scaled function at Chebyshev's
  /// points, with a relative error below 2e-14. For float64.
  func besselI0(_ x: Value) throws(KerasImportError) -> Value {
    let size = try unary(.absolute, x)
    let isSmall = try compare(.lessOrEqual, size, 8)
    let near = try select(isSmall, size, scalar(8, like: x))
    let far = try select(isSmall, scalar(8, like: x), size)
    let small = try chebyshev(BesselSeries.near, add(multiply(near, 0.25), -1))
    let large = try chebyshev(BesselSeries.far, add(divide(scalar(16, like: x), far), -1))
    return try multiply(unary(.exp, size), select(isSmall, small, divide(large, unary(.sqrt, far))))
  }

  /// The inverse of the error function, by M. Giles's two polynomials in `w = -log((1 - x) (1 + x))` (below 5, and of
  /// `sqrt w` above); relative error below 3e-7. Infinite at -1 and 1, NaN outside.
  func inverseErrorFunction(_ x: Value) throws(KerasImportError) -> Value {
    let one = scalar(1, like: x)
    let w = try unary(.negate, unary(.log1p, unary(.negate, multiply(x, x))))
    let isNear = try compare(.less, w, 5)
    let near = try polynomial(
      [
        2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
        -0.00417768164, 0.246640727, 1.50140941,
      ], add(w, -2.5))
    let root = try unary(.sqrt, select(isNear, scalar(5, like: x), w))
    let far = try polynomial(
      [
        -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
        0.00943887047,
        1.00167406, 2.83297682,
      ], add(root, -3))
    let inside = try multiply(select(isNear, near, far), x)
    let edge = try multiply(x, Double.infinity)
    return try select(compare(.equal, unary(.absolute, x), one), edge, inside)
  }

  /// `exp(x)` of sums, stable: the logarithm of the sum over axes.
  func logSumExp(_ x: Value, axes: [Int], keepDims: Bool = false) throws(KerasImportError) -> Value {
    axes.isEmpty ? x : try reduce(.logSumExp, x, axes: axes, keepDims: keepDims)
  }

  /// Mean and population variance over axes.
  func moments(_ x: Value, axes: [Int], keepDims: Bool) throws(KerasImportError) -> (
    mean: Value, variance: Value
  ) {
    let mean = try reduce(.mean, x, axes: axes, keepDims: true)
    let squares = try unary(.square, subtract(x, mean))
    let variance = try reduce(.mean, squares, axes: axes, keepDims: keepDims)
    return (keepDims ? mean : try squeeze(mean, axes: axes), variance)
  }
}

/// Coefficients of ``LoweringScope/besselI0(_:)``, computed by interpolation of the integral
/// `1/pi int exp(x (cos t - 1)) dt`.
private enum BesselSeries {
  static let near: [Double] = [
    0.338397637204738, -0.3046826723431984, 0.1716209015222087, -0.09490109704804756, 0.049305284239670566,
    -0.023737414805899342, 0.010546460394594821, -0.004324309995050382, 0.0016394756169409847,
    -0.0005763755745382561,
    0.00018850288509530708, -5.754195010037949e-05, 1.6448448070054495e-05, -4.416738357875754e-06,
    1.117387538320432e-06, -2.670793846781405e-07, 6.046994914110237e-08, -1.3000249296821506e-08,
    2.659822667880983e-09, -5.189788023198229e-10, 9.675718713896152e-11, -1.7267606069295395e-11,
    2.954238705517772e-12, -4.851170905313725e-13, 7.61027043852083e-14, -1.1132555782572346e-14,
    9.896918675535828e-16,
  ]
  static let far: [Double] = [
    0.40224520550705445, 0.0033691164782556956, 6.889758346916312e-05, 2.89137052082936e-06,
    2.048918589244722e-07,
    2.2666689890068038e-08, 3.396231882639321e-09, 4.940602386113526e-10, 1.1889022473219304e-11,
    -3.1499136175659984e-11, -1.3215903023976597e-11, -1.7941684961241856e-12, 7.178804782513481e-13,
    3.8528160823207093e-13, 1.5362220174058995e-14, -4.151499450738644e-14, -9.593592145914882e-15,
    3.821674978497032e-15, 1.5346912824968791e-15, -3.2981567795412823e-16, -9.47736322804632e-16,
  ]
}
