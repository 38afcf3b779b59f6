extension LayerFamily {
  /// The family of a class by its name and module; what is in no list is an operation or has weights of its own.
  init(className: String, module: String, isSupported: Bool) {
    guard isSupported else {
      self = .unknown
      return
    }
    if module.contains(".ops") { self = .operation; return }
    self =
      LayerFamily.byEnding.first { className.hasSuffix($0.ending) || className.hasPrefix($0.ending) }?.family
      ?? .operation
  }

  /// Beginnings and ends of class names, the first that fits counts.
  private static let byEnding: [(ending: String, family: LayerFamily)] = [
    ("InputLayer", .input), ("Functional", .model), ("Sequential", .model), ("Bidirectional", .wrapper),
    ("TimeDistributed", .wrapper), ("Wrapper", .wrapper), ("SpectralNormalization", .wrapper),
    ("ConvLSTM", .recurrent), ("LSTM", .recurrent), ("GRU", .recurrent), ("RNN", .recurrent),
    ("Cell", .recurrent),
    ("Cells", .recurrent), ("LayerNormalization", .normalization), ("Attention", .attention),
    ("Normalization", .normalization), ("LayerScale", .normalization),
    ("Pooling1D", .pooling), ("Pooling2D", .pooling), ("Pooling3D", .pooling),
    ("Conv", .convolution), ("DepthwiseConv", .convolution), ("SeparableConv", .convolution),
    ("LocallyConnected", .convolution), ("Dense", .dense), ("Embedding", .dense), ("Highway", .dense),
    ("Activation", .activation), ("ReLU", .activation), ("ELU", .activation), ("Softmax", .activation),
    ("ActivityRegularization", .regularization), ("Dropout", .regularization), ("Gaussian", .regularization),
    ("StochasticDepth", .regularization), ("Random", .preprocessing), ("Add", .merging),
    ("Subtract", .merging),
    ("Multiply", .merging), ("Average", .merging), ("Maximum", .merging), ("Minimum", .merging),
    ("Concatenate", .merging), ("Dot", .merging), ("CosineMerge", .merging), ("Flatten", .reshaping),
    ("Reshape", .reshaping), ("Permute", .reshaping), ("RepeatVector", .reshaping),
    ("ZeroPadding", .reshaping),
    ("Cropping", .reshaping), ("UpSampling", .reshaping), ("Rescaling", .preprocessing),
    ("Resizing", .preprocessing),
    ("Lookup", .preprocessing), ("TextVectorization", .preprocessing), ("Discretization", .preprocessing),
    ("CategoryEncoding", .preprocessing), ("Hash", .preprocessing), ("CenterCrop", .preprocessing),
    ("Spectrogram", .preprocessing),
  ]
}
