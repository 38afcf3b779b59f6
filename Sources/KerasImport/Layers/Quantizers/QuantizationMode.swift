import NativeFormat

/// How a layer stores its kernel, and whether its inputs are rounded as well: the mode of Keras's quantised policies.
///
/// Source: `keras/src/dtype_policies/dtype_policy.py`; the formulas: ``QuantizedKernel``.
enum QuantizationMode: Hashable, Sendable {
  /// Eight bits, one scale for each output.
  case int8
  /// Four bits; nil: one scale for each output, else one for each block of so many inputs, with a zero point.
  case int4(block: Int?)
  /// Four bits as Keras 3.13 and before packed them, along the inputs.
  case earlyInt4
  /// Floats rounded to e4m3, inputs too.
  case float8
  /// Unsigned numbers with scales and zero points for groups of inputs; nil: one group.
  case gptq(bits: Int, group: Int?)
  /// As GPTQ with four bits, and a factor for each input.
  case awq(group: Int?)

  /// Reads `int8`, `int4`, `int4/128`, `float8`, `gptq/4/128`, `awq/4/-1`.
  /// - Throws: `unsupported` for other modes.
  init(_ text: String) throws(KerasImportError) {
    let parts = text.split(separator: "/").map(String.init)
    let numbers = parts.dropFirst().compactMap(Int.init)
    guard numbers.count == parts.dropFirst().count else {
      throw KerasImportError(.unsupported("quantization mode \"\(text)\""))
    }
    let last = numbers.last.flatMap { $0 > 0 ? $0 : nil }
    switch (parts.first, numbers.count) {
    case ("int8", 0): self = .int8
    case ("int4", 0): self = .earlyInt4
    case ("int4", 1): self = .int4(block: last)
    case ("float8", 0): self = .float8
    case ("gptq", 2) where [2, 3, 4, 8].contains(numbers[0]): self = .gptq(bits: numbers[0], group: last)
    case ("awq", 2) where numbers[0] == 4: self = .awq(group: last)
    default: throw KerasImportError(.unsupported("quantization mode \"\(text)\""))
    }
  }

  /// The roles of the layer's weights in the order in which `.keras` files number them.
  ///
  /// Source: `variable_serialization_spec` of `keras/src/layers/core/dense.py`.
  func weights(useBias: Bool) -> [WeightSpec] {
    let bias = useBias ? [WeightSpec("bias")] : []
    func fixed(_ names: String...) -> [WeightSpec] { names.map { WeightSpec($0, isTrainable: false) } }
    switch self {
    case .int8, .earlyInt4, .int4(block: nil): return fixed("kernel") + bias + fixed("kernel_scale")
    case .int4: return fixed("kernel") + bias + fixed("kernel_scale", "kernel_zero", "g_idx")
    case .float8:
      let scales = [
        "inputs_scale", "inputs_amax_history", "kernel_scale", "kernel_amax_history", "outputs_grad_scale",
        "outputs_grad_amax_history",
      ]
      return [WeightSpec("kernel")] + bias + scales.map { WeightSpec($0) }
    case .gptq: return bias + fixed("kernel", "kernel_scale") + [.missingZero] + fixed("g_idx")
    case .awq: return bias + fixed("kernel", "kernel_scale") + [.missingZero] + fixed("awq_scales", "g_idx")
    }
  }
}

extension WeightSpec {
  /// Zero points, which Keras 3.14.0 to 3.15.1 left out of the files of GPTQ and AWQ.
  fileprivate static var missingZero: WeightSpec {
    var spec = WeightSpec("kernel_zero", isTrainable: false)
    spec.isRequired = false
    return spec
  }
}

/// Inputs rounded to integers by their largest magnitude: Keras's AbsMaxQuantizer.
/// Source: `keras/src/quantizers/quantizers.py`, `abs_max_quantize`.
struct ActivationQuantizer: Sendable {
  var low = -127.0
  var high = 127.0
  var epsilon = 1e-7
  /// The axes over which the largest is taken where the layer does not say.
  var axes = [-1]
}

extension LayerConfig {
  /// The layer's quantization mode; nil when it computes with its floats.
  func quantizationMode() throws(KerasImportError) -> QuantizationMode? {
    try policy.quantization.map { text throws(KerasImportError) in try QuantizationMode(text) }
  }

  /// How inputs are rounded: what `quantization_config` says; without it as `standard`, Keras's default for the mode.
  mutating func activationQuantizer(default standard: ActivationQuantizer?) throws(KerasImportError)
    -> ActivationQuantizer?
  {
    guard let settings = value("quantization_config")?["config"] else { return standard }
    guard let quantizer = settings["activation_quantizer"], !quantizer.isNull else { return nil }
    guard quantizer["class_name"]?.string == "AbsMaxQuantizer", let own = quantizer["config"] else {
      throw KerasImportError(.unsupported("activation quantizer \(quantizer["class_name"]?.shortText ?? "")"))
    }
    var result = ActivationQuantizer()
    if let range = own["value_range"]?.numericArray?.values {
      guard range.count == 2, range[1] > 0 else {
        throw invalid("value_range", expected: "two numbers, the second positive", found: "\(range)")
      }
      (result.low, result.high) = (range[0], range[1])
    }
    result.epsilon = own["epsilon"]?.double ?? result.epsilon
    if let axis = own["axis"] { result.axes = axis.int.map { [$0] } ?? axis.array?.compactMap(\.int) ?? [-1] }
    return result
  }

  /// A key of the layer's `quantization_config`.
  func quantizationSetting(_ key: String) -> JSONValue? { json["quantization_config"]?["config"]?[key] }
}
