import NativeFormat

/// What one TensorFlow function is among Keras's operations.
struct TensorFlowFunction {
  struct Setting {
    let from: String
    let to: String
    let standard: JSONValue?
  }
  let module: String
  let className: String
  /// TensorFlow's names of the arguments that are tensors or operands.
  let tensors: [String]
  let settings: [Setting]

  private init(_ module: String, _ className: String, _ tensors: [String], _ settings: [Setting] = []) {
    self.module = module
    self.className = className
    self.tensors = tensors
    self.settings = settings
  }

  /// A function's name without the modules that repeat it.
  static func plainName(_ full: String) -> String {
    var name = full
    for prefix in ["compat.v1.", "math.", "linalg.", "dtypes.", "__operators__."] where name.hasPrefix(prefix)
    {
      name.removeFirst(prefix.count)
    }
    return aliases[name] ?? name
  }

  private static let aliases: [String: String] = [
    "nn.l2_normalize": "l2_normalize", "nn.top_k": "top_k", "nn.swish": "nn.silu", "floor_div": "floordiv",
    "rint": "round", "manip.roll": "roll", "nn.tanh": "tanh",
    "nn.sigmoid": "sigmoid", "nn.softplus": "softplus", "arg_max": "argmax", "arg_min": "argmin",
    "matrix_band_part": "band_part", "nn.zero_fraction": "zero_fraction",
    "nn.softmax_cross_entropy_with_logits_v2": "nn.softmax_cross_entropy_with_logits", "eq": "equal",
    "ne": "not_equal",
  ]

  static func named(_ full: String) -> TensorFlowFunction? {
    let name = plainName(full)
    if let className = unary[name] {
      return TensorFlowFunction(className.0, className.1, ["x"]).firstNamed(name)
    }
    if let className = binary[name] {
      return TensorFlowFunction("numpy", className, operandNames[full] ?? ["x", "y"])
    }
    if let className = reductions[name] {
      return TensorFlowFunction(
        name == "reduce_logsumexp" ? "math" : "numpy", className, ["input_tensor"],
        [
          Setting(from: "axis", to: "axis", standard: nil),
          Setting(from: "keepdims", to: "keepdims", standard: false),
        ])
    }
    return others[name]
  }

  /// TensorFlow is not of one mind about what the first argument is called.
  private func firstNamed(_ name: String) -> TensorFlowFunction {
    let features: Set<String> = [
      "relu", "nn.relu", "nn.relu6", "nn.selu", "nn.elu", "softplus", "nn.softsign",
    ]
    if features.contains(name) { return TensorFlowFunction(module, className, ["features"]) }
    let input: Set<String> = ["identity", "stop_gradient", "real"]
    return input.contains(name) ? TensorFlowFunction(module, className, ["input"]) : self
  }

  /// Other names of the two operands.
  private static let operandNames: [String: [String]] = [
    "math.atan2": ["y", "x"], "atan2": ["y", "x"], "__operators__.eq": ["self", "other"],
    "__operators__.ne": ["self", "other"],
  ]

  private static let unary: [String: (String, String)] = [
    "negative": ("numpy", "Negative"), "abs": ("numpy", "Absolute"), "square": ("numpy", "Square"),
    "sqrt": ("numpy", "Sqrt"), "rsqrt": ("math", "Rsqrt"), "exp": ("numpy", "Exp"), "log": ("numpy", "Log"),
    "log1p": ("numpy", "Log1p"), "expm1": ("numpy", "Expm1"), "sin": ("numpy", "Sin"),
    "cos": ("numpy", "Cos"),
    "tan": ("numpy", "Tan"), "tanh": ("numpy", "Tanh"), "sigmoid": ("nn", "Sigmoid"), "erf": ("math", "Erf"),
    "round": ("numpy", "Round"), "floor": ("numpy", "Floor"), "ceil": ("numpy", "Ceil"),
    "sign": ("numpy", "Sign"),
    "is_nan": ("numpy", "Isnan"), "is_inf": ("numpy", "Isinf"), "is_finite": ("numpy", "Isfinite"),
    "reciprocal": ("numpy", "Reciprocal"), "logical_not": ("numpy", "LogicalNot"),
    "softplus": ("nn", "Softplus"),
    "nn.relu": ("nn", "Relu"), "nn.relu6": ("nn", "Relu6"), "nn.selu": ("nn", "Selu"),
    "nn.elu": ("nn", "Elu"),
    "nn.softsign": ("nn", "Softsign"), "identity": ("numpy", "Copy"), "stop_gradient": ("numpy", "Copy"),
    "neg": ("numpy", "Negative"), "log_sigmoid": ("nn", "LogSigmoid"), "erfc": ("math", "Erfc"),
    "asin": ("numpy", "Arcsin"), "acos": ("numpy", "Arccos"), "atan": ("numpy", "Arctan"),
    "sinh": ("numpy", "Sinh"), "cosh": ("numpy", "Cosh"), "asinh": ("numpy", "Arcsinh"),
    "acosh": ("numpy", "Arccosh"), "atanh": ("numpy", "Arctanh"), "erfinv": ("math", "Erfinv"),
    "real": ("numpy", "Real"), "conj": ("numpy", "Copy"), "bitwise.invert": ("numpy", "BitwiseInvert"),
  ]

