import ModelIR
import NativeRuntime

/// The inputs of two models, each with the one that it corresponds to.
struct InputPairs {
  private let graphs: (first: Graph, second: Graph)
  private let names: (first: String, second: String)
  private let seed: UInt64
  /// For each input of the first model, the second's.
  private let pairs: [(first: Value, second: Value)]

  /// - Parameter names: the files, for messages.
  /// - Throws: ``Failure`` with ``Code/checkFailed`` when the inputs do not correspond.
  init(_ first: Graph, _ second: Graph, names: (String, String), seed: UInt64) throws {
    graphs = (first, second)
    self.names = names
    self.seed = seed
    guard first.inputs.count == second.inputs.count else {
      throw Failure(
        "the inputs do not correspond: expected \(first.inputs.count) as in \(names.0), found \(second.inputs.count) in "
          + names.1, .checkFailed)
    }
    let named = Dictionary(second.inputs.map { (second.name(of: $0), $0) }) { first, _ in first }
    let isNamed = first.inputs.allSatisfy { named[first.name(of: $0)] != nil }
    pairs = zip(first.inputs, second.inputs).map { a, b in (a, isNamed ? named[first.name(of: a)] ?? b : b) }
    for pair in pairs {
      let (a, b) = (first.type(of: pair.first), second.type(of: pair.second))
      let isSameKind =
        (a.dtype == .string) == (b.dtype == .string) && (a.dtype == .bool) == (b.dtype == .bool)
      guard a.shape.rank == b.shape.rank, isSameKind else {
        throw mismatch(first.name(of: pair.first), expected: "\(a)", found: "\(b)")
      }
    }
  }

  /// What each pair of inputs may be.
  private func domains(_ attempt: RandomInputs.Attempt) -> [RandomInputs.Domain] {
    func domains(_ graph: Graph) -> [Value: RandomInputs.Domain] {
      let domains = RandomInputs.domains(of: graph, isOfKnownWords: attempt.isOfKnownWords)
      return Dictionary(zip(graph.inputs, domains)) { first, _ in first }
    }
    let (first, second) = (domains(graphs.first), domains(graphs.second))
    return pairs.map { pair in
      let own = first[pair.first] ?? .unit  // Each input has a domain.
      return second[pair.second].map { own.narrowed(to: $0) } ?? own
    }
  }

  private func mismatch(_ input: String, expected: String, found: String) -> Failure {
    Failure(
      "input \"\(input)\" does not correspond: expected \(expected) as in \(names.first), found \(found) in \(names.second)",
      .checkFailed)
  }

  /// How far the models' outputs are apart for the same inputs, of the first kind and size that the first model takes.
  ///
  /// Where they differ by more than the tolerance and the first model magnifies a small change of its inputs by as much,
  /// rounding errors decide, and nothing is known about the files: images of noise do that to EfficientNetB1 with random
  /// weights, in Keras as well. Then smaller numbers are tried.
  /// - Throws: why the first model takes none, or what the second model throws for the same inputs.
  func differences(_ tolerance: Double, threads: Int) throws -> [OutputDifference] {
    var options = Session.Options()
    options.threads = threads
    // What is compared is the models, not the rounding of faster algorithms.
    options.isExact = true
    options.roundsToDTypes = true
    let first = try Session(graphs.first, options: options)
    var trial = try takenTrial(first)
    let second = try Session(graphs.second, options: options)
    let found = try differences(trial, second, tolerance)
    var current = found
    for scale in InputPairs.smallerScales {
      if current.allSatisfy(\.isWithin) { return current }
      guard try magnifies(trial, first, tolerance) else { return current }
      trial = try self.trial(first, trial.attempt.scaled(by: scale), trial.sizes)
      current = try differences(trial, second, tolerance)
    }
    return current.allSatisfy(\.isWithin) ? current : found
  }

  private static let smallerScales = [1.0 / 8, 1.0 / 64, 1.0 / 512]

  /// Inputs that a model has taken, and what it gave.
  private struct Trial {
    let attempt: RandomInputs.Attempt
    let sizes: RandomInputs.Sizes
    let feeds: (first: [String: Tensor], second: [String: Tensor])
    let outputs: Outputs
  }

