package import ModelIR

extension SequenceRecurrentAttributes {
  /// The `direction` attribute.
  package var onnxDirection: String {
    if directions.count > 1 { return "bidirectional" }
    return cell.reverse ? "reverse" : "forward"
  }
}

extension RecurrentAttributes {
  /// The `activations` attribute and its parameters.
  package struct ONNXFunctions {
    package var names: [String]
    package var alphas: [Double]
    package var betas: [Double]

    package init(names: [String] = [], alphas: [Double] = [], betas: [Double] = []) {
      self.names = names
      self.alphas = alphas
      self.betas = betas
    }

    package mutating func append(_ other: ONNXFunctions) {
      names += other.names
      alphas += other.alphas
      betas += other.betas
    }
  }

  /// Whether the functions are those that ONNX takes without the attribute.
  package var hasUsualFunctions: Bool {
    activation == .tanh && (cell == .simple || recurrentActivation == .sigmoid)
  }

  /// The cell's functions as ONNX names them.
  package var onnxFunctions: ONNXFunctions {
    var functions = ONNXFunctions()
    let order: [Activation]
    switch cell {
    case .lstm: order = [recurrentActivation, activation, activation]
    case .gru: order = [recurrentActivation, activation]
    case .simple: order = [activation]
    }
    for function in order { functions.append(function.onnxFunction) }
    return functions
  }
}

extension RecurrentAttributes.Activation {
  fileprivate var onnxFunction: RecurrentAttributes.ONNXFunctions {
    switch self {
    case .linear: .init(names: ["Affine"], alphas: [1], betas: [0])
    case .tanh: .init(names: ["Tanh"])
    case .sigmoid: .init(names: ["Sigmoid"])
    case .relu: .init(names: ["Relu"])
    case .softplus: .init(names: ["Softplus"])
    case .softsign: .init(names: ["Softsign"])
    case .hardSigmoid(let alpha, let beta): .init(names: ["HardSigmoid"], alphas: [alpha], betas: [beta])
    case .elu(let alpha): .init(names: ["Elu"], alphas: [alpha])
    case .leakyRelu(let slope): .init(names: ["LeakyRelu"], alphas: [slope])
    }
  }
}

extension RecurrentAttributes.Activation {
  /// How many parameters (`activation_alpha`, `activation_beta`) a function takes; nil for one that cells do not have.
  package static func onnxParameterCounts(_ name: String) -> (alphas: Int, betas: Int)? {
    switch name {
    case "Tanh", "Sigmoid", "Relu", "Softplus", "Softsign": (0, 0)
    case "Elu", "LeakyRelu": (1, 0)
    case "HardSigmoid", "Affine": (1, 1)
    default: nil
    }
  }

  /// The function of a name with its parameters, as many as ``onnxParameterCounts(_:)`` says; nil where no cell has it.
  package init?(onnxName name: String, alphas: [Double], betas: [Double]) {
    switch name {
    case "Affine":
      guard alphas == [1], betas == [0] else { return nil }
      self = .linear
    case "Tanh": self = .tanh
    case "Sigmoid": self = .sigmoid
    case "Relu": self = .relu
    case "Softplus": self = .softplus
    case "Softsign": self = .softsign
    case "HardSigmoid": self = .hardSigmoid(alpha: alphas[0], beta: betas[0])
    case "Elu": self = .elu(alpha: alphas[0])
    case "LeakyRelu": self = .leakyRelu(slope: alphas[0])
    default: return nil
    }
  }
}
