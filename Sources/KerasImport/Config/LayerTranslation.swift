import NativeFormat

/// One layer's class and configuration on their way to today's.
struct LayerTranslation {
  var className: String
  var config: JSONObject
  var module = "keras.layers"
  let writer: Writer
  /// The data format of a layer that does not store it.
  let format: String?

  init(className: String, config: JSONObject, writer: Writer, format: String?) {
    self.className = className
    self.config = config
    self.writer = writer
    self.format = format
  }

  mutating func run() throws(KerasImportError) {
    className = LayerTranslation.renamed(className)
    let original = className
    defer { if className != original { config.insert(.classWhenWritten(original)) } }
    if writer.generation < 2 { try translateKeras1() }
    className = LayerTranslation.classes[className] ?? className
    try translateKeras2()
    try translatePreprocessing()
    try translateActivations()
    try translateTheano()
    let isLocal = className.hasPrefix("LocallyConnected")
    for key in config.keys
    where LayerTranslation.dropped.contains(key) && !(isLocal && key == "implementation") {
      config[key] = nil
    }
    if LayerTranslation.own.contains(className) { module = "kconvert.layers" }
  }

  /// Class names that only got another spelling, without the version suffixes of TensorFlow 1.13.
  private static func renamed(_ name: String) -> String {
    for base in ["BatchNormalization", "LSTM", "GRU", "LSTMCell", "GRUCell", "Normalization"]
    where name == base + "V1" || name == base + "V2" { return base }
    return name
  }

  /// Old class, new class.
  private static let classes: [String: String] = [
    "Convolution1D": "Conv1D", "Convolution2D": "Conv2D", "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D", "AtrousConvolution2D": "Conv2D", "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D", "Deconvolution2D": "Conv2DTranspose", "Deconvolution3D": "Conv3DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose", "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D", "TimeDistributedDense": "Dense", "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU", "SyncBatchNormalization": "BatchNormalization", "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D", "MaxPool3D": "MaxPooling3D", "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D", "AvgPool3D": "AveragePooling3D", "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D", "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D", "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D", "AddLoss": "Identity", "AddMetric": "Identity",
  ]

  /// Classes that Keras 3 has no layer for.
  private static let own: Set<String> = [
    "LocallyConnected1D", "LocallyConnected2D", "Highway", "MaxoutDense", "ParametricSoftplus", "SReLU",
    "ThresholdedReLU", "SampleNormalization", "BatchStatisticsNormalization", "CosineMerge", "InferenceCrop",
  ]

  /// Keys that say nothing about inference, or only how arrays were arranged.
  private static let dropped: Set<String> = [
    "init", "inner_init", "forget_bias_init", "W_regularizer", "b_regularizer", "U_regularizer",
    "W_constraint",
    "b_constraint", "U_constraint", "depthwise_initializer", "input_dtype", "cache_enabled", "custom_name",
    "batch_input_shape", "implementation", "fused", "num_constants",
    "synchronized", "unit_forget_bias", "consume_less", "beta_init", "gamma_init",
    "weights",
    "adjustment", "key_shape", "query_shape", "value_shape", "causal", "unroll", "input_shape", "batch_size",
    "mode_type", "output_mask_type", "output_shape_type", "gamma_regularizer",
    "beta_regularizer",
  ]
}

// MARK: - Keras 1

extension LayerTranslation {
  /// Old key, new key, for every layer that has it.
  private static let keys: [(String, String)] = [
    ("nb_filter", "filters"), ("border_mode", "padding"), ("subsample", "strides"),
    ("subsample_length", "strides"),
    ("atrous_rate", "dilation_rate"), ("pool_length", "pool_size"), ("stride", "strides"), ("length", "size"),
    ("p", "rate"), ("sigma", "stddev"), ("bias", "use_bias"), ("inner_activation", "recurrent_activation"),
    ("dropout_W", "dropout"), ("dropout_U", "recurrent_dropout"), ("filter_length", "kernel_size"),
  ]

  private static let spatial: Set<String> = [
    "UpSampling2D", "ZeroPadding2D", "Cropping2D", "SpatialDropout2D", "UpSampling3D", "ZeroPadding3D",
    "Cropping3D",
    "SpatialDropout3D", "GlobalMaxPooling2D", "GlobalAveragePooling2D",
  ]

  mutating func rename(_ old: String, _ new: String) {
    guard let value = config.removeValue(forKey: old) else { return }
    config[new] = value
  }

