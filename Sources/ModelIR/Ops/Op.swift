/// A primitive operation of the graph.
///
/// The set is closed: consumers switch over it without `default`, so that a new operation is a compile error
/// wherever it has to be handled. Each case says what it computes; the letters are N batch, T time steps, C channels,
/// F filters or units, K kernel size. Unless said otherwise operands must have equal element types and shapes
/// broadcast as in NumPy; importers insert casts.
public enum Op: Hashable, Sendable {
  // MARK: Elementwise

  /// A function of each element. `[x] -> [y]`, same type (predicates give bool).
  case unary(UnaryFunction)
  /// A function of two operands with broadcasting. `[a, b] -> [y]`.
  case binary(BinaryFunction)
  /// A comparison with broadcasting. `[a, b] -> [bool]`.
  case compare(Comparison)
  /// `condition ? a : b` with broadcasting. `[condition: bool, a, b] -> [y]`. ONNX Where.
  case select
  /// Conversion: float to integer truncates toward zero, anything to bool is `!= 0`. `[x] -> [y]`. ONNX Cast.
  case cast(DType)

  // MARK: Products

  /// NumPy's matmul of two operands of rank 2 or more; leading axes broadcast. ONNX MatMul.
  case matMul
  /// A product with a matrix, a bias and what the epilogue adds. `[x [..., C], kernel [C, F], bias [F]] -> [..., F]`, the
  /// epilogue's operand last. ONNX Gemm 13 (rank 2, no epilogue).
  case dense(Epilogue)
  /// A sum of products in Einstein's notation, letters only (no ellipsis), explicit output. ONNX Einsum 12.
  case einsum(String)
  /// Cross-correlation. `[x, kernel] -> [y]` or `[x, kernel, bias: [F]] -> [y]`, the epilogue's operand last; kernel
  /// `[K..., C / groups, F]` in both layouts, unless ``ConvAttributes/kernelOrder`` says otherwise. ONNX Conv.
  case conv(ConvAttributes)
  /// The transposed convolution. `[x, kernel] -> [y]` or with bias; kernel `[K..., F, C]` in both layouts,
  /// unless ``ConvTransposeAttributes/kernelOrder`` says otherwise. ONNX ConvTranspose.
  case convTranspose(ConvTransposeAttributes)

  /// Numbers of few bits as floats: `(q - zero) * scale`. `[q, scale] -> [y]` or `[q, scale, zero] -> [y]`; the result has
  /// the type of `scale`. ONNX DequantizeLinear: 4-bit numbers and blocks from 21 on.
  case dequantize(DequantizeAttributes)

  // MARK: Reductions

  /// Maximum or mean over a moving window. ONNX MaxPool, AveragePool.
  case pool(PoolAttributes)
  /// A reduction over axes (all in `0..<rank`, sorted; empty: no reduction). ONNX Reduce*.
  case reduce(ReduceFunction, axes: [Int], keepDims: Bool)
  /// The int64 index of the first largest or smallest element along an axis. ONNX ArgMax, ArgMin.
  case argReduce(ArgFunction, axis: Int, keepDims: Bool)
  /// Running sum or product along an axis. ONNX CumSum; products: Scan.
  case cumulative(CumulativeFunction, axis: Int, reverse: Bool, exclusive: Bool)
  /// The k largest (or smallest) elements along an axis in order, and their int64 indices; of equal elements the
  /// one with the lower index first. `[x] -> [values, indices]`. ONNX TopK 11.
  case topK(k: Dimension, axis: Int, largest: Bool)

  // MARK: Normalization

