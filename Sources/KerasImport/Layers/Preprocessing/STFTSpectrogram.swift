import ModelIR

/// A spectrogram by convolution with windowed cosines and sines, which are weights. Mask: none.
/// Source: `keras/src/layers/preprocessing/stft_spectrogram.py`.
///
/// - x: `[N, T, C]` (channels_first `[N, C, T]`); kernels: `[frame_length, 1, B]`, B bins.
/// - `p = re^2 + im^2`; `magnitude`: `sqrt(max(p, 1e-7))`; `log`: the logarithm of that, at least 1e-7; `psd`: p, twice p
///   but for the first and the last bin; `stft`: re, then im; `real`, `imag`, `angle`.
/// - result: `[N, T', C B]`, with `expand_dims` `[N, T', B, C]`; channels_first `[N, C B, T']`, `[N, C, T', B]`.
struct STFTSpectrogram: Layer {
  enum Mode: String, CaseIterable { case log, magnitude, psd, real, imag, angle, stft }

  let mode: Mode
  let frameLength: Int
  let step: Int
  let binCount: Int
  let isSame: Bool
  let expandsDims: Bool
  let layout: DataLayout
  var weights: [WeightSpec] {
    (mode == .imag ? [] : [WeightSpec("real_kernel")]) + (mode == .real ? [] : [WeightSpec("imag_kernel")])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    mode = try config.choice("mode", default: .log)
    frameLength = try config.int("frame_length", default: 256)
    guard (1...1 << 24).contains(frameLength) else {
      throw config.invalid("frame_length", expected: "a number of samples", found: "\(frameLength)")
    }
    step = try config.optionalInt("frame_step") ?? frameLength / 2
    var power = 1
    while power < frameLength { power *= 2 }
    let fftLength = try config.optionalInt("fft_length") ?? power
    guard fftLength >= frameLength, fftLength <= 1 << 26 else {
      throw config.invalid("fft_length", expected: "at least \(frameLength)", found: "\(fftLength)")
    }
    binCount = fftLength / 2 + 1
    isSame = try config.string("padding", default: "valid") == "same"
    expandsDims = try config.bool("expand_dims", default: false)
    layout = try config.layout()
    // What the window and its scaling gave is in the kernels.
    config.ignore("window", "periodic", "scaling", "fft_length")
    guard (1...frameLength).contains(step) else {
      throw config.invalid("frame_step", expected: "1 to \(frameLength)", found: "\(step)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    try scope.expectRank(3, of: x)
    let real = mode == .imag ? nil : try frames(x, "real_kernel", in: scope)
    let imaginary = mode == .real ? nil : try frames(x, "imag_kernel", in: scope)
    guard let real, let imaginary else {
      return [Operand(try arranged(real ?? imaginary ?? x, in: scope))]
    }
    switch mode {
    case .angle: return [Operand(try arranged(scope.emit(.binary(.atan2), imaginary, real), in: scope))]
    case .stft: return [Operand(try arranged(scope.emit(.concat(axis: 3), real, imaginary), in: scope))]
    case .log, .magnitude, .psd, .real, .imag: break
    }
    let power = try scope.add(scope.unary(.square, real), scope.unary(.square, imaginary))
    if mode == .psd { return [Operand(try arranged(doubled(power, in: scope), in: scope))] }
    let floor = UnaryFunction.clip(minimum: 1e-7, maximum: nil)
    let magnitude = try arranged(scope.unary(.sqrt, scope.unary(floor, power)), in: scope)
    if mode == .magnitude { return [Operand(magnitude)] }
    return [Operand(try scope.unary(.log, scope.unary(floor, magnitude)))]
  }

  /// Each channel apart: `[N, C, T', B]`.
  private func frames(_ x: Value, _ kernel: String, in scope: LoweringScope) throws(KerasImportError) -> Value
  {
    let first = layout == .channelsLast ? try scope.transpose(x, [0, 2, 1]) : x
    let shape = scope.shape(of: first)
    let flat = try scope.reshape(first, [shape[0] * shape[1], shape[2], 1])
    let weight = try scope.weight(kernel, [.fixed(frameLength), 1, .fixed(binCount)])
    let padding: Padding
    if !isSame {
      padding = .explicit([PadPair(0, 0)])
    } else if let size = shape[2].fixedSize {
      padding = .explicit([PadPair.same(size: size, window: frameLength, stride: step)])
    } else {
      padding = .sameUpper
    }
    let attributes = ConvAttributes(
      strides: [step], dilations: [1], padding: padding, groups: 1, layout: .channelsLast)
    let y = try scope.emit(.conv(attributes), flat, weight)
    return try scope.reshape(y, [shape[0], shape[1], scope.shape(of: y)[1], .fixed(binCount)])
  }

  /// All bins but the first and the last twice: what lies above half the sampling rate is folded onto them.
  private func doubled(_ power: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let factors = (0..<binCount).map { $0 == 0 || $0 == binCount - 1 ? 1.0 : 2.0 }
    return try scope.multiply(
      power, scope.array(factors, [binCount], scope.dtype(of: power), as: "factors"))
  }

  /// `[N, C, T', B]` as the layer gives it.
  private func arranged(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: x)
    if expandsDims { return layout == .channelsLast ? try scope.transpose(x, [0, 2, 3, 1]) : x }
    if layout == .channelsFirst {
      return try scope.reshape(scope.transpose(x, [0, 1, 3, 2]), [shape[0], shape[1] * shape[3], shape[2]])
    }
    return try scope.reshape(scope.transpose(x, [0, 2, 1, 3]), [shape[0], shape[2], shape[1] * shape[3]])
  }
}
