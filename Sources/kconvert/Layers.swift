import ArgumentParser
import KerasImport
import NativeFormat

/// `kconvert layers`: what is supported, with what it becomes in ONNX.
struct Layers: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the supported layers, operations and activations.")

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let registry = LayerRegistry.standard
    let sections = [
      ("layers", registry.layerNames), ("operations", registry.operationNames),
      ("activations", registry.activationNames),
    ]
    if json {
      let members = sections.map { title, names in
        (
          title,
          JSONValue.array(
            names.map {
              .object(JSONObject([("name", .string($0)), ("onnx", .string(OperatorMap.text($0)))]))
            })
        )
      }
      try StandardOutput.json(JSONValue.object(JSONObject(members)).text(.compact) + "\n")
      return
    }
    try StandardOutput.line(
      "Read from files of Keras 1.0 to 3.15 and tf.keras; names of earlier releases are rewritten to these.")
    for (title, names) in sections {
      try StandardOutput.write("\n\(title.capitalized) (\(names.count)) and their ONNX operators\n")
      let width = names.map(\.count).max() ?? 0  // There are layers.
      for name in names {
        try StandardOutput.line("  \(name)\(String(repeating: " ", count: width - name.count))  \(OperatorMap.text(name))")
      }
    }
  }
}

/// The ONNX operators that stand at the heart of a layer; exporters add what shapes and types need.
enum OperatorMap {
  /// Longer prefixes first.
  private static let families: [(prefix: String, operators: String)] = [
    ("ConvLSTM", "Scan, Conv"), ("Conv1DTranspose", "ConvTranspose"), ("Conv2DTranspose", "ConvTranspose"),
    ("Conv3DTranspose", "ConvTranspose"), ("Conv", "Conv"), ("DepthwiseConv", "Conv"),
    ("SeparableConv", "Conv"),
    ("MaxPooling", "MaxPool"), ("AveragePooling", "AveragePool"), ("GlobalMaxPooling", "ReduceMax"),
    ("GlobalAveragePooling", "ReduceMean"), ("AdaptiveMax", "Slice, ReduceMax"),
    ("AdaptiveAverage", "Slice, ReduceMean"),
    ("BatchNormalization", "BatchNormalization"), ("LayerNormalization", "LayerNormalization"),
    ("GroupNormalization", "ReduceMean, Div"),
    ("RMSNormalization", "ReduceMean, Div"), ("UnitNormalization", "ReduceSum, Div"),
    ("Dense", "MatMul, Add"),
    ("EinsumDense", "Einsum, Add"), ("Embedding", "Gather"), ("ReversibleEmbedding", "Gather, MatMul"),
    ("LSTM", "LSTM"),
    ("GRU", "GRU"), ("SimpleRNN", "RNN"), ("RNN", "LSTM, GRU, RNN"), ("StackedRNNCells", "LSTM, GRU, RNN"),
    ("Bidirectional", "LSTM, GRU, RNN"), ("TimeDistributed", "Reshape and the inner layer"),
    ("MultiHeadAttention", "MatMul, Softmax"), ("Group", "MatMul, Softmax"),
    ("AdditiveAttention", "Tanh, Softmax, MatMul"),
    ("Attention", "MatMul, Softmax"), ("UpSampling", "Resize"), ("ZeroPadding", "Pad"), ("Cropping", "Slice"),
    ("LocallyConnected", "Gather, Einsum"), ("MaxoutDense", "Einsum, ReduceMax"),
    ("Highway", "MatMul, Sigmoid"),
    ("ParametricSoftplus", "Softplus, Mul"), ("SReLU", "Relu, Min"), ("ThresholdedReLU", "Greater, Mul"),
    ("SampleNormalization", "ReduceMean, Div"), ("BatchStatisticsNormalization", "ReduceMean, Div"),
    ("CosineMerge", "Einsum, Div"), ("Resizing", "Resize, MatMul"), ("Pipeline", "the inner layers"),
    ("CenterCrop", "Slice, Resize"),
    ("InferenceCrop", "Slice, Resize"), ("Discretization", "Less, ReduceSum"),
    ("CategoryEncoding", "Equal, ReduceSum"),
    ("IntegerLookup", "LabelEncoder"), ("StringLookup", "LabelEncoder; hashes of strings: none"),
    ("TextVectorization", "no ONNX operator"),
    ("Hashing", "integers: 64-bit arithmetic; strings: no ONNX operator"),
    ("HashedCrossing", "integers: 64-bit arithmetic; strings: no ONNX operator"), ("Flatten", "Reshape"),
    ("Reshape", "Reshape"), ("Permute", "Transpose"), ("RepeatVector", "Expand"), ("Dropout", "none"),
    ("SpatialDropout", "none"), ("Gaussian", "none"), ("AlphaDropout", "none"),
    ("ActivityRegularization", "none"),
    ("Identity", "none"), ("Random", "none"), ("Rand", "none"), ("Solarization", "none"),
    ("Equalization", "none"),
    ("CutMix", "none"), ("MixUp", "none"), ("AugMix", "none"), ("InputLayer", "graph input"),
    ("Masking", "Equal, ReduceMax, Mul"),
    ("Activation", "per activation"), ("Concatenate", "Concat"), ("Subtract", "Sub"), ("Multiply", "Mul"),
    ("Average", "Add, Mul"),
    ("Maximum", "Max"), ("Minimum", "Min"), ("Add", "Add"), ("Dot", "Einsum"), ("LeakyReLU", "LeakyRelu"),
    ("PReLU", "Relu, Mul, Sub"),
    ("ReLU", "Relu, Clip"), ("ELU", "Elu"), ("Softmax", "Softmax"), ("Rescaling", "Mul, Add"),
    ("Normalization", "Sub, Div"),
    ("SpectralNormalization", "the inner layer"),
  ]

  static func text(_ name: String) -> String {
    families.first { name.hasPrefix($0.prefix) }?.operators ?? "the operator of that name, or a composition"
  }
}
