import ModelIR

/// The Fourier transforms of `keras/src/ops/math.py`. Complex numbers are pairs of tensors, as Keras passes them.
extension LayerRegistry {
  mutating func addFourierOperations() {
    add("FFT", as: OperationCall.fourier)
    add("FFT2", as: OperationCall.fourier2, false)
    add("IFFT2", as: OperationCall.fourier2, true)
    add("RFFT", as: OperationCall.realFourier)
    add("IRFFT", as: OperationCall.inverseRealFourier)
    add("STFT", as: OperationCall.shortTimeFourier)
    add("ISTFT", as: OperationCall.inverseShortTimeFourier)
  }
}

extension OperationCall {
  /// A pair of real and imaginary parts.
  private func complex(_ name: String = "x", at position: Int = 0) throws(KerasImportError) -> Complex {
    guard case .list(let parts)? = argument(name, at: position), parts.count == 2 else {
      throw KerasImportError(.invalidGraph("expected a pair of real and imaginary parts"))
    }
    let x = try promoted(parts).map { part throws(KerasImportError) in try scope.floating(part) }
    return Complex(real: x[0], imaginary: x[1])
  }

  /// `X[k] = sum x[j] exp(-2 pi i j k / n)` over the last axis.
  func fourier() throws(KerasImportError) -> [Value] { try scope.fourier(complex()).parts(scope) }

  /// The transform over the last two axes, or its inverse (conjugated, by the number of elements).
  func fourier2(_ isInverse: Bool) throws(KerasImportError) -> [Value] {
    var x = try complex()
    if isInverse { x = try x.conjugated(scope) }
    let rank = scope.rank(of: x.real)
    guard rank > 1 else {
      throw KerasImportError(.invalidGraph("a transform over two axes of shape \(scope.shape(of: x.real))"))
    }
    x = try scope.fourier(x)
    x = try scope.fourier(x.moved(rank - 2, rank - 1, scope)).moved(rank - 2, rank - 1, scope)
    guard isInverse else { return try x.parts(scope) }
    let shape = scope.shape(of: x.real)
    let count = try scope.cast(
      scope.emit(.sizes([shape[rank - 1] * shape[rank - 2]])), to: scope.dtype(of: x.real))
    let parts = try x.conjugated(scope).parts(scope)
    return try parts.map { part throws(KerasImportError) in try scope.divide(part, count) }
  }

  /// The first `n / 2 + 1` results for real elements, cut or filled up to `fft_length`.
  func realFourier() throws(KerasImportError) -> [Value] {
    let x = try floating("x", at: 0)
    return try scope.realFourier(x, length: int("fft_length")).parts(scope)
  }

  /// The real elements of `n / 2 + 1` results; n is `fft_length`, or twice their number less 2.
  func inverseRealFourier() throws(KerasImportError) -> Value {
    try scope.inverseRealFourier(complex(), length: int("fft_length"))
  }

  private struct Frames { var length, step, fourierLength: Int; var isCentred: Bool; var window: [Double]? }

  private func frames() throws(KerasImportError) -> Frames {
    let length = try required("sequence_length", int("sequence_length"))
    let step = try required("sequence_stride", int("sequence_stride"))
    let fourierLength = try required("fft_length", int("fft_length"))
    guard (1...1 << 20).contains(length), (1...1 << 20).contains(step), fourierLength >= length,
      fourierLength <= 1 << 20
    else {
      throw KerasImportError(.invalidGraph("frames of \(length) elements every \(step) for \(fourierLength)"))
    }
    let isUnset = scope.object.config["window"]?.isNull == true
    var window: [Double]?
    if let given = value("window")?.string {
      window = try Windows.named(given, length: length)
    } else if let array = try array("window") {
      window = try array.numbers()
    } else if !isUnset {
      window = Windows.cosine(length, 0.5)
    }
    if let own = window {
      guard own.count == length else {
        throw KerasImportError(.invalidGraph("a window of \(own.count) for \(length)"))
      }
      let before = (fourierLength - length) / 2
      let zeros = { Array(repeating: 0.0, count: $0) }
      window = zeros(before) + own + zeros(fourierLength - length - before)
    }
    return Frames(
      length: length, step: step, fourierLength: fourierLength, isCentred: try bool("center", default: true),
      window: window)
  }

