import ModelIR

/// Seeded random inputs that a model accepts: indices within the axes they index, keys of lookups, words.
struct RandomInputs {
  /// The values an input may have.
  enum Domain: Equatable {
    case unit
    /// Any number from 0 to a limit: pixels that are brought to 1 by a factor.
    case upTo(Double)
    case below(Int)
    case bits
    case keys([Int64])
    case words([String])

    /// What satisfies both.
    func narrowed(to other: Domain) -> Domain {
      switch (self, other) {
      case (.below(let a), .below(let b)): .below(min(a, b))
      case (.unit, _), (.bits, _): other
      case (_, .unit), (_, .bits): self
      case (.upTo, _): other
      case (_, .upTo): self
      case (.below(let limit), .keys(let keys)), (.keys(let keys), .below(let limit)):
        .keys(keys.filter { $0 >= 0 && $0 < limit })
      case (.words(let words), .words(let others)):
        .words(words.filter(others.contains).isEmpty ? words : words.filter(others.contains))
      case (.keys, _), (.words, _), (.below, .words): self
      }
    }
  }

  /// What dynamic axes are given.
  struct Sizes {
    var batch = 2
    var other = 8
    /// The sizes of axes by their names, where they have to differ.
    var named: [String: Int] = [:]

    /// The sizes to be tried in turn, until the model takes one: the small ones are fast, but windows may need more; a
    /// constant of the model's own may fix how many samples it can take.
    static let all = [Sizes(), Sizes(other: 32), Sizes(other: 96), Sizes(other: 3)] + batches.dropFirst()
    /// The same where no axis but the batch is dynamic.
    static let batches = [Sizes(), Sizes(batch: 1), Sizes(batch: 3), Sizes(batch: 4)]

    /// What is tried with a model: where other axes than the batch are dynamic, they may have to be as long as an axis
    /// that is not, or as the rows of a kernel, each as another.
    static func tried(for graph: Graph) -> [Sizes] {
      let shapes = graph.inputs.map { graph.shape(of: $0) }
      let others = shapes.flatMap { $0.dimensions.dropFirst() }
      guard others.contains(where: { $0.fixedSize == nil }) else { return batches }
      let rows = graph.values.lazy.compactMap { graph.constant($0)?.sizes }.filter { $0.count > 1 }.prefix(8)
        .map { $0[$0.count - 2] }.filter { (2...4096).contains($0) }
      let known = Set(others.compactMap(\.fixedSize)).sorted().prefix(6)
      let sizes = known + Set(rows).subtracting(known).sorted().prefix(4)
      let samples = Set(shapes.compactMap { $0.dimensions.first?.fixedSize }).subtracting(all.map(\.batch))
        .sorted()
      let names = Set(others.compactMap(\.symbolName)).sorted()
      let tried = all + sizes.map { Sizes(other: $0) } + samples.prefix(4).map { Sizes(batch: $0) }
      guard (2...4).contains(names.count), !sizes.isEmpty else { return tried }
      return tried + combinations(of: names, among: sizes + [all[0].other]).map { Sizes(named: $0) }
    }

    /// Every way of giving each name one of the sizes, as many as are worth a try.
    private static func combinations(of names: [String], among sizes: [Int]) -> [[String: Int]] {
      names.reduce([[:]]) { known, name in
        known.flatMap { given in sizes.map { given.merging([name: $0]) { $1 } } }.prefix(128).map { $0 }
      }
    }

    /// An axis's own size, or the one that stands for it.
    func size(of dimension: Dimension) -> Int {
      dimension.fixedSize ?? dimension.symbolName.flatMap { named[$0] }
        ?? (dimension.symbolName == "batch" ? batch : other)
    }
  }

  /// What inputs without a domain of their own are drawn from.
  struct Attempt {
    var seed: UInt64 = 1
    var range = -1.0...1.0
    /// What numbers are multiplied by that may be any.
    var scale = 1.0
    /// Texts are of words that are looked up, where there are any.
    var isOfKnownWords = false

