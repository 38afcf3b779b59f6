import ModelIR

/// The first part of a graph, when a batch is better computed sample by sample there: what one layer makes of a sample is
/// in the cache still when the next one reads it, and every thread has samples of its own.
///
/// A batch of 8 on one thread, whole and so, in ms: MobileNetV2 35.4 and 29.1, EfficientNetB0 69.3 and 56.5, ResNet50 280 and
/// 248 (its first 29 of 57 operations; 12, 18, 38 and 47 of them: 281, 263, 243 and 278).
struct SampleSplit: Sendable {
  /// The nodes of the part.
  let nodes: Set<Int>
  /// The values whose first axis has an entry for each sample, by index.
  let sampled: Set<Int>
  /// The part's results, all with samples.
  let results: [Value]
  /// The number of samples.
  let count: Int

  /// A core's second cache, or a little more.
  fileprivate static let cacheByteCount = Double(1 << 20)
  /// What a part must keep from memory for it to be worth its plan.
  private static let leastGain = Double(4 << 20)

  /// Nil when the graph's first operations do not keep samples apart, or nothing is gained.
  init?(_ graph: Graph, sizes: [[Int]], bindings: [String: Dimension], options: RuntimeOptions) {
    guard let count = sizes.first?.first, options.divides(count),
      !graph.inputs.contains(where: { graph.dtype(of: $0) == .string })
    else { return nil }
    self.count = count
    let inputs = zip(graph.inputs, sizes).filter { $1.first == count }.map(\.0.index)
    var search = SampleSearch(graph, bindings, count: count, inputs: Set(inputs), options.threads)
    search.walk()
    guard search.best.gain * Double(count) >= SampleSplit.leastGain else { return nil }
    nodes = Set(search.nodes.prefix(search.best.nodeCount))
    sampled = search.sampled
    results = graph.results(of: nodes)
  }

  /// The part as a graph, its values those of the whole.
  func graph(_ whole: Graph) -> Graph {
    var part = whole
    part.outputs = results.map { Graph.Output(name: whole.name(of: $0), value: $0) }
    return part
  }

  /// The sizes of a value with this many samples.
  func sizes(_ sizes: [Int], of value: Value, sampleCount: Int) -> [Int] {
    sampled.contains(value.index) ? [sampleCount] + sizes.dropFirst() : sizes
  }

  /// A node's operation, all of whose dimensions are numbers, for one sample.
  func single(_ op: Op, _ node: Node) -> Op {
    sampled.contains(node.outputs[0].index) ? op.with(sampleCount: 1) : op
  }
}

extension RuntimeOptions {
  /// Whether samples can be given to the threads so that none of them has nothing to do for long.
  fileprivate func divides(_ count: Int) -> Bool {
    let turns = (count + threads - 1) / threads
    return count > 1 && 8 * turns * threads <= 9 * count
  }
}

extension Graph {
  /// The results of some nodes that others need, or the graph's outputs.
  fileprivate func results(of part: Set<Int>) -> [Value] {
    var needed = Set(outputs.map(\.value.index))
    for (index, isLive) in liveNodes().enumerated() where isLive && !part.contains(index) {
      needed.formUnion(nodes[index].inputs.map(\.index))
    }
    return part.sorted().flatMap { nodes[$0].outputs }.filter { needed.contains($0.index) }
  }
}

/// Looks for the part: goes through the nodes that keep samples apart, and notes after which of them most is gained.
///
/// Bytes are counted as `Double`: sizes have not been held against the memory yet, and their products may be beyond any integer.
private struct SampleSearch {
  private let graph: Graph
  private let bindings: [String: Dimension]
  private let count: Int
  private let threads: Int
  /// The nodes so far that keep samples apart, in order.
  private(set) var nodes: [Int] = []
  private(set) var sampled: Set<Int>
  /// What the first nodes keep from memory for each sample, in bytes.
  private(set) var best = (nodeCount: 0, gain: 0.0)
  /// Values without samples that the part may read: constants, and what is made of them and of other inputs.
  private var shared: Set<Int>
  /// How often each value is still read, by live nodes and as an output.
  private var readers: [Int: Int] = [:]
  /// The bytes of the values that the nodes so far have made and others read, for each sample.
  private var openByteCount = 0.0

  init(_ graph: Graph, _ bindings: [String: Dimension], count: Int, inputs: Set<Int>, _ threads: Int) {
    self.graph = graph
    self.bindings = bindings
    self.count = count
    self.threads = threads
    sampled = inputs
    shared = Set(graph.inputs.map(\.index)).subtracting(inputs)
  }

  mutating func walk() {
    let live = graph.liveNodes()
    for (index, isLive) in live.enumerated() where isLive {
      for value in graph.nodes[index].inputs { readers[value.index, default: 0] += 1 }
    }
    for output in graph.outputs { readers[output.value.index, default: 0] += 1 }
    var gain = 0.0
    for (index, isLive) in live.enumerated() where isLive {
      guard let gained = add(graph.nodes[index]) else { continue }
      nodes.append(index)
      gain += gained
      if gain - openByteCount > best.gain { best = (nodes.count, gain - openByteCount) }
    }
  }

  /// Takes a node into the part.
  /// - Returns: the bytes that it does not read and write in memory for each sample, less those of its weights, which are
  ///   read again; nil when it cannot be part, or needs no samples.
  private mutating func add(_ node: Node) -> Double? {
    let known = node.inputs.allSatisfy {
      sampled.contains($0.index) || shared.contains($0.index) || graph.constant($0) != nil
    }
    guard known, let operands = sizes(node.inputs), let results = sizes(node.outputs) else { return nil }
    guard node.inputs.contains(where: { sampled.contains($0.index) }) else {
      shared.formUnion(node.outputs.map(\.index))
      return nil
    }
    let described = zip(node.inputs, operands).map {
      SampledOperand(sizes: $1, hasSamples: sampled.contains($0.index))
    }
    guard results.allSatisfy({ $0.first == count }),
      node.op.substituting(bindings).isBySample(described, result: results[0])
    else { return nil }
    sampled.formUnion(node.outputs.map(\.index))
    close(node.inputs)
    var (moved, read) = (node.outputs.reduce(0) { $0 + byteCount($1) }, 0.0)
    openByteCount += moved / Double(count)
    for value in node.inputs {
      if sampled.contains(value.index) { moved += byteCount(value) } else { read += byteCount(value) }
    }
    // What a thread's cache holds of a whole batch is never in memory.
    return (moved > Double(threads) * SampleSplit.cacheByteCount ? moved / Double(count) : 0) - read
  }

  /// Counts one reader less of each value.
  private mutating func close(_ values: [Value]) {
    for value in values where sampled.contains(value.index) {
      let left = readers[value.index, default: 0] - 1
      readers[value.index] = left
      if left == 0, graph.producer(of: value) != nil { openByteCount -= byteCount(value) / Double(count) }
    }
  }

  /// Nil for values whose sizes depend on the data, and strings.
  private func sizes(_ values: [Value]) -> [[Int]]? {
    var all: [[Int]] = []
    for value in values {
      guard graph.dtype(of: value) != .string,
        let sizes = graph.shape(of: value).substituting(bindings).fixedSizes
      else { return nil }
      all.append(sizes)
    }
    return all
  }

  private func byteCount(_ value: Value) -> Double {
    // What has no sizes yet is not split; its bytes are counted as those of one element.
    (sizes([value])?.first ?? []).reduce(Double(graph.dtype(of: value).byteCount)) { $0 * Double($1) }
  }
}