  /// Transforms of overlapping frames, each times a window: `[..., frames, fft_length / 2 + 1]`, twice.
  func shortTimeFourier() throws(KerasImportError) -> [Value] {
    let frames = try frames()
    var x = try floating("x", at: 0)
    let rank = scope.rank(of: x)
    guard rank > 0 else { throw KerasImportError(.invalidGraph("a signal without an axis")) }
    if frames.isCentred {
      var pads = Array(repeating: PadPair(0, 0), count: rank)
      pads[rank - 1] = PadPair(frames.fourierLength / 2, frames.fourierLength / 2)
      x = try scope.padded(x, by: pads, mode: "reflect", filler: 0)
    }
    var framed = try scope.framed(x, length: frames.fourierLength, step: frames.step)
    if let window = frames.window {
      framed = try scope.multiply(
        framed, scope.constant(window, sizes: [window.count], dtype: scope.dtype(of: x), as: "window"))
    }
    return try scope.realFourier(framed, length: nil).parts(scope)
  }

  /// The signal whose frames have these transforms: frames times the dual window, overlapped and added.
  func inverseShortTimeFourier() throws(KerasImportError) -> Value {
    let frames = try frames()
    let x = try complex()
    var parts = try scope.inverseRealFourier(x, length: frames.fourierLength)
    if let window = frames.window {
      let dual = Windows.dual(window, step: frames.step)
      parts = try scope.multiply(
        parts, scope.constant(dual, sizes: [dual.count], dtype: scope.dtype(of: parts), as: "window"))
    }
    let y = try scope.overlapped(parts, step: frames.step)
    let last = scope.rank(of: y) - 1
    let start = frames.isCentred ? frames.fourierLength / 2 : 0
    let end = try int("length").map { start + $0 } ?? (frames.isCentred ? -(frames.fourierLength / 2) : nil)
    return try scope.slice(y, axis: last, from: start, to: end)
  }
}

/// A tensor of complex numbers as two; without an imaginary part they are real.
struct Complex {
  var real: Value
  var imaginary: Value?

  func parts(_ scope: LoweringScope) throws(KerasImportError) -> [Value] {
    if let imaginary { return [real, imaginary] }
    return [real, try scope.filled(scope.shape(of: real), 0, scope.dtype(of: real))]
  }

  func conjugated(_ scope: LoweringScope) throws(KerasImportError) -> Complex {
    guard let imaginary else { return self }
    return Complex(real: real, imaginary: try scope.unary(.negate, imaginary))
  }

  /// Two axes exchanged.
  func moved(_ a: Int, _ b: Int, _ scope: LoweringScope) throws(KerasImportError) -> Complex {
    var order = Array(0..<scope.rank(of: real))
    order.swapAt(a, b)
    return try map { part throws(KerasImportError) in try scope.transpose(part, order) }
  }

  func map(_ body: (Value) throws(KerasImportError) -> Value) throws(KerasImportError) -> Complex {
    var result = Complex(real: try body(real), imaginary: nil)
    if let imaginary { result.imaginary = try body(imaginary) }
    return result
  }
}

extension LoweringScope {
  /// The transform over the last axis: one product with cosines and sines for short axes; longer ones are split into two
  /// factors, transformed along both, with a turn between (Cooley and Tukey).
  func fourier(_ x: Complex) throws(KerasImportError) -> Complex {
    let last = rank(of: x.real) - 1
    guard last >= 0, let size = shape(of: x.real)[last].fixedSize, size > 0 else {
      throw KerasImportError(.unsupported("a Fourier transform over an axis whose size is not known"))
    }
    guard size > 32, let factor = size.balancedFactor else {
      guard size <= 1 << 12 else {
        throw KerasImportError(.unsupported("a Fourier transform over \(size) elements"))
      }
      return try turned(x, by: FourierMatrix(rows: size, columns: size, period: size), isProduct: true)
    }
    let (n1, n2) = (factor, size / factor)
    let outer = Array(shape(of: x.real).dimensions[..<last])
    let grid = Shape(outer + [.fixed(n1), .fixed(n2)])
    let split = try x.map { part throws(KerasImportError) in try reshape(part, grid) }
    let columns = try fourier(split.moved(last, last + 1, self)).moved(last, last + 1, self)
    let twisted = try turned(
      columns, by: FourierMatrix(rows: n1, columns: n2, period: size), isProduct: false)
    let rows = try fourier(twisted).moved(last, last + 1, self)
    return try rows.map { part throws(KerasImportError) in try reshape(part, Shape(outer + [.fixed(size)])) }
  }

  /// `x (c - i s)`, as a matrix product or element by element.
  private func turned(_ x: Complex, by matrix: FourierMatrix, isProduct: Bool) throws(KerasImportError)
    -> Complex
  {
    let type = dtype(of: x.real)
    let (c, s) = (
      constant(try matrix.cosines(type), as: "cosines"), constant(try matrix.sines(type), as: "sines")
    )
    func times(_ a: Value, _ b: Value) throws(KerasImportError) -> Value {
      try isProduct ? matMulOfAnyRank(a, b) : multiply(a, b)
    }
    let (rc, rs) = (try times(x.real, c), try times(x.real, s))
    guard let imaginary = x.imaginary else { return Complex(real: rc, imaginary: try unary(.negate, rs)) }
    return Complex(
      real: try add(rc, times(imaginary, s)), imaginary: try subtract(times(imaginary, c), rs))
  }

