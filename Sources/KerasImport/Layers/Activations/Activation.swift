import ModelIR
import NativeFormat

/// A layer's activation: one of Keras's functions by name, a function with parameters, or a layer used as one.
///
/// Source: `keras/src/activations/activations.py`.
struct Activation: Sendable {
  /// What is applied.
  enum Function: Sendable {
    case named(Name)
    /// `clip(alpha * x + beta, 0, 1)`: Keras 3's hard_sigmoid has 1/6 and 0.5, older Keras 0.2 and 0.5.
    case hardSigmoid(alpha: Double, beta: Double)
    case layer(LayerObject)
  }

  /// The names a configuration may hold.
  enum Name: String, CaseIterable, Sendable {
    case linear, relu, relu6, elu, selu, celu, gelu, silu, sigmoid, tanh, softplus, softsign, squareplus,
      softmax
    case exponential, mish, glu, sparsemax
    case swish
    case leakyRelu = "leaky_relu"
    case hardSilu = "hard_silu"
    case hardSwish = "hard_swish"
    case hardSigmoid = "hard_sigmoid"
    case hardTanh = "hard_tanh"
    case softShrink = "soft_shrink"
    case hardShrink = "hard_shrink"
    case tanhShrink = "tanh_shrink"
    case sparsePlus = "sparse_plus"
    case sparseSigmoid = "sparse_sigmoid"
    case logSoftmax = "log_softmax"
    case logSigmoid = "log_sigmoid"
  }

  let function: Function

  static let linear = Activation(function: .named(.linear))

  init(function: Function) { self.function = function }

  /// Reads the value of an `activation` key.
  /// - Throws: `unsupported` for a function that is not Keras's own.
  init(_ value: JSONValue?, registry: LayerRegistry, policy: DTypePolicy) throws(KerasImportError) {
    guard let value, !value.isNull else { self = .linear; return }
    if let text = value.string {
      guard let name = Name(rawValue: text) else {
        throw KerasImportError(.unsupported("activation \"\(text)\" is not one of Keras's own functions"))
      }
      function = .named(name)
      return
    }
    if value["class_name"]?.string == "HardSigmoid", value["module"]?.string == "kconvert.activations" {
      function = .hardSigmoid(
        alpha: value["config"]?["alpha"]?.double ?? 0.2, beta: value["config"]?["beta"]?.double ?? 0.5)
      return
    }
    if value["class_name"]?.string == "function" {
      let text = value["config"]?.string ?? value["registered_name"]?.string ?? "?"
      guard value.object.map({ ClassIdentity($0).isOfKeras }) == true, value["module"]?.string != nil,
        let name = Name(rawValue: text)
      else {
        throw KerasImportError(
          .unsupported("activation \"\(text)\" is a function of the program that made the file"))
      }
      function = .named(name)
      return
    }
    guard value["class_name"]?.string != nil, value["config"]?.object != nil else {
      throw KerasImportError(.unsupported("activation \(value.shortText) is code, which is never executed"))
    }
    function = .layer(try LayerObject(serialized: value, registry: registry, outer: policy))
  }

  /// A layer used as activation, under the attribute that Keras stores it.
  var sublayers: [Sublayer] {
    if case .layer(let object) = function { return [Sublayer("activation", object)] }
    return []
  }

  /// Applies the function to a value.
  func apply(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    switch function {
    case .named(let name): return try name.apply(x, in: scope)
    case .hardSigmoid(let alpha, let beta): return try scope.unary(.hardSigmoid(alpha: alpha, beta: beta), x)
    case .layer(let object):
      let results = try scope.lower(Sublayer("activation", object), Call([Operand(x)]))
      guard let result = results.first else {
        throw KerasImportError(.unsupported("an activation without result"))
      }
      return result.value
    }
  }

  /// The function as a recurrent cell takes it; nil when it has to be a graph of its own.
  var recurrent: RecurrentAttributes.Activation? {
    switch function {
    case .hardSigmoid(let alpha, let beta): return .hardSigmoid(alpha: alpha, beta: beta)
    case .layer: return nil
    case .named(let name):
      switch name {
      case .linear: return .linear
      case .tanh: return .tanh
      case .sigmoid: return .sigmoid
      case .relu: return .relu
      case .softplus: return .softplus
      case .softsign: return .softsign
      case .hardSigmoid: return .hardSigmoid(alpha: 1.0 / 6.0, beta: 0.5)
      case .elu: return .elu(alpha: 1)
      case .leakyRelu: return .leakyRelu(slope: 0.2)
      default: return nil
      }
    }
  }
}

extension LayerConfig {
  /// An activation; absent or null is linear unless the layer has another default.
  mutating func activation(_ key: String = "activation", default standard: Activation.Name = .linear)
    throws(KerasImportError) -> Activation
  {
    guard json.contains(key) else {
      ignore(key)
      return Activation(function: .named(standard))
    }
    return try Activation(value(key), registry: registry, policy: policy)
  }
}