  private mutating func translateKeras1() throws(KerasImportError) {
    if className == "InputLayer" { rename("input_dtype", "dtype") }
    for (old, new) in LayerTranslation.keys { rename(old, new) }
    if className == "Embedding" {
      for key in ["dropout", "input_length"] { config[key] = nil }
    } else {
      rename("output_dim", "units")
      for key in ["input_dim", "input_length"] { config[key] = nil }
    }
    for names in [["nb_row", "nb_col"], ["kernel_dim1", "kernel_dim2", "kernel_dim3"]] {
      let sizes = names.compactMap { config.removeValue(forKey: $0) }
      if !sizes.isEmpty { config["kernel_size"] = .array(sizes) }
    }
    translateOrdering()
    if config["padding"]?.string == "full" { throw KerasImportError(.unsupported("border_mode \"full\"")) }
    if className.hasPrefix("Deconv") || className.hasPrefix("Highway") || className == "Reshape" {
      config["output_shape"] = nil
    }
    switch className {
    case "Merge": try translateMerge()
    case "BatchNormalization": try translateNormalization()
    case "GRU": config["reset_after"] = false
    case "ZeroPadding1D", "ZeroPadding2D", "Cropping2D": try translatePadding()
    default: break  // Its keys have been renamed above, and mean the same.
    }
  }

  private mutating func translateOrdering() {
    let ordering = config.removeValue(forKey: "dim_ordering")?.string
    if let ordering {
      config["data_format"] = ordering == "th" ? "channels_first" : "channels_last"
    } else if let format, LayerTranslation.spatial.contains(className) {
      config["data_format"] = .string(format)
    }
    if className == "Flatten" || className.hasSuffix("1D") { config["data_format"] = nil }
  }

  private mutating func translateNormalization() throws(KerasImportError) {
    guard let mode = config.removeValue(forKey: "mode"), mode.int != 0 else { return }
    switch mode.int {
    case 1: className = "SampleNormalization"
    case 2: className = "BatchStatisticsNormalization"
    default: throw KerasImportError(.unsupported("BatchNormalization with mode \(mode.shortText)"))
    }
  }

  /// One number, one per axis, four numbers or a dictionary: pairs.
  private mutating func translatePadding() throws(KerasImportError) {
    let key = className == "Cropping2D" ? "cropping" : "padding"
    guard let value = config[key] else { return }
    if let sides = value.object {
      let names =
        ["left_pad", "right_pad"] + (className == "ZeroPadding1D" ? [] : ["top_pad", "bottom_pad"])
      if let other = sides.keys.first(where: { !names.contains($0) }) {
        throw KerasImportError(.unknownKeys([other])).at(.key(key))
      }
      // Keras 1 pads a side that is not named with nothing.
      func side(_ name: String) -> JSONValue { sides[name] ?? 0 }
      let width: JSONValue = [side("left_pad"), side("right_pad")]
      config[key] = className == "ZeroPadding1D" ? width : [[side("top_pad"), side("bottom_pad")], width]
    } else if className == "ZeroPadding1D" {
      return
    } else if let items = value.array, items.count == 4 {
      config[key] = .array([.array([items[0], items[1]]), .array([items[2], items[3]])])
    } else if let items = value.array, items.count == 2, items[0].int != nil {
      config[key] = .array([.array([items[0], items[0]]), .array([items[1], items[1]])])
    }
  }

  private mutating func translateMerge() throws(KerasImportError) {
    let mode = config["mode"]?.string ?? "sum"
    var merged = JSONObject()
    merged["name"] = config["name"]
    guard config["mode_type"]?.string ?? "raw" == "raw" else {
      throw KerasImportError(
        .unsupported("a Merge whose mode is a function of the program that made the file"))
    }
    switch mode {
    case "sum": className = "Add"
    case "mul": className = "Multiply"
    case "ave": className = "Average"
    case "max": className = "Maximum"
    case "concat":
      className = "Concatenate"
      merged["axis"] = config["concat_axis"] ?? -1
    case "dot", "cos":
      className = mode == "dot" ? "Dot" : "CosineMerge"
      var axes = config["dot_axes"] ?? -1
      if let pair = axes.array, let first = pair.first?.array?.first, let second = pair.last?.array?.first {
        axes = .array([first, second])
      }
      merged["axes"] = axes
    default: throw KerasImportError(.unsupported("Merge mode \"\(mode)\""))
    }
    config = merged
  }
}

// MARK: - Keras 2 and tf.keras

extension LayerTranslation {
  private static let merging: Set<String> = [
    "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate",
  ]

  private mutating func translateKeras2() throws(KerasImportError) {
    if config["time_major"]?.bool == false { config["time_major"] = nil }
    markMasksAndTypes()
    try renameKeras2()
    if writer.generation >= 2, className == "LSTM" || className == "GRU" { fillCuDNN() }
    if let dtype = config["dtype"], dtype.isNull { config["dtype"] = nil }
  }