    func scaled(by scale: Double) -> Attempt {
      var attempt = self
      attempt.scale = scale
      return attempt
    }

    /// Several kinds of input, of which a sound model takes at least one.
    static let all = [
      Attempt(), Attempt(seed: 2, range: 0.1...1, isOfKnownWords: true),
      Attempt(seed: 3, range: 1...2, isOfKnownWords: true),
    ]
  }

  private var generator: SplitMix64
  private let range: ClosedRange<Double>
  private let scale: Double

  init(_ attempt: Attempt) {
    generator = SplitMix64(seed: attempt.seed)
    (range, scale) = (attempt.range, attempt.scale)
  }

  /// One tensor for each input of a graph.
  static func feed(_ graph: Graph, _ attempt: Attempt, _ sizes: Sizes) throws -> [String: Tensor] {
    var random = RandomInputs(attempt)
    let domains = domains(of: graph, isOfKnownWords: attempt.isOfKnownWords)
    var feed: [String: Tensor] = [:]
    for (input, domain) in zip(graph.inputs, domains) {
      let type = graph.type(of: input)
      let sizes = type.shape.dimensions.map(sizes.size)
      feed[graph.name(of: input)] = try random.tensor(domain, sizes: sizes, dtype: type.dtype)
    }
    return feed
  }

  /// How many elements a random tensor may have: a file may declare inputs of any size.
  static let elementLimit = 1 << 25

  /// The next tensor.
  /// - Throws: a failure for a size that is not worth the memory.
  mutating func tensor(_ domain: Domain, sizes: [Int], dtype: DType) throws -> Tensor {
    var count = 1
    for size in sizes {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, product <= RandomInputs.elementLimit else {
        throw Failure(
          "an input of shape \(sizes) is too large to try with random numbers; give a smaller one with --input-shape",
          .invalidModel)
      }
      count = product
    }
    if dtype == .string {
      guard case .words(let words) = domain, !words.isEmpty else {
        return try Tensor(Array(repeating: "", count: count), sizes: sizes)
      }
      return try Tensor(
        (0..<count).map { _ in words[Int.random(in: words.indices, using: &generator)] }, sizes: sizes)
    }
    return try Tensor((0..<count).map { _ in number(domain) }, sizes: sizes, dtype: dtype)
  }

  /// Numbers that may be any, each larger by up to a share of itself; others as they are.
  mutating func nudged(_ tensor: Tensor, _ domain: Domain, by share: Double) throws -> Tensor {
    switch domain {
    case .unit, .upTo: break
    case .below, .bits, .keys, .words: return tensor
    }
    let numbers = try tensor.doubles().map { $0 * (1 + share * Double.random(in: 0...1, using: &generator)) }
    return try Tensor(numbers, sizes: tensor.sizes, dtype: tensor.dtype)
  }

  private mutating func number(_ domain: Domain) -> Double {
    switch domain {
    case .unit, .words: scale * Double.random(in: range, using: &generator)
    case .upTo(let limit): scale * Double.random(in: 0...limit, using: &generator)
    case .bits: Double(Int.random(in: 0...1, using: &generator))
    case .below(let limit): Double(Int.random(in: 0..<max(limit, 1), using: &generator))
    case .keys(let keys): keys.isEmpty ? 0 : Double(keys[Int.random(in: keys.indices, using: &generator)])
    }
  }
}

// MARK: - Domains

extension RandomInputs {
  private static let words = [
    "the", "quick", "brown", "fox", "jumps over", "a lazy dog", "Zürich", "", "unknown-word", "42",
  ]