  private func trial(
    _ session: Session, _ attempt: RandomInputs.Attempt, _ sizes: RandomInputs.Sizes
  ) throws -> Trial {
    let feeds = try feeds(attempt, sizes)
    return Trial(attempt: attempt, sizes: sizes, feeds: feeds, outputs: try session.run(feeds.first))
  }

  private func takenTrial(_ session: Session) throws -> Trial {
    var failure: (any Error)?
    for attempt in attempts {
      for sizes in RandomInputs.Sizes.tried(for: graphs.first) {
        do { return try trial(session, attempt, sizes) } catch { failure = failure ?? error }
      }
    }
    throw failure ?? Failure("a forward pass failed", .invalidModel)
  }

  private func differences(
    _ trial: Trial, _ second: Session, _ tolerance: Double
  ) throws -> [OutputDifference] {
    try OutputDifference.between(
      trial.outputs, try second.run(trial.feeds.second), tolerance, names: names)
  }

  /// Whether the first model's outputs change by more than a tolerance when its inputs do by a sixteenth of it.
  private func magnifies(_ trial: Trial, _ session: Session, _ tolerance: Double) throws -> Bool {
    let domains = domains(trial.attempt)
    var random = RandomInputs(trial.attempt)
    var feed = trial.feeds.first
    for (index, pair) in pairs.enumerated() {
      let name = graphs.first.name(of: pair.first)
      feed[name] = try feed[name].map { try random.nudged($0, domains[index], by: tolerance / 16) }
    }
    let own = try OutputDifference.between(
      trial.outputs, try session.run(feed), tolerance, names: (names.first, names.first))
    return !own.allSatisfy(\.isWithin)
  }

  /// The caller's seed, then what a model may take that does not take everything.
  private var attempts: [RandomInputs.Attempt] {
    [RandomInputs.Attempt(seed: seed)] + RandomInputs.Attempt.all.dropFirst()
  }

  private func feeds(_ attempt: RandomInputs.Attempt, _ dynamic: RandomInputs.Sizes) throws -> (
    first: [String: Tensor], second: [String: Tensor]
  ) {
    let sizes = try sizes(dynamic)
    let domains = domains(attempt)
    var random = RandomInputs(attempt)
    var feeds: (first: [String: Tensor], second: [String: Tensor]) = ([:], [:])
    for (index, pair) in pairs.enumerated() {
      let dtypes = (graphs.first.dtype(of: pair.first), graphs.second.dtype(of: pair.second))
      let tensor = try random.tensor(domains[index], sizes: sizes[index], dtype: dtypes.0)
      feeds.first[graphs.first.name(of: pair.first)] = tensor
      feeds.second[graphs.second.name(of: pair.second)] =
        dtypes.0 == dtypes.1 ? tensor : try tensor.converted(to: dtypes.1)
    }
    return feeds
  }

  /// The sizes of each pair of inputs: a size that one model fixes is the other's too.
  private func sizes(_ dynamic: RandomInputs.Sizes) throws -> [[Int]] {
    var known: (first: [String: Int], second: [String: Int]) = ([:], [:])
    let axes = pairs.map { pair in
      Array(
        zip(graphs.first.shape(of: pair.first).dimensions, graphs.second.shape(of: pair.second).dimensions))
    }
    for (a, b) in axes.joined() {
      if let symbol = a.symbolName, let size = b.fixedSize {
        known.first[symbol] = known.first[symbol] ?? size
      }
      if let symbol = b.symbolName, let size = a.fixedSize {
        known.second[symbol] = known.second[symbol] ?? size
      }
    }
    return try zip(pairs, axes).map { pair, axes in
      try axes.map { a, b in
        let size =
          a.fixedSize ?? a.symbolName.flatMap { known.first[$0] } ?? b.symbolName.flatMap { known.second[$0] }
          ?? dynamic.size(of: a)
        if let symbol = a.symbolName { known.first[symbol] = size }
        if let symbol = b.symbolName { known.second[symbol] = size }
        guard a.fixedSize ?? size == size, b.fixedSize ?? size == size else {
          let shapes = (graphs.first.shape(of: pair.first), graphs.second.shape(of: pair.second))
          throw mismatch(graphs.first.name(of: pair.first), expected: "\(shapes.0)", found: "\(shapes.1)")
        }
        return size
      }
    }
  }
}