  /// What layers before Keras 3 did otherwise with masks and element types.
  private mutating func markMasksAndTypes() {
    if LayerTranslation.merging.contains(className) { config.insert(.mergesMasks(.and)) }
    if Keras3Config.maskedSoftmax.contains(className) {
      config.insert(.spreadsFullyMasked)
      config.insert(.lowersByMask)
    }
    if className == "GlobalAveragePooling1D" { config.insert(.weighsByMask) }
    if className == "LayerNormalization" || className == "GroupNormalization" {
      config.insert(.normalizesUnrounded)
    }
    if className.hasPrefix("GlobalAveragePooling") { config.insert(.averagesInIntegers) }
    if LegacyConfig.recurrent.contains(className) { config.insert(.masksBesideStates) }
    if className == "Attention" || className == "AdditiveAttention" { config.insert(.keepsRankWhenCausal) }
    if ["Identity", "Rescaling", "Normalization"].contains(className) { config.insert(.dropsMask) }
    if className == "BatchNormalization", config["trainable"]?.bool == false,
      !writer.isTensorFlow || writer.generation < 2
    {
      config.insert(.trainsWhenFrozen)
    }
  }

  /// Keys by their new names, and marks for what one class did otherwise.
  private mutating func renameKeras2() throws(KerasImportError) {
    switch className {
    case "InputLayer": rename("batch_input_shape", "batch_shape")
    case "LeakyReLU": rename("alpha", "negative_slope")
    case "BatchNormalization", "SampleNormalization", "BatchStatisticsNormalization":
      if let axes = config["axis"]?.array, axes.count == 1 { config["axis"] = axes[0] }
    case "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose",
      "Conv2DTranspose", "Conv3DTranspose":
      config["groups"] = nil
      if className.hasPrefix("Depthwise") {
        for key in ["filters", "kernel_initializer"] { config[key] = nil }
      }
    case "Embedding": config["input_length"] = nil
    case "MultiHeadAttention":
      let axes = config["attention_axes"]?.array ?? [config["attention_axes"] ?? .null]
      if axes.contains(where: { $0.int.map { $0 < 0 } == true }) {
        throw KerasImportError(
          .unsupported("negative attention_axes, which before Keras 3 count the heads in"))
      }
      if writer.isBefore(10) { config.insert(.attendsToMasked) }
    case "GRU", "GRUCell": if config["reset_after"] == nil { config["reset_after"] = false }
    case "Bidirectional":
      // TensorFlow made masked steps of returned sequences zeros; before, they repeated the step before them.
      if !writer.isTensorFlow || writer.isBefore(2) { config.insert(.repeatsMaskedSteps) }
    case "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomBrightness",
      "RandomContrast",
      "RandomHeight", "RandomWidth":
      config.insert(.resizesToPolicyType)
    case "UpSampling2D":
      if config["interpolation"]?.string ?? "nearest" != "nearest" { config.insert(.resizesToPolicyType) }
      if config["interpolation"]?.string == "bilinear", !writer.isTensorFlow {
        config.insert(.samplesFromCorners)
      }
    case "GlobalAveragePooling1D":
      if writer.generation < 2 || writer.isBefore(writer.isTensorFlow ? 2 : 1) {
        config.insert(.averagesMaskedSteps)
      }
    default: break  // Its keys are today's.
    }
  }

  /// CuDNN's layers have fixed activations that they do not store.
  private mutating func fillCuDNN() {
    guard config["activation"] == nil else { return }
    config["activation"] = "tanh"
    config["recurrent_activation"] = "sigmoid"
    if className == "GRU" { config["reset_after"] = true }
    config.insert(.isCuDNN)
  }

  /// Keras 3's hard_sigmoid has another slope.
  private mutating func translateActivations() throws(KerasImportError) {
    for key in ["activation", "recurrent_activation"] {
      if config[key]?.string == "hard_sigmoid" {
        config[key] = [
          "module": "kconvert.activations", "class_name": "HardSigmoid",
          "config": ["alpha": 0.2, "beta": 0.5],
        ]
      } else if config[key]?["class_name"] != nil, config[key]?["class_name"]?.string != "function",
        config[key]?["config"]?.object != nil
      {
        config[key] = try LegacyConfig(writer: writer, model: .null).layer(config[key] ?? .null)
      }
    }
  }

  private mutating func translateTheano() throws(KerasImportError) {
    let hasWindow = className.contains("Conv") || className.contains("Pooling")
    if writer.isTheano, hasWindow, config["padding"]?.string == "same" { config.insert(.padsFrontFirst) }
  }
}
