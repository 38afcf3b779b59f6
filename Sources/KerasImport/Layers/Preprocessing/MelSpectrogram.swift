import ModelIR
import NativeFormat

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A spectrogram on the mel scale, in decibels unless `power_to_db` is false. Mask: none.
/// Source: `keras/src/layers/preprocessing/mel_spectrogram.py`, `backend/tensorflow/math.py` (`stft`).
///
/// - x: `[N, T]` or `[T]`, mirrored by half a frame on both sides; result: `[N, mels, T']`.
/// - `s = |STFT|^mag_exp . mel`, `10 log10(max(s, min_power)) - 10 log10(max(|ref_power|, min_power))`, at least the largest
///   element of the whole result less `top_db`.
/// - Computed as a convolution with windowed cosines and sines, which is what an FFT computes faster.
struct MelSpectrogram: Layer {
  let fftLength: Int
  let stride: Int
  let sequenceLength: Int
  let window: SpectralWindow
  let mel: MelScale
  let exponent: Double
  let decibels: Decibels?

  /// How powers become decibels.
  struct Decibels {
    let range: Double
    let smallest: Double
    let reference: Double
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    fftLength = try config.int("fft_length", default: 2048)
    stride = try config.int("sequence_stride", default: 512)
    sequenceLength = try config.optionalInt("sequence_length") ?? fftLength
    for (key, size) in [
      ("fft_length", fftLength), ("sequence_stride", stride), ("sequence_length", sequenceLength),
    ] where !(1...1 << 16).contains(size) {
      throw config.invalid(key, expected: "1 to 65536 samples", found: "\(size)")
    }
    guard sequenceLength <= fftLength else {
      throw config.invalid("sequence_length", expected: "at most \(fftLength)", found: "\(sequenceLength)")
    }
    window = try config.spectralWindow(length: sequenceLength)
    mel = try MelScale(&config, binCount: fftLength / 2 + 1)
    exponent = try config.double("mag_exp", default: 2)
    let decibels = Decibels(
      range: try config.double("top_db", default: 80),
      smallest: try config.double("min_power", default: 1e-10),
      reference: try config.double("ref_power", default: 1))
    self.decibels = try config.bool("power_to_db", default: true) ? decibels : nil
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var x = try scope.cast(call.input.value, to: scope.computeDType == .float64 ? .float64 : .float32)
    let rank = scope.rank(of: x)
    guard rank == 1 || rank == 2 else {
      throw KerasImportError(
        .invalidGraph("expected a signal or a batch of signals, found shape \(scope.shape(of: x))"))
    }
    if rank == 1 { x = try scope.expandDims(x, axes: [0]) }
    let magnitudes = try spectrum(x, in: scope)
    let powers =
      exponent == 1
      ? magnitudes : try scope.emit(.binary(.power), magnitudes, scope.scalar(exponent, like: magnitudes))
    let dtype = scope.dtype(of: x)
    var y = try scope.matMul(powers, scope.constant(mel.tensor(dtype), as: "mel"))
    if let decibels { y = try scaled(y, decibels, in: scope) }
    y = try scope.transpose(y, [0, 2, 1])
    if rank == 1 { y = try scope.squeeze(y, axes: [0]) }
    return [Operand(try scope.cast(y, to: scope.computeDType))]
  }

  /// `|STFT|`: `[N, T', B]`.
  private func spectrum(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let half = fftLength / 2
    let mirrored = try scope.emit(
      .pad(PadAttributes(pads: [PadPair(0, 0), PadPair(half, half)], mode: .reflect)), x)
    let binCount = half + 1
    let attributes = ConvAttributes(
      strides: [stride], dilations: [1], padding: .explicit([PadPair(0, 0)]), groups: 1, layout: .channelsLast
    )
    let waves = try scope.constant(window.waves(fftLength: fftLength, scope.dtype(of: x)), as: "waves")
    let y = try scope.emit(.conv(attributes), scope.expandDims(mirrored, axes: [2]), waves)
    let parts = try scope.emitAll(.split(axis: 2, sizes: [.fixed(binCount), .fixed(binCount)]), [y])
    return try scope.unary(.sqrt, scope.add(scope.unary(.square, parts[0]), scope.unary(.square, parts[1])))
  }

  private func scaled(_ x: Value, _ decibels: Decibels, in scope: LoweringScope) throws(KerasImportError)
    -> Value
  {
    let factor = 10 / log(10.0)
    let bounded = try scope.unary(.clip(minimum: decibels.smallest, maximum: nil), x)
    let reference = 10 * log10(max(abs(decibels.reference), decibels.smallest))
    let y = try scope.add(scope.multiply(scope.unary(.log, bounded), factor), -reference)
    let largest = try scope.reduce(.maximum, y, axes: [0, 1, 2], keepDims: true)
    return try scope.emit(.binary(.maximum), y, scope.add(largest, -decibels.range))
  }
}

