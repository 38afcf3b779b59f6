import ModelIR
import NativeRuntime

/// One operation with random attributes on operands of random shapes: what inference lets pass must run, or be an error.
enum KernelFuzz {
  static func run(seed: UInt64) throws {
    // Results of many megabytes are right, and take their time.
    MemoryBudget.process.lower(to: 1 << 24)
    var random = FuzzRandom(seed: seed)
    var graph = Graph()
    var inputs: [String: Tensor] = [:]
    var values: [Value] = []
    let dtype = random.pick([DType.float32, .float32, .float64, .int64, .int32, .float16, .bool])
    let base = sizes(&random)
    for index in 0..<(1 + random.below(4)) {
      let own = random.below(3) == 0 ? sizes(&random) : base
      let type = index > 0 && random.below(3) == 0 ? DType.int64 : dtype
      let name = "x\(index)"
      // Names for sizes hide them from inference until the model runs.
      let dimensions = own.enumerated().map {
        random.below(2) == 0 ? Dimension.fixed($1) : .symbol("\(name)_\($0)")
      }
      values.append(graph.input(name: name, type: TensorType(type, Shape(dimensions))))
      let count = try ElementCount.of(own)
      let elements = (0..<count).map { _ in Double(random.pick([0, 1, -1, 2, 3, 100])) }
      inputs[name] = try Tensor(elements, sizes: own, dtype: type)
    }
    let results = try graph.append(op(&random, rank: base.count), values, name: "op")
    for (index, value) in results.enumerated() {
      graph.outputs.append(Graph.Output(name: "y\(index)", value: value))
    }
    _ = try Session(graph, options: Session.Options(threads: 1)).run(inputs)
  }

  private static func sizes(_ random: inout FuzzRandom) -> [Int] {
    (0..<random.below(5)).map { _ in random.pick([0, 1, 1, 2, 3, 4, 5]) }
  }

  private static func number(_ random: inout FuzzRandom) -> Int {
    random.pick([0, 1, 1, 1, 2, 3, -1, -2, 1 << 31, .max, .min])
  }

  private static func pairs(_ random: inout FuzzRandom, _ count: Int) -> [PadPair] {
    (0..<count).map { _ in PadPair(number(&random), number(&random)) }
  }

  /// A convolution or pooling over some axes.
  private static func window(_ random: inout FuzzRandom, axes: Int) -> Op {
    func numbers() -> [Int] { (0..<axes).map { _ in number(&random) } }
    let padding: Padding = random.below(2) == 0 ? .sameUpper : .explicit(pairs(&random, axes))
    let layout: DataLayout = random.below(2) == 0 ? .channelsLast : .channelsFirst
    switch random.below(3) {
    case 0:
      return .conv(
        ConvAttributes(
          strides: numbers(), dilations: numbers(), padding: padding, groups: number(&random), layout: layout)
      )
    case 1:
      return .convTranspose(
        ConvTransposeAttributes(
          strides: numbers(), dilations: numbers(), pads: pairs(&random, axes), outputPadding: numbers(),
          layout: layout))
    default:
      return .pool(
        PoolAttributes(
          function: random.pick([.maximum, .average]), kernelSize: numbers(), strides: numbers(),
          padding: padding, layout: layout))
    }
  }

  private static func op(_ random: inout FuzzRandom, rank: Int) -> Op {
    let axis = random.below(rank + 1) - random.below(2)
    func numbers(_ count: Int) -> [Int] { (0..<count).map { _ in number(&random) } }
    switch random.below(26) {
    case 0:
      return .binary(random.pick([.add, .divide, .modulo, .power, .floorDivide, .shiftLeft, .shiftRight]))
    case 1: return .select
    case 2: return .matMul
    case 3:
      return .einsum(random.pick(["ab,bc->ac", "abc,abd->acd", "aab->b", "ab,ab->", "abc,cb->a", "a,b->ab"]))
    case 4, 5, 6: return window(&random, axes: max(rank - 2, 0))
    case 7:
      return .reduce(random.pick([.sum, .mean, .maximum, .product, .any]), axes: [axis], keepDims: true)
    case 8: return .argReduce(.maximum, axis: axis, keepDims: false)
    case 9: return .cumulative(random.pick([.sum, .product]), axis: axis, reverse: true, exclusive: true)
    case 10: return .topK(k: .fixed(number(&random)), axis: axis, largest: true)
    case 11: return .batchNormalization(axis: axis, epsilon: 1e-3)
    case 12: return .normalization(.layer(axis: axis), epsilon: 1e-3)
    case 13: return .softmax(axis: axis)
    case 14: return .reshape(Shape(numbers(rank)))
    case 15: return .transpose(Array((0..<rank).shuffled(using: &random)))
    case 16: return .concat(axis: axis)
    case 17: return .split(axis: axis, sizes: numbers(2).map(Dimension.fixed))
    case 18:
      return .slice([
        SliceRange(
          axis: axis, start: number(&random), stop: random.below(2) == 0 ? nil : number(&random),
          step: number(&random))
      ])
    case 19:
      return .pad(
        PadAttributes(
          pads: pairs(&random, rank), mode: random.pick([.constant(1), .reflect, .symmetric, .edge])))
    case 20: return .expand(Shape(numbers(rank)))
    case 21: return .tile(numbers(rank))
    case 22: return .gather(axis: axis)
    case 23: return .gatherElements(axis: axis)
    case 24: return .gatherND(batchDims: random.below(3))
    default: return random.below(2) == 0 ? .scatterND(.add) : .triangle(upper: true, k: number(&random))
    }
  }
}