  /// The first `n / 2 + 1` results for real elements.
  func realFourier(_ x: Value, length: Int?) throws(KerasImportError) -> Complex {
    let last = rank(of: x) - 1
    let sized = try length.map { size throws(KerasImportError) in try resized(x, axis: last, to: size) } ?? x
    guard last >= 0, let size = shape(of: sized)[last].fixedSize else {
      throw KerasImportError(.unsupported("a Fourier transform over an axis whose size is not known"))
    }
    let y = try fourier(Complex(real: sized, imaginary: nil))
    return try y.map { part throws(KerasImportError) in
      try slice(part, axis: last, from: nil, to: size / 2 + 1)
    }
  }

  /// The real elements of `n / 2 + 1` results: the missing ones are the others' conjugates.
  func inverseRealFourier(_ given: Complex, length: Int?) throws(KerasImportError) -> Value {
    let last = rank(of: given.real) - 1
    guard last >= 0, let count = shape(of: given.real)[last].fixedSize, count > 0 else {
      throw KerasImportError(.unsupported("a Fourier transform over an axis whose size is not known"))
    }
    let size = length ?? 2 * (count - 1)
    guard (1...1 << 22).contains(size) else {
      throw KerasImportError(.invalidGraph("a transform of \(size) elements"))
    }
    let bins = size / 2 + 1
    let x = try given.map { part throws(KerasImportError) in try resized(part, axis: last, to: bins) }
    // The conjugate of the spectrum transformed forward is the conjugate of the inverse.
    func whole(_ part: Value, _ sign: Double) throws(KerasImportError) -> Value {
      let mirrored = size - bins
      let own = sign > 0 ? part : try unary(.negate, part)
      guard mirrored > 0 else { return try slice(own, axis: last, from: nil, to: size) }
      let rest = try reversed(slice(part, axis: last, from: 1, to: 1 + mirrored), axes: [last])
      return try concat([own, rest], axis: last)
    }
    let imaginary = try x.imaginary.map { part throws(KerasImportError) in try whole(part, -1) }
    let y = try fourier(Complex(real: whole(x.real, 1), imaginary: imaginary))
    return try multiply(y.real, 1 / Double(size))
  }

  /// An axis cut, or filled up with zeros.
  private func resized(_ x: Value, axis: Int, to size: Int) throws(KerasImportError) -> Value {
    guard let own = shape(of: x)[axis].fixedSize, (1...1 << 22).contains(size) else {
      throw KerasImportError(.unsupported("a Fourier transform over an axis whose size is not known"))
    }
    if own >= size { return try slice(x, axis: axis, from: nil, to: own == size ? nil : size) }
    return try bordered(x, axis: axis, before: 0, after: .fixed(size - own))
  }

  /// Frames `[..., count, length]` added where they overlap: `[..., (count - 1) step + length]`.
  func overlapped(_ frames: Value, step: Int) throws(KerasImportError) -> Value {
    let last = rank(of: frames) - 1
    let (count, length) = (shape(of: frames)[last - 1], shape(of: frames)[last])
    guard let size = length.fixedSize, size > 0 else {
      throw KerasImportError(.unsupported("frames of unknown length"))
    }
    let overlaps = (size - 1) / step + 1
    guard overlaps <= 1 << 10 else { throw KerasImportError(.unsupported("\(overlaps) frames that overlap")) }
    let wide = try bordered(frames, axis: last, before: 0, after: .fixed(overlaps * step - size))
    var total: Value?
    for index in 0..<overlaps {
      let block = try slice(wide, axis: last, from: index * step, to: (index + 1) * step)
      let placed = try bordered(
        block, axis: last - 1, before: .fixed(index), after: .fixed(overlaps - 1 - index))
      total = try total.map { known throws(KerasImportError) in try add(known, placed) } ?? placed
    }
    let blocks = count + .fixed(overlaps - 1)
    let flat = try reshape(
      total ?? wide, Shape(Array(shape(of: frames).dimensions[..<(last - 1)]) + [blocks * .fixed(step)]))
    return try part(flat, axis: last - 1, start: 0, size: (count - 1) * .fixed(step) + length)
  }
}

extension Int {
  /// The largest factor of a number that is not above its root; nil for primes.
  fileprivate var balancedFactor: Int? {
    var best: Int?
    var factor = 2
    while factor <= self / factor {
      if self % factor == 0 { best = factor }
      factor += 1
    }
    return best
  }
}
