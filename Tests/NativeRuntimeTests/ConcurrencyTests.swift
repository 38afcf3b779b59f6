import Dispatch
import ModelIR
import NativeRuntime
import Testing

/// Awaited runs: the program's tasks go on, a cancelled one ends, many share a session.
struct ConcurrencyTests {
  /// A graph of many steps, none of them long: `tanh(x . w)` again and again.
  private func deep(layers: Int, size: Int = 256) throws -> Session {
    var graph = Graph()
    var x = graph.input(name: "x", type: TensorType(.float32, [.symbol("batch"), .fixed(size)]))
    let numbers = (0..<size * size).map { Float($0 % 17 - 8) * 0.01 }
    let w = try graph.constant(Tensor(numbers, sizes: [size, size]), name: "w")
    for layer in 0..<layers {
      x = try graph.append(.matMul, [x, w], name: "product\(layer)")[0]
      x = try graph.append(.unary(.tanh), [x], name: "tanh\(layer)")[0]
    }
    graph.outputs = [Graph.Output(name: "y", value: x)]
    return try Session(graph, options: Session.Options(threads: 1))
  }

  private func input(rows: Int, size: Int = 256) throws -> Tensor {
    try Tensor((0..<rows * size).map { Float($0 % 101) * 0.01 }, sizes: [rows, size])
  }

  @Test func `an awaited run gives what a run gives`() async throws {
    let session = try deep(layers: 3)
    let x = try input(rows: 5)
    func alone() throws -> Outputs { try session.run(["x": x]) }
    let expected = try [Float](alone()[0].value)
    #expect(try await [Float](session.run(["x": x])[0].value) == expected)
    let prepared = try await Session.prepare(session.graph)
    #expect(prepared.outputs == session.outputs)
  }

  @Test func `an awaited run refuses inputs by name`() async throws {
    let session = try deep(layers: 1)
    let error = await #expect(throws: RuntimeError.self) { try await session.run([:]) }
    #expect("\(String(describing: error))".contains("\"x\""))
  }

  @Test func `more awaited runs than threads all finish`() async throws {
    let session = try deep(layers: 2)
    let x = try input(rows: 1)
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<200 { group.addTask { try await session.run(["x": x]).count } }
      return try await group.reduce(0, +)
    }
    #expect(count == 200)
  }

  @Test func `a cancelled task ends its run`() async throws {
    let session = try deep(layers: 4000)
    let x = try input(rows: 64)
    let task = Task { try await session.run(["x": x]) }
    // Not by a task: beside many tests one may get its turn only when the run is over.
    DispatchQueue.global(qos: .userInteractive).asyncAfter(deadline: .now() + 0.05) { task.cancel() }
    // A run that went on to its end would give its outputs instead.
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `a task cancelled before its turn computes nothing`() async throws {
    let session = try deep(layers: 1)
    let x = try input(rows: 1)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await session.run(["x": x])
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `many tasks make plans for other sizes of one session`() async throws {
    let session = try deep(layers: 2, size: 16)
    func outputs(_ rows: Int) throws -> [Float] {
      let x = try input(rows: rows, size: 16)
      return try [Float](session.run(["x": x])[0].value)
    }
    let expected = try (1...12).map {
      try [Float](deep(layers: 2, size: 16).run(["x": input(rows: $0, size: 16)])[0].value)
    }
    try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      for index in 0..<96 {
        let rows = index % 12 + 1
        group.addTask { (rows, try outputs(rows)) }
      }
      for try await (rows, values) in group { #expect(values == expected[rows - 1]) }
    }
  }
}