  /// What each input of a graph may be, in order: found by following it to the operations that index or look up.
  static func domains(of graph: Graph, isOfKnownWords: Bool = false) -> [Domain] {
    var found: [Value: Domain] = [:]
    for node in graph.nodes {
      if let (input, limit) = scaledInput(node, graph) { found[input] = .upTo(limit) }
      if let axes = indexedAxes(node, graph) {
        let sizes = axes.compactMap { graph.shape(of: node.inputs[0])[$0].fixedSize }
        if let smallest = sizes.min() { mark(node.inputs[1], .below(smallest), graph, &found) }
      }
      if case .lookup(let table) = node.op {
        switch table.keys {
        case .integers(let keys): mark(node.inputs[0], .keys(keys), graph, &found)
        case .strings(let keys):
          let others = isOfKnownWords && !keys.isEmpty ? [] : words
          mark(node.inputs[0], .words(keys + others), graph, &found)
        }
      }
    }
    return graph.inputs.map { input in
      let own = plain(graph.dtype(of: input))
      // Words that are looked up take the place of any words.
      return found[input].map { if case .words = $0 { $0 } else { own.narrowed(to: $0) } } ?? own
    }
  }

  /// What an input may be that indexes nothing.
  private static func plain(_ dtype: DType) -> Domain {
    switch dtype {
    case .float16, .bfloat16, .float32, .float64: .unit
    case .uint8: .below(256)
    case .int8, .int16, .uint16, .int32, .uint32, .int64, .uint64: .below(10)
    case .bool: .bits
    case .string: .words(words)
    }
  }

  /// The input that a node multiplies by a small number, as Rescaling does with pixels, and what becomes 1 by it.
  private static func scaledInput(_ node: Node, _ graph: Graph) -> (Value, limit: Double)? {
    guard case .binary(.multiply) = node.op, let factor = graph.constant(node.inputs[1]),
      factor.elementCount == 1,
      graph.dtype(of: node.inputs[0]).isFloatingPoint, case .input = graph.source(of: node.inputs[0]),
      // A constant that cannot be read is told when the model runs.
      let number = try? factor.doubles().first, number > 1e-3, number < 0.1
    else { return nil }
    return (node.inputs[0], 1 / number)
  }

  /// The axes of a node's first operand that the second picks places of; nil for nodes that do not index.
  private static func indexedAxes(_ node: Node, _ graph: Graph) -> Range<Int>? {
    func tuple(from first: Int) -> Range<Int>? {
      graph.shape(of: node.inputs[1]).dimensions.last?.fixedSize.map { first..<(first + $0) }
    }
    if case .gather(let axis) = node.op { return axis..<(axis + 1) }
    if case .gatherElements(let axis) = node.op { return axis..<(axis + 1) }
    if case .gatherND(let batchDims) = node.op { return tuple(from: batchDims) }
    if case .scatterND = node.op { return tuple(from: 0) }
    return nil
  }

  /// Gives a domain to the inputs whose elements a value consists of.
  private static func mark(_ value: Value, _ domain: Domain, _ graph: Graph, _ found: inout [Value: Domain]) {
    var waiting = [value]
    var seen: Set<Value> = []
    while let value = waiting.popLast() {
      guard seen.insert(value).inserted else { continue }
      if let node = graph.producer(of: value) {
        waiting += carried(by: node)
      } else if graph.constant(value) == nil {
        found[value] = found[value].map { $0.narrowed(to: domain) } ?? domain
      }
    }
  }

  /// The operands whose elements a node's results consist of, moved or a little changed.
  private static func carried(by node: Node) -> [Value] {
    switch node.op {
    case .cast, .reshape, .transpose, .concat, .split, .slice, .pad, .expand, .tile, .reverse, .gather,
      .gatherElements,
      .gatherND, .triangle, .unary:
      if case .concat = node.op { return node.inputs }
      return Array(node.inputs.prefix(1))
    case .select: return Array(node.inputs.dropFirst())
    case .binary, .scatterND: return node.inputs
    case .compare, .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose, .pool, .reduce,
      .argReduce,
      .cumulative,
      .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .range, .count, .sizes, .recurrent,
      .sequenceRecurrent,
      .scan, .resize, .lookup, .hash:
      return []
    // Words of a text are looked up.
    case .vectorize: return Array(node.inputs.prefix(1))
    }
  }
}