extension Activation.Name {
  /// The formulas of Keras 3.
  func apply(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    switch self {
    case .linear: return x
    case .relu: return try scope.unary(.relu, x)
    case .relu6: return try scope.unary(.clip(minimum: 0, maximum: 6), x)
    case .leakyRelu: return try scope.unary(.leakyRelu(slope: 0.2), x)
    case .elu: return try scope.unary(.elu(alpha: 1), x)
    case .selu: return try scope.unary(.selu, x)
    case .celu: return try scope.unary(.elu(alpha: 1), x)
    case .gelu: return try scope.gelu(x, approximate: false)
    case .silu, .swish: return try scope.unary(.swish, x)
    case .hardSilu, .hardSwish: return try scope.unary(.hardSwish, x)
    case .sigmoid: return try scope.unary(.sigmoid, x)
    case .hardSigmoid: return try scope.unary(.hardSigmoid(alpha: 1.0 / 6.0, beta: 0.5), x)
    case .tanh: return try scope.unary(.tanh, x)
    case .hardTanh: return try scope.unary(.clip(minimum: -1, maximum: 1), x)
    case .softplus: return try scope.unary(.softplus, x)
    case .softsign: return try scope.unary(.softsign, x)
    case .squareplus: return try scope.squareplus(x, b: 4)
    case .softShrink: return try scope.softShrink(x, threshold: 0.5)
    case .hardShrink: return try scope.hardShrink(x, threshold: 0.5)
    case .tanhShrink: return try scope.subtract(x, scope.unary(.tanh, x))
    case .sparsePlus: return try scope.sparsePlus(x)
    case .sparseSigmoid: return try scope.unary(.hardSigmoid(alpha: 0.5, beta: 0.5), x)
    case .sparsemax: return try scope.sparsemax(x, axis: scope.rank(of: x) - 1)
    case .softmax: return try scope.emit(.softmax(axis: scope.rank(of: x) - 1), x)
    case .logSoftmax: return try scope.emit(.logSoftmax(axis: scope.rank(of: x) - 1), x)
    case .logSigmoid: return try scope.unary(.negate, scope.unary(.softplus, scope.unary(.negate, x)))
    case .exponential: return try scope.unary(.exp, x)
    case .mish: return try scope.unary(.mish, x)
    case .glu: return try scope.glu(x, axis: scope.rank(of: x) - 1)
    }
  }
}

/// Functions that layers and operations share.
extension LoweringScope {
  /// `0.5 x (1 + erf(x / sqrt 2))`, or with tanh: `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
  func gelu(_ x: Value, approximate: Bool) throws(KerasImportError) -> Value {
    try unary(.gelu(approximate: approximate), x)
  }

  /// `(x + sqrt(x^2 + b)) / 2`.
  func squareplus(_ x: Value, b: Double) throws(KerasImportError) -> Value {
    try multiply(add(x, unary(.sqrt, add(multiply(x, x), b))), 0.5)
  }

  /// `sign(x) max(|x| - threshold, 0)`.
  func softShrink(_ x: Value, threshold: Double) throws(KerasImportError) -> Value {
    try multiply(unary(.sign, x), unary(.relu, add(unary(.absolute, x), -threshold)))
  }

  /// `x` where `|x| > threshold`, else 0.
  func hardShrink(_ x: Value, threshold: Double) throws(KerasImportError) -> Value {
    let isKept = try emit(.compare(.greater), unary(.absolute, x), scalar(threshold, like: x))
    return try emit(.select, isKept, x, scalar(0, like: x))
  }

  /// 0 up to -1, `(x + 1)^2 / 4` up to 1, then `x`.
  func sparsePlus(_ x: Value) throws(KerasImportError) -> Value {
    let shifted = try add(x, 1)
    let square = try multiply(multiply(shifted, shifted), 0.25)
    let isBelow = try emit(.compare(.lessOrEqual), x, scalar(-1, like: x))
    let isMiddle = try emit(.compare(.less), x, scalar(1, like: x))
    return try emit(.select, isBelow, scalar(0, like: x), emit(.select, isMiddle, square, x))
  }

  /// The first half times the sigmoid of the second along an axis.
  func glu(_ x: Value, axis: Int) throws(KerasImportError) -> Value {
    let half = shape(of: x)[axis] / 2
    let parts = try emitAll(.split(axis: axis, sizes: [half, half]), [x])
    return try multiply(parts[0], unary(.sigmoid, parts[1]))
  }

  /// `max(x - tau, 0)`, with Keras's threshold: the sum over the support of the running sums less 1, by its size.
  func sparsemax(_ x: Value, axis: Int) throws(KerasImportError) -> Value {
    let size = shape(of: x)[axis]
    let rank = rank(of: x)
    let sorted = try emitAll(.topK(k: size, axis: axis, largest: true), [x])[0]
    let sums = try emit(.cumulative(.sum, axis: axis, reverse: false, exclusive: false), sorted)
    let ranks = try add(cast(emit(.range(size)), to: dtype(of: x)), 1)
    let r = try alongAxis(ranks, axis: axis, rank: rank)
    let isSupport = try emit(.compare(.greater), add(multiply(r, sorted), 1), sums)
    let support = try cast(isSupport, to: dtype(of: x))
    let count = try reduce(.sum, support, axes: [axis], keepDims: true)
    let total = try reduce(.sum, multiply(sums, support), axes: [axis], keepDims: true)
    let tau = try divide(add(total, -1), count)
    return try unary(.relu, subtract(x, tau))
  }
}

extension LayerRegistry {
  /// The activations a layer may name, sorted.
  public var activationNames: [String] { Activation.Name.allCases.map(\.rawValue).sorted() }
}
