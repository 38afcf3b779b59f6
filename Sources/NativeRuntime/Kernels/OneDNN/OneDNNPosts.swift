import COneDNN
import ModelIR

extension kdnn_posts {
  /// What the library does to a product's result before it stores it; nil when it does not know the function.
  init?(_ epilogue: Epilogue) {
    self.init()
    if epilogue.addsOperand { append(kdnn_post(kind: kdnn_post_accumulate)) }
    guard let function = epilogue.function else { return }
    guard let post = kdnn_post(function) else { return nil }
    append(post)
  }

  private mutating func append(_ post: kdnn_post) {
    if count == 0 { items.0 = post } else { items.1 = post }
    count += 1
  }
}

extension kdnn_post {
  fileprivate init(kind: kdnn_post_kind) {
    self.init()
    self.kind = kind
  }

  /// A function of one element in the library's words; nil when it has none that is the same.
  init?(_ function: UnaryFunction) {
    self.init(kind: kdnn_post_function)
    switch function {
    case .relu: set(kdnn_relu)
    case .leakyRelu(let slope): set(kdnn_relu, slope)
    case .elu(let alpha): set(kdnn_elu, alpha)
    case .tanh: set(kdnn_tanh)
    case .sigmoid: set(kdnn_logistic)
    case .square: set(kdnn_square)
    case .absolute: set(kdnn_abs)
    case .negate: set(kdnn_linear, -1, 0)
    case .gelu(approximate: true): set(kdnn_gelu_tanh)
    case .gelu(approximate: false): set(kdnn_gelu_erf)
    case .swish: set(kdnn_swish, 1)
    case .mish: set(kdnn_mish)
    case .hardSwish: set(kdnn_hardswish)
    case .clip(let minimum, let maximum):
      set(kdnn_clip, minimum ?? -.infinity, maximum ?? .infinity)
    case .sign, .reciprocal, .exp, .log, .sqrt, .expm1, .log1p, .floor, .ceil, .round, .truncate, .sin, .cos,
      .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erf, .selu, .hardSigmoid, .softplus,
      .softsign,
      .isNaN, .isInfinite, .logicalNot, .bitwiseNot:
      return nil
    }
  }

  private mutating func set(_ function: kdnn_function, _ alpha: Double = 0, _ beta: Double = 0) {
    self.function = function
    self.alpha = Float(alpha)
    self.beta = Float(beta)
  }
}