/// The weights of a frame's samples.
struct SpectralWindow {
  /// One number for each sample of the frame.
  let values: [Double]

  /// `[fft_length, 1, 2 B]`: the window, in the middle of a frame, times the cosines and the negative sines of each bin.
  func waves(fftLength: Int, _ dtype: DType) throws(KerasImportError) -> Tensor {
    let binCount = fftLength / 2 + 1
    let (values, front) = (values, (fftLength - values.count) / 2)
    return try computedTensor(dtype: dtype, sizes: [fftLength, 1, 2 * binCount]) {
      var waves = Array(repeating: 0.0, count: fftLength * 2 * binCount)
      for (sample, weight) in values.enumerated() {
        let time = front + sample
        for bin in 0..<binCount {
          // The product modulo the length keeps the angle small, and so exact.
          let angle = 2 * Double.pi * Double(time * bin % fftLength) / Double(fftLength)
          waves[time * 2 * binCount + bin] = weight * cos(angle)
          waves[time * 2 * binCount + binCount + bin] = -weight * sin(angle)
        }
      }
      return waves
    }
  }
}

extension LayerConfig {
  /// `window`: `hann`, `hamming`, numbers, or none.
  mutating func spectralWindow(length: Int) throws(KerasImportError) -> SpectralWindow {
    if json.contains("window"), value("window") == nil {
      return SpectralWindow(values: Array(repeating: 1, count: length))
    }
    if value("window")?.string == nil, let given = try optionalArray("window") {
      guard given.values.count == length else {
        throw invalid("window", expected: "\(length) numbers", found: "\(given.values.count)")
      }
      return SpectralWindow(values: given.values)
    }
    let name = try string("window", default: "hann")
    guard name == "hann" || name == "hamming" else {
      throw invalid("window", expected: "\"hann\" or \"hamming\"", found: "\"\(name)\"")
    }
    let mean = name == "hann" ? 0.5 : 0.54
    // TensorFlow's periodic window: one sample more than a symmetric one when the length is even, the same when odd.
    let period = Double(length % 2 == 0 ? length : length - 1)
    return SpectralWindow(
      values: (0..<length).map { mean - (1 - mean) * cos(2 * Double.pi * Double($0) / period) })
  }
}

/// Triangles of equal width on HTK's mel scale, `1127 log(1 + f / 700)`; the bin of frequency 0 counts nowhere.
struct MelScale {
  let binCount: Int
  let melCount: Int
  let samplingRate: Double
  let lowest: Double
  let highest: Double

  init(_ config: inout LayerConfig, binCount: Int) throws(KerasImportError) {
    self.binCount = binCount
    melCount = try config.int("num_mel_bins", default: 128)
    samplingRate = try config.double("sampling_rate", default: 16000)
    lowest = try config.double("min_freq", default: 20)
    highest = try config.optionalDouble("max_freq") ?? (samplingRate / 2).rounded(.down)
    guard (1...1 << 14).contains(melCount) else {
      throw config.invalid("num_mel_bins", expected: "1 to 16384", found: "\(melCount)")
    }
  }

  private static func mel(_ frequency: Float) -> Float { 1127 * log(1 + frequency / 700) }

  /// `[bins, mels]`.
  func tensor(_ dtype: DType) throws(KerasImportError) -> Tensor {
    let scale = self
    return try computedTensor(dtype: dtype, sizes: [binCount, melCount]) { scale.weights }
  }

  /// In single precision, as Keras computes them: where two bins lie close together, rounding is what tells them apart.
  private var weights: [Double] {
    let (low, high) = (MelScale.mel(Float(lowest)), MelScale.mel(Float(highest)))
    let edges = MelScale.line(from: low, to: high, count: melCount + 2)
    let frequencies = MelScale.line(from: 0, to: Float(samplingRate) / 2, count: binCount)
    var result = Array(repeating: 0.0, count: binCount * melCount)
    for bin in 1..<max(binCount, 2) where bin < binCount {
      let position = MelScale.mel(frequencies[bin])
      for band in 0..<melCount {
        let (lower, centre, upper) = (edges[band], edges[band + 1], edges[band + 2])
        let rising = (position - lower) / (centre - lower)
        let falling = (upper - position) / (upper - centre)
        result[bin * melCount + band] = Double(max(0, min(rising, falling)))
      }
    }
    return result
  }

  /// Points at equal distances, both ends among them.
  private static func line(from start: Float, to stop: Float, count: Int) -> [Float] {
    guard count > 1 else { return [start] }
    let step = (stop - start) / Float(count - 1)
    return (0..<count).map { $0 == count - 1 ? stop : start + step * Float($0) }
  }
}
