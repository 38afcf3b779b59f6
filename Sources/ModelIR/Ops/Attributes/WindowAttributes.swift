/// The order of a spatial operand's axes. Kernels have the same layout in both.
public enum DataLayout: String, Hashable, Sendable {
  /// `[N, spatial..., C]`, Keras's default.
  case channelsLast
  /// `[N, C, spatial...]`, ONNX's only one.
  case channelsFirst

  /// The channel axis of an operand of this rank.
  public func channelAxis(rank: Int) -> Int { self == .channelsLast ? rank - 1 : 1 }
  /// The spatial axes of an operand of this rank.
  public func spatialAxes(rank: Int) -> [Int] {
    self == .channelsLast ? Array(1..<max(rank - 1, 1)) : Array(2..<max(rank, 2))
  }
}

/// Padding of a window operation's spatial axes. More may come: switch over it with a `default`.
public enum Padding: Hashable, Sendable {
  /// Numbers of elements before and after the data, one pair per spatial axis.
  case explicit([PadPair])
  /// As many as make the output `ceil(n / stride)` long, the odd one after the data; depends on the run-time
  /// size. ONNX `auto_pad` SAME_UPPER. Importers use ``explicit(_:)`` where the size is known.
  case sameUpper
}

/// Elements added before and after the data along one axis.
public struct PadPair: Hashable, Sendable {
  /// Before the data.
  public var before: Int
  /// After the data.
  public var after: Int
  /// So many before and after the data.
  public init(_ before: Int, _ after: Int) {
    self.before = before
    self.after = after
  }
}

/// What a product does to its result before it is stored: it adds another operand, then applies a function.
public struct Epilogue: Hashable, Sendable {
  /// Whether the last operand, of the result's type, is added.
  public var addsOperand: Bool
  /// What is applied at the end; nil: nothing.
  public var function: UnaryFunction?
  /// Nothing unless said otherwise.
  public init(addsOperand: Bool = false, function: UnaryFunction? = nil) {
    self.addsOperand = addsOperand
    self.function = function
  }
  /// Whether there is nothing to do.
  public var isEmpty: Bool { !addsOperand && function == nil }
}

/// The order of a convolution kernel's axes.
public enum KernelOrder: Hashable, Sendable {
  /// Keras's: `[K..., C / groups, F]`; of a transposed convolution `[K..., F, C]`.
  case spatialFirst
  /// ONNX's: `[F, C / groups, K...]`; of a transposed convolution `[C, F, K...]`.
  case spatialLast
}

/// Attributes of ``Op/conv(_:)``; the arrays have one entry per spatial axis.
public struct ConvAttributes: Hashable, Sendable {
  /// The step from one window to the next, in elements.
  public var strides: [Int]
  /// The distance of a kernel's taps, in elements.
  public var dilations: [Int]
  /// What is added around the data.
  public var padding: Padding
  /// The number of blocks that input and output channels are split into (ONNX `group`).
  public var groups: Int
  /// Where the channels are.
  public var layout: DataLayout
  /// What is done to the result before it is stored.
  public var epilogue = Epilogue()
  /// The order of the kernel's axes.
  public var kernelOrder = KernelOrder.spatialFirst
  /// All attributes; no epilogue, Keras's kernel.
  public init(strides: [Int], dilations: [Int], padding: Padding, groups: Int, layout: DataLayout) {
    self.strides = strides
    self.dilations = dilations
    self.padding = padding
    self.groups = groups
    self.layout = layout
  }
}

/// Attributes of ``Op/convTranspose(_:)``; the arrays have one entry per spatial axis.
///
/// Output size: `(n - 1) * stride + (k - 1) * dilation + 1 - pads.before - pads.after + outputPadding`. Element
/// `x[i]` adds `x[i] * w[j]` at `i * stride + j * dilation - pads.before`; `outputPadding` are further elements at
/// the end, which hold what reaches them of the full result (else the bias alone).
public struct ConvTransposeAttributes: Hashable, Sendable {
  /// The step from one window to the next, in elements.
  public var strides: [Int]
  /// The distance of a kernel's taps, in elements.
  public var dilations: [Int]
  /// Elements added along each axis; taken away from a transposed convolution's result.
  public var pads: [PadPair]
  /// Further elements at the end of the result.
  public var outputPadding: [Int]
  /// Where the channels are.
  public var layout: DataLayout
  /// The order of the kernel's axes.
  public var kernelOrder = KernelOrder.spatialFirst
  /// All attributes; Keras's kernel.
  public init(strides: [Int], dilations: [Int], pads: [PadPair], outputPadding: [Int], layout: DataLayout) {
    self.strides = strides
    self.dilations = dilations
    self.pads = pads
    self.outputPadding = outputPadding
    self.layout = layout
  }
}

/// What ``Op/pool(_:)`` computes over a window. More may come: switch over it with a `default`.
public enum PoolFunction: Hashable, Sendable {
  /// The largest element inside the data; padding never wins.
  case maximum
  /// The mean of the elements inside the data; padding is not counted.
  case average
}

/// Attributes of ``Op/pool(_:)``; the arrays have one entry per spatial axis.
public struct PoolAttributes: Hashable, Sendable {
  /// What a window gives.
  public var function: PoolFunction
  /// The window's size, in elements.
  public var kernelSize: [Int]
  /// The step from one window to the next, in elements.
  public var strides: [Int]
  /// What is added around the data.
  public var padding: Padding
  /// Where the channels are.
  public var layout: DataLayout
  /// All attributes.
  public init(function: PoolFunction, kernelSize: [Int], strides: [Int], padding: Padding, layout: DataLayout)
  {
    self.function = function
    self.kernelSize = kernelSize
    self.strides = strides
    self.padding = padding
    self.layout = layout
  }
}
