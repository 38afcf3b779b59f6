/// A primitive operation of the graph.
///
/// Within this package the set is closed: consumers switch over it without `default`, so that a new operation is a compile
/// error wherever it has to be handled. A release may add operations and functions: programs switch with a `default`.
///
/// Each case says what it computes; the letters are N batch, T time steps, C channels, F filters or units, K kernel
/// size. Unless said otherwise operands must have equal element types and shapes broadcast as in NumPy; importers
/// insert casts.
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

  /// Attention of queries to keys and values, head by head. `[query, key, value] -> [y]` or with a mask that is added.
  /// ONNX Attention 23.
  case attention(AttentionAttributes)

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