  private static let binary: [String: String] = [
    "add": "Add", "subtract": "Subtract", "multiply": "Multiply", "truediv": "TrueDivide",
    "divide": "TrueDivide",
    "floordiv": "FloorDivide", "floormod": "Mod", "mod": "Mod", "pow": "Power", "maximum": "Maximum",
    "minimum": "Minimum", "greater": "Greater", "greater_equal": "GreaterEqual", "less": "Less",
    "less_equal": "LessEqual", "equal": "Equal", "not_equal": "NotEqual", "logical_and": "LogicalAnd",
    "logical_or": "LogicalOr", "logical_xor": "LogicalXor", "atan2": "Arctan2",
  ]

  private static let reductions: [String: String] = [
    "reduce_mean": "Mean", "reduce_sum": "Sum", "reduce_max": "Max", "reduce_min": "Min",
    "reduce_prod": "Prod",
    "reduce_std": "Std", "reduce_variance": "Var", "reduce_any": "Any", "reduce_all": "All",
    "reduce_logsumexp": "Logsumexp",
  ]

  private static func same(_ key: String, _ standard: JSONValue? = nil) -> Setting {
    Setting(from: key, to: key, standard: standard)
  }

  private static let others: [String: TensorFlowFunction] = {
    var table: [String: TensorFlowFunction] = [:]
    let perm = Setting(from: "perm", to: "axes", standard: nil)
    table["transpose"] = TensorFlowFunction("numpy", "Transpose", ["a"], [perm])
    table["expand_dims"] = TensorFlowFunction("numpy", "ExpandDims", ["input"], [same("axis")])
    table["squeeze"] = TensorFlowFunction("numpy", "Squeeze", ["input"], [same("axis")])
    table["concat"] = TensorFlowFunction("numpy", "Concatenate", ["values"], [same("axis")])
    table["stack"] = TensorFlowFunction("numpy", "Stack", ["values"], [same("axis", 0)])
    table["cast"] = TensorFlowFunction("core", "Cast", ["x"], [same("dtype")])
    table["nn.softmax"] = TensorFlowFunction("nn", "Softmax", ["logits"], [same("axis", -1)])
    table["nn.log_softmax"] = TensorFlowFunction("nn", "LogSoftmax", ["logits"], [same("axis", -1)])
    table["nn.gelu"] = TensorFlowFunction("nn", "Gelu", ["features"], [same("approximate", false)])
    let slope = Setting(from: "alpha", to: "negative_slope", standard: 0.2)
    table["nn.leaky_relu"] = TensorFlowFunction("nn", "LeakyRelu", ["features"], [slope])
    table["where"] = TensorFlowFunction("numpy", "Where", ["condition", "x", "y"])
    table["divide_no_nan"] = TensorFlowFunction("numpy", "DivideNoNan", ["x", "y"])
    table["cross"] = TensorFlowFunction("numpy", "Cross", ["a", "b"])
    for (name, className) in [("left", "LeftShift"), ("right", "RightShift")] {
      table["bitwise.\(name)_shift"] = TensorFlowFunction("numpy", className, ["x", "y"])
    }
    for (name, className) in [("and", "BitwiseAnd"), ("or", "BitwiseOr"), ("xor", "BitwiseXor")] {
      table["bitwise.bitwise_\(name)"] = TensorFlowFunction("numpy", className, ["x", "y"])
    }
    for (name, className) in [("sum", "Sum"), ("max", "Max"), ("min", "Min"), ("prod", "Prod")] {
      table["unsorted_segment_\(name)"] = TensorFlowFunction(
        "math", "Segment\(className)", ["data", "segment_ids"], [same("num_segments")])
    }
    return table.merging(matrices) { $1 }.merging(colours) { $1 }
  }()