  /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`; the last four are `[C]`, C the size of `axis`.
  /// `[x, gamma, beta, mean, variance] -> [y]`. ONNX BatchNormalization (axis 1).
  case batchNormalization(axis: Int, epsilon: Double)
  /// `(x - mean) / sqrt(variance + epsilon)` by statistics of the data themselves, then scale and shift.
  case normalization(Normalization, epsilon: Double)
  /// `exp(x - max) / sum` along an axis. ONNX Softmax 13.
  case softmax(axis: Int)
  /// `x - logsumexp(x)` along an axis. ONNX LogSoftmax 13.
  case logSoftmax(axis: Int)

  // MARK: Movement

  /// The same elements, row-major, in another shape of equal element count. ONNX Reshape.
  case reshape(Shape)
  /// Axis `i` of the result is axis `permutation[i]` of the operand. ONNX Transpose.
  case transpose([Int])
  /// Operands joined along an axis. ONNX Concat.
  case concat(axis: Int)
  /// Consecutive parts along an axis, one result for each size. ONNX Split.
  case split(axis: Int, sizes: [Dimension])
  /// A strided part, NumPy's basic slices. ONNX Slice 10.
  case slice([SliceRange])
  /// Elements added around the operand. ONNX Pad 11.
  case pad(PadAttributes)
  /// The operand broadcast to a shape. ONNX Expand 8.
  case expand(Shape)
  /// The operand repeated whole along each axis. ONNX Tile.
  case tile([Int])
  /// The order along the axes turned round. ONNX Slice with step -1.
  case reverse(axes: [Int])

  // MARK: Indexing

  /// Slices of `x` along an axis picked by an integer tensor; a negative index counts from the end, an index out of
  /// range is an error when the model runs. `[x, indices] -> [y]`, rank `x.rank - 1 + indices.rank`. ONNX Gather.
  case gather(axis: Int)
  /// One element for each index along an axis, the other coordinates kept. `[x, indices] -> [y]`.
  /// ONNX GatherElements 11.
  case gatherElements(axis: Int)
  /// Slices of `x` picked by coordinate tuples in the last axis of the indices, the first `batchDims` axes in step.
  /// `[x, indices] -> [y]`. ONNX GatherND 12.
  case gatherND(batchDims: Int)
  /// A copy of `x` in which updates are put (or combined) at coordinate tuples. `[x, indices, updates] -> [y]`.
  /// ONNX ScatterND 18.
  case scatterND(ScatterReduction)
  /// `x` with zeros on one side of diagonal `k` of the last two axes. ONNX Trilu 14.
  case triangle(upper: Bool, k: Int)
  /// The int64 numbers `0 ..< size`; no operands. ONNX Range.
  case range(Dimension)
  /// The int64 numbers `0 ..< limit`, the limit an int64 scalar that depends on the data (below 0: none). The dimension
  /// is a name of its own for their number. `[limit] -> [y]`. ONNX Range.
  case count(Dimension)
  /// Sizes as an int64 vector, one element each; no operands. ONNX Shape.
  case sizes([Dimension])

  // MARK: Recurrence

  /// LSTM, GRU or simple RNN over axis 1. ONNX LSTM, GRU, RNN.
  case recurrent(RecurrentAttributes)
  /// The same over axis 0, in one or both directions, with gates and weights as exchange formats have them. ONNX LSTM,
  /// GRU, RNN 14.
  case sequenceRecurrent(SequenceRecurrentAttributes)
  /// A loop over axis 1 whose body is a graph. ONNX Scan.
  case scan(ScanAttributes)

  // MARK: Images and lookups

  /// Resampling of spatial axes. ONNX Resize 13.
  case resize(ResizeAttributes)
  /// A table from keys to values. `[x] -> [y]`. ai.onnx.ml LabelEncoder, or comparisons.
  case lookup(LookupTable)
  /// A hash of each element's text modulo a number of bins, int64. `[x] -> [y]`; of several operands of one shape the
  /// hash of their combination. ONNX: integers by arithmetic on their decimal text; strings not.
  case hash(HashAttributes)
  /// Texts to the numbers of their tokens, int64. `[x: string] -> [y]`. No ONNX operator.
  case vectorize(TextAttributes)
}

/// Functions of one element.
public enum UnaryFunction: Hashable, Sendable {
  /// `-x` (ONNX Neg), `|x|` (Abs), -1, 0 or 1 (Sign), `1 / x` (Reciprocal).
  case negate, absolute, sign, reciprocal
  /// ONNX Exp, Log, Sqrt; `square` is `x * x` (ONNX Mul).
  case exp, log, sqrt, square
  /// `exp(x) - 1` and `log(1 + x)`, accurate near 0 (ONNX: compositions).
  case expm1, log1p
  /// ONNX Floor, Ceil, Round (halves to even); `truncate` rounds toward zero.
  case floor, ceil, round, truncate
  /// ONNX Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh.
  case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh
  /// The error function. ONNX Erf.
  case erf
  /// `1 / (1 + exp(-x))`. ONNX Sigmoid.
  case sigmoid
  /// `max(x, 0)`. ONNX Relu.
  case relu
  /// `x` above 0, else `slope * x`. ONNX LeakyRelu.
  case leakyRelu(slope: Double)
  /// `x` above 0, else `alpha * (exp(x) - 1)`. ONNX Elu.
  case elu(alpha: Double)
  /// `1.0507009873554805 * (x above 0, else 1.6732632423543772 * (exp(x) - 1))`. ONNX Selu.
  case selu
  /// `max(0, min(1, alpha * x + beta))`. ONNX HardSigmoid.
  case hardSigmoid(alpha: Double, beta: Double)
  /// `log(1 + exp(x))`, without overflow. ONNX Softplus.
  case softplus
  /// `x / (1 + |x|)`. ONNX Softsign.
  case softsign
  /// `x / 2 * (1 + erf(x / sqrt(2)))`, approximated as `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`. ONNX
  /// Gelu 20.
  case gelu(approximate: Bool)
  /// `x * sigmoid(x)`, `x * max(0, min(1, x / 6 + 1 / 2))` (ONNX HardSwish 14), `x * tanh(softplus(x))` (Mish 18).
  case swish, hardSwish, mish
  /// `min(max(x, minimum), maximum)`; a bound that is nil does not apply; NaN stays. ONNX Clip.
  case clip(minimum: Double?, maximum: Double?)
  /// Predicates, result bool. ONNX IsNaN, IsInf.
  case isNaN, isInfinite
  /// Logical not; operand and result bool. ONNX Not.
  case logicalNot
  /// Bitwise complement of integers. ONNX BitwiseNot 18.
  case bitwiseNot
}

/// Functions of two elements.
public enum BinaryFunction: Hashable, Sendable {
  /// ONNX Add, Sub, Mul, Div. Integer division truncates toward zero; integers wrap around; division of an
  /// integer by zero gives 0.
  case add, subtract, multiply, divide
  /// `a` to the power `b`. ONNX Pow.
  case power
  /// NaN wins. ONNX Max, Min.
  case maximum, minimum
  /// The remainder with the sign of the divisor. ONNX Mod (integers), composition (floats).
  case modulo
  /// The remainder with the sign of the dividend. ONNX Mod, fmod = 1.
  case remainder
  /// `floor(a / b)`, integers too.
  case floorDivide
  /// `atan2(a, b)`.
  case atan2
  /// Operands and result bool. ONNX And, Or, Xor.
  case logicalAnd, logicalOr, logicalXor
  /// Integers. ONNX BitwiseAnd, BitwiseOr, BitwiseXor 18.
  case bitwiseAnd, bitwiseOr, bitwiseXor
  /// Integers; the right shift is arithmetic for signed types.
  case shiftLeft, shiftRight
}

/// Comparisons of two elements; any comparison with NaN but `notEqual` is false.
public enum Comparison: Hashable, Sendable {
  /// ONNX Equal, (Not of it), Less, LessOrEqual, Greater, GreaterOrEqual.
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
}

/// Reductions. Over an empty axis: sum 0, product 1, maximum and minimum the identity, mean NaN.
public enum ReduceFunction: Hashable, Sendable {
  /// ONNX ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd. NaN propagates.
  case sum, mean, maximum, minimum, product
  /// ONNX ReduceLogSumExp, stable.
  case logSumExp
  /// Of bool operands: ONNX ReduceMax, ReduceMin on casts.
  case any, all
}

/// Which index ``Op/argReduce(_:axis:keepDims:)`` finds.
public enum ArgFunction: Hashable, Sendable { case maximum, minimum }

/// What ``Op/cumulative(_:axis:reverse:exclusive:)`` runs.
public enum CumulativeFunction: Hashable, Sendable { case sum, product, maximum, minimum }

/// How ``Op/scatterND(_:)`` combines an update with what is there. ONNX's `reduction`.
public enum ScatterReduction: Hashable, Sendable { case none, add, multiply, maximum, minimum }

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

/// Padding of a window operation's spatial axes.
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

/// What ``Op/pool(_:)`` computes over a window.
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

/// One axis of ``Op/slice(_:)``, with Python's meaning of `start:stop:step`.
///
/// Negative bounds count from the end; bounds out of range are clamped; nil is Python's `None`.
public struct SliceRange: Hashable, Sendable {
  /// The axis, counted from 0.
  public var axis: Int
  /// The first element.
  public var start: Int?
  /// The element behind the last.
  public var stop: Int?
  /// Not 0.
  public var step: Int
  /// All attributes.
  public init(axis: Int, start: Int?, stop: Int?, step: Int = 1) {
    self.axis = axis
    self.start = start
    self.stop = stop
    self.step = step
  }
}

/// Attributes of ``Op/pad(_:)``: one pair per axis of the operand, none negative.
public struct PadAttributes: Hashable, Sendable {
  /// What the added elements are.
  public enum Mode: Hashable, Sendable {
    /// One value (ONNX `constant`).
    case constant(Double)
    /// The data mirrored, the edge element not repeated (ONNX `reflect`).
    case reflect
    /// The data mirrored, the edge element repeated (NumPy `symmetric`).
    case symmetric
    /// The edge element (ONNX `edge`).
    case edge
  }
  /// Elements added along each axis; taken away from a transposed convolution's result.
  public var pads: [PadPair]
  /// What the added elements are.
  public var mode: Mode
  /// All attributes.
  public init(pads: [PadPair], mode: Mode) {
    self.pads = pads
    self.mode = mode
  }
}

/// Attributes of ``Op/recurrent(_:)``.
///
/// Operands in order: `x [N, T, C]`, `kernel [C, G * F]`, `recurrentKernel [F, G * F]`, then those that are present:
/// `bias`, `mask: bool [N, T]`, the initial states (`h [N, F]`; LSTM also `c [N, F]`).
/// Results: `sequence [N, T, F]`, `last [N, F]`, then the final states (`h`; LSTM also `c`), each `[N, F]`.
///
/// | cell | G, gate order | bias | step |
/// |---|---|---|---|
/// | lstm | 4: i f c o | `[4F]` | `c' = f * c + i * act(g); h' = o * act(c')` |
/// | gru | 3: z r h | `[3F]`; resetAfter: `[2, 3F]`, input row then recurrent row | `h' = z * h + (1 - z) * hh`; resetAfter: `hh = act(xW + b0 + r * (hU + b1))`, else `hh = act(xW + b + (r * h)U)` |
/// | simple | 1 | `[F]` | `h' = act(xW + b + hU)` |
///
/// At a masked step (mask false) the states stay and the output repeats the previous output (zeros before the first
/// kept step); with `zeroOutputForMask` the output of a masked step is zero. `last` is the output of the step
/// processed last. With `reverse` time is walked from the end, over the mask too; `sequence` is in time order
/// all the same (ONNX's convention), so Keras's `go_backwards` is this followed by a reversal.
public struct RecurrentAttributes: Hashable, Sendable {
  /// The kinds of cell.
  package enum Cell: Hashable, Sendable { case lstm, gru(resetAfter: Bool), simple }
  /// Functions allowed inside a cell.
  package enum Activation: Hashable, Sendable {
    case linear, tanh, sigmoid, relu, softplus, softsign
    case hardSigmoid(alpha: Double, beta: Double)
    case elu(alpha: Double), leakyRelu(slope: Double)
    /// Any other function, as a graph of one input and one output of the same shape `[N, F]`.
    case graph(Subgraph)
  }
  /// The kind of cell.
  package var cell: Cell
  /// F.
  package var units: Int
  /// The function of the new state.
  package var activation: Activation
  /// The gates' function; ignored by the simple cell.
  package var recurrentActivation: Activation
  /// Whether there is a bias among the operands.
  package var hasBias: Bool
  /// Whether there is a mask among the operands.
  package var hasMask: Bool
  /// Whether the initial states are among the operands; zeros otherwise.
  package var hasInitialState: Bool
  /// Whether time is walked from the end.
  package var reverse: Bool
  /// Whether the output of a masked step is zero.
  package var zeroOutputForMask: Bool
  /// All attributes.
  package init(
    cell: Cell, units: Int, activation: Activation, recurrentActivation: Activation, hasBias: Bool,
    hasMask: Bool, hasInitialState: Bool, reverse: Bool, zeroOutputForMask: Bool
  ) {
    self.cell = cell
    self.units = units
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.hasBias = hasBias
    self.hasMask = hasMask
    self.hasInitialState = hasInitialState
    self.reverse = reverse
    self.zeroOutputForMask = zeroOutputForMask
  }
  /// G: 4, 3 or 1.
  package var gateCount: Int {
    switch cell {
    case .lstm: 4
    case .gru: 3
    case .simple: 1
    }
  }
  /// The number of states: 2 for an LSTM, else 1.
  package var stateCount: Int { cell == .lstm ? 2 : 1 }
}

/// Attributes of ``Op/sequenceRecurrent(_:)``: D directions of one kind of cell, walked side by side.
///
/// Operands in order: `x [T, N, C]`, `kernel [D, G * F, C]`, `recurrentKernel [D, G * F, F]`, then those that are present:
/// `bias [D, 2 * G * F]` (of the input, then of the state), `lengths: int32 [N]`, the initial states (`h [D, N, F]`; LSTM
/// also `c`). Gates are in ONNX's order: LSTM i o f c, GRU z r h. Results: `sequence [T, D, N, F]`, then the final
/// states, each `[D, N, F]`. From a row's length on its states stay and its sequence is zero; a reverse direction starts
/// at the row's last step.
public struct SequenceRecurrentAttributes: Hashable, Sendable {
  /// The directions, forward first; their cells and units are equal, their flags for operands are not looked at.
  package var directions: [RecurrentAttributes]
  package var hasBias, hasLengths, hasInitialState: Bool
  package init(directions: [RecurrentAttributes], hasBias: Bool, hasLengths: Bool, hasInitialState: Bool) {
    self.directions = directions
    self.hasBias = hasBias
    self.hasLengths = hasLengths
    self.hasInitialState = hasInitialState
  }
}

/// A graph used inside an operation; two are equal when they are the same object.
public final class Subgraph: Hashable, Sendable {
  /// The graph.
  package let graph: Graph
  /// A graph as part of an operation.
  package init(_ graph: Graph) { self.graph = graph }
  /// Whether they are the same object.
  public static func == (a: Subgraph, b: Subgraph) -> Bool { a === b }
  /// Hashes the object's identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Attributes of ``Op/scan(_:)``.
///
/// Operands: `stateCount` initial states, then sequences `[N, T, ...]`. The body maps states and one step of each
/// sequence (`[N, ...]`, axis 1 removed) to the new states and any number of per-step results.
/// Results: the final states, then each per-step result stacked along axis 1. With `reverse`, time is walked from the
/// end and results are stacked at the time they belong to.
public struct ScanAttributes: Hashable, Sendable {
  /// One step.
  package var body: Subgraph
  /// The number of states.
  package var stateCount: Int
  /// Whether time is walked from the end.
  package var reverse: Bool
  /// All attributes.
  package init(body: Subgraph, stateCount: Int, reverse: Bool) {
    self.body = body
    self.stateCount = stateCount
    self.reverse = reverse
  }
}

/// Attributes of ``Op/resize(_:)``: the axes named get new sizes, the others stay.
///
/// Source coordinate of output element i: `halfPixel`: `(i + 0.5) * n / m - 0.5`; `asymmetric`: `i * n / m`;
/// `alignCorners`: `i * (n - 1) / (m - 1)`. Nearest takes the floor of `(i + 0.5) * n / m` (halfPixel) or of
/// the coordinate (asymmetric); linear has two taps, edges clamped; cubic is Keys's kernel, taps outside left out and
/// the rest renormalised.
public struct ResizeAttributes: Hashable, Sendable {
  /// How values between elements are made.
  public enum Method: Hashable, Sendable { case nearest, linear, cubic(a: Double) }
  /// Where an element of the result lies in the source.
  public enum Coordinates: Hashable, Sendable { case halfPixel, asymmetric, alignCorners }
  /// How values between elements are made.
  public var method: Method
  /// Where an element of the result lies in the source.
  public var coordinates: Coordinates
  /// The axes resampled, ascending.
  public var axes: [Int]
  /// The new size of each of ``axes``.
  public var sizes: [Dimension]
  /// All attributes.
  public init(method: Method, coordinates: Coordinates, axes: [Int], sizes: [Dimension]) {
    self.method = method
    self.coordinates = coordinates
    self.axes = axes
    self.sizes = sizes
  }
}

/// A table from keys to values with a default for other keys. The two arrays have equal counts; keys are unique.
public struct LookupTable: Hashable, Sendable {
  /// Keys or values.
  package enum Entries: Hashable, Sendable { case integers([Int64]), strings([String]) }
  /// The keys.
  package var keys: Entries
  /// The value of each key.
  package var values: Entries
  /// The value of other keys, where values are integers.
  package var defaultInteger: Int64
  /// The value of other keys, where values are strings.
  package var defaultString: String
  /// All attributes.
  package init(keys: Entries, values: Entries, defaultInteger: Int64 = 0, defaultString: String = "") {
    self.keys = keys
    self.values = values
    self.defaultInteger = defaultInteger
    self.defaultString = defaultString
  }
}

/// Attributes of ``Op/hash(_:)``: TensorFlow's StringToHashBucketFast (FarmHash fingerprint 64) or, with a key,
/// StringToHashBucketStrong (SipHash) of each element's text (integers in decimal), modulo `binCount`.
///
/// Several operands: TensorFlow's SparseCross, which joins 64-bit numbers, integers themselves and the FarmHash of
/// strings, onto a start value.
public struct HashAttributes: Hashable, Sendable {
  /// The number of results; they lie below it.
  package var binCount: Int
  /// SipHash's key, two 64-bit words; nil for FarmHash.
  package var key: [UInt64]?
  /// All attributes.
  package init(binCount: Int, key: [UInt64]? = nil) {
    self.binCount = binCount
    self.key = key
  }
}