  private static let matrices: [String: TensorFlowFunction] = [
    "inv": TensorFlowFunction("linalg", "Inv", ["input"]),
    "det": TensorFlowFunction("linalg", "Det", ["input"]),
    "cholesky": TensorFlowFunction("linalg", "Cholesky", ["input"]),
    "solve": TensorFlowFunction("linalg", "Solve", ["matrix", "rhs"]),
    "triangular_solve": TensorFlowFunction(
      "linalg", "SolveTriangular", ["matrix", "rhs"], [same("lower", true)]),
    "pinv": TensorFlowFunction("linalg", "Pinv", ["a"], [same("rcond")]),
  ]

  private static let colours: [String: TensorFlowFunction] = {
    // Not an argument of TensorFlow's, whose channels are always last.
    let last = same("data_format", "channels_last")
    return [
      "image.rgb_to_hsv": TensorFlowFunction("image", "RGBToHSV", ["images"], [last]),
      "image.hsv_to_rgb": TensorFlowFunction("image", "HSVToRGB", ["images"], [last]),
    ]
  }()

  /// TensorFlow's names, in order, of the arguments of functions that are operations of their own (`tf.reshape`).
  static let signatures: [String: [String]] = [
    "shape": ["input", "out_type"], "size": ["input", "out_type"], "rank": ["input"],
    "reshape": ["tensor", "shape"], "ensure_shape": ["x", "shape"], "keras.backend.batch_flatten": ["x"],
    "broadcast_to": ["input", "shape"], "slice": ["input_", "begin", "size"],
    "strided_slice": [
      "input_", "begin", "end", "strides", "begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask",
      "shrink_axis_mask",
    ],
    "split": ["value", "num_or_size_splits", "axis", "num"], "unstack": ["value", "num", "axis"],
    "tile": ["input", "multiples"], "pad": ["tensor", "paddings", "mode", "constant_values"],
    "reverse": ["tensor", "axis"], "roll": ["input", "shift", "axis"],
    "repeat": ["input", "repeats", "axis"],
    "matrix_transpose": ["a"], "gather": ["params", "indices", "validate_indices", "axis", "batch_dims"],
    "gather_nd": ["params", "indices", "batch_dims"], "boolean_mask": ["tensor", "mask", "name", "axis"],
    "tensor_scatter_nd_update": ["tensor", "indices", "updates"],
    "tensor_scatter_nd_add": ["tensor", "indices", "updates"],
    "tensor_scatter_nd_max": ["tensor", "indices", "updates"],
    "tensor_scatter_nd_min": ["tensor", "indices", "updates"],
    "one_hot": ["indices", "depth", "on_value", "off_value", "axis", "dtype"],
    "sequence_mask": ["lengths", "maxlen", "dtype"], "zeros_like": ["input", "dtype"],
    "ones_like": ["input", "dtype"], "fill": ["dims", "value"], "zeros": ["shape", "dtype"],
    "ones": ["shape", "dtype"], "range": ["start", "limit", "delta", "dtype"],
    "squared_difference": ["x", "y"], "xlogy": ["x", "y"], "xdivy": ["x", "y"],
    "multiply_no_nan": ["x", "y"],
    "clip_by_value": ["t", "clip_value_min", "clip_value_max"], "nn.silu": ["features", "beta"],
    "nn.crelu": ["features", "axis"], "nn.dropout": ["x", "rate", "noise_shape", "seed"],
    "nn.bias_add": ["value", "bias", "data_format"], "add_n": ["inputs"], "accumulate_n": ["inputs"],
    "cumsum": ["x", "axis", "exclusive", "reverse"], "cumprod": ["x", "axis", "exclusive", "reverse"],
    "count_nonzero": ["input", "axis", "keepdims", "dtype"], "argmax": ["input", "axis", "output_type"],
    "argmin": ["input", "axis", "output_type"], "l2_normalize": ["x", "axis", "epsilon"],
    "reduce_euclidean_norm": ["input_tensor", "axis", "keepdims"],
    "norm": ["tensor", "ord", "axis", "keepdims"],
    "clip_by_norm": ["t", "clip_norm", "axes"],
    "nn.local_response_normalization": ["input", "depth_radius", "bias", "alpha", "beta"],
    "matmul": ["a", "b", "transpose_a", "transpose_b", "adjoint_a", "adjoint_b"],
    "tensordot": ["a", "b", "axes"], "band_part": ["input", "num_lower", "num_upper"],
    "diag_part": ["input", "k"], "trace": ["x"], "diag": ["diagonal", "k"],
    "in_top_k": ["predictions", "targets", "k"], "top_k": ["input", "k", "sorted", "index_type"],
    "sort": ["values", "axis", "direction"],
    "argsort": ["values", "axis", "direction", "stable"],
    "nn.max_pool": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.max_pool1d": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.max_pool2d": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.max_pool3d": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.avg_pool": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.avg_pool1d": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.avg_pool2d": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.avg_pool3d": ["input", "ksize", "strides", "padding", "data_format"],
    "nn.pool": ["input", "window_shape", "pooling_type", "strides", "padding", "data_format", "dilations"],
    "nn.conv1d": ["input", "filters", "stride", "padding", "data_format", "dilations"],
    "nn.conv2d": ["input", "filters", "strides", "padding", "data_format", "dilations"],
    "nn.conv3d": ["input", "filters", "strides", "padding", "data_format", "dilations"],
    "nn.convolution": ["input", "filters", "strides", "padding", "data_format", "dilations"],
    "nn.depthwise_conv2d": ["input", "filter", "strides", "padding", "data_format", "dilations"],
    "select": ["condition", "x", "y"], "einsum": ["operands", "equation"],
    "padv2": ["tensor", "paddings", "constant_values"],
    "gatherv2": ["params", "indices", "axis", "batch_dims"], "nn.embedding_lookup": ["params", "ids"],
    "nn.depth_to_space": ["input", "block_size", "data_format"],
    "nn.space_to_depth": ["input", "block_size", "data_format"],
    "image.resize": ["images", "size", "method", "preserve_aspect_ratio", "antialias"],
    "image.resize_bilinear": ["images", "size", "align_corners", "half_pixel_centers"],
    "image.resize_nearest_neighbor": ["images", "size", "align_corners", "half_pixel_centers"],
    "image.resize_with_pad": ["image", "target_height", "target_width", "method", "antialias"],
    "image.flip_left_right": ["image"], "image.flip_up_down": ["image"], "image.transpose": ["image"],
    "image.rot90": ["image", "k"], "image.central_crop": ["image", "central_fraction"],
    "image.crop_to_bounding_box": [
      "image", "offset_height", "offset_width", "target_height", "target_width",
    ],
    "image.pad_to_bounding_box": ["image", "offset_height", "offset_width", "target_height", "target_width"],
    "image.resize_with_crop_or_pad": ["image", "target_height", "target_width"],
    "image.rgb_to_grayscale": ["images"], "image.grayscale_to_rgb": ["images"],
    "image.adjust_brightness": ["image", "delta"], "image.adjust_contrast": ["images", "contrast_factor"],
    "image.per_image_standardization": ["image"],
    "image.extract_patches": ["images", "sizes", "strides", "rates", "padding"],
    "reciprocal_no_nan": ["x"], "truncatediv": ["x", "y"], "truncatemod": ["x", "y"],
    "scalar_mul": ["scalar", "x"],
    "polyval": ["coeffs", "x"], "identity_n": ["input"], "saturate_cast": ["value", "dtype"],
    "searchsorted": ["sorted_sequence", "values", "side", "out_type"], "zero_fraction": ["value", "dtype"],
    "nn.l2_loss": ["t"], "adjoint": ["matrix"], "set_diag": ["input", "diagonal", "k", "align"],
    "global_norm": ["t_list"], "normalize": ["tensor", "ord", "axis"],
    "tensor_scatter_nd_sub": ["tensor", "indices", "updates"], "scatter_nd": ["indices", "updates", "shape"],
    "nn.sigmoid_cross_entropy_with_logits": ["labels", "logits"],
    "nn.softmax_cross_entropy_with_logits": ["labels", "logits", "axis"],
    "space_to_batch": ["input", "block_shape", "paddings"],
    "space_to_batch_nd": ["input", "block_shape", "paddings"],
    "batch_to_space": ["input", "block_shape", "crops"],
    "batch_to_space_nd": ["input", "block_shape", "crops"],
    "reverse_sequence": ["input", "seq_lengths", "seq_axis", "batch_axis"],
    "nn.dilation2d": ["input", "filters", "strides", "padding", "data_format", "dilations"],
    "nn.erosion2d": ["value", "filters", "strides", "padding", "data_format", "dilations"],
    "nn.atrous_conv2d": ["value", "filters", "rate", "padding"],
    "nn.separable_conv2d": [
      "input", "depthwise_filter", "pointwise_filter", "strides", "padding", "data_format", "dilations",
    ],
    "nn.conv1d_transpose": [
      "input", "filters", "output_shape", "strides", "padding", "data_format", "dilations",
    ],
    "nn.conv2d_transpose": [
      "input", "filters", "output_shape", "strides", "padding", "data_format", "dilations",
    ],
    "nn.conv3d_transpose": [
      "input", "filters", "output_shape", "strides", "padding", "data_format", "dilations",
    ],
    "nn.conv_transpose": [
      "input", "filters", "output_shape", "strides", "padding", "data_format", "dilations",
    ],
    "signal.frame": ["signal", "frame_length", "frame_step", "pad_end", "pad_value", "axis"],
  ]
}
