import ModelIR
import Testing

@testable import NativeRuntime

/// Results that steps write where they stay, in memory that is used again.
struct ResultTests {
  private func tensor(_ start: Float) throws -> Tensor {
    try Tensor((0..<40).map { start + Float($0) }, sizes: [4, 10])
  }

  /// One value under two names, one that others read, a view of it, an input and a constant.
  private func session(_ options: Session.Options = Session.Options(threads: 1)) throws -> Session {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [.symbol("batch"), 10]))
    let constant = graph.constant(try tensor(100), name: "constant")
    let y = try graph.append(.unary(.negate), [x], name: "y")[0]
    let z = try graph.append(.unary(.square), [y], name: "z")[0]
    let flat = try graph.append(.reshape([40]), [y], name: "flat")[0]
    graph.outputs = [("y", y), ("again", y), ("z", z), ("flat", flat), ("x", x), ("constant", constant)].map {
      Graph.Output(name: $0, value: $1)
    }
    return try Session(graph, options: options)
  }

  private func isRight(_ outputs: Outputs, _ x: Tensor) throws -> Bool {
    let numbers = try [Float](x)
    let expected: [String: [Float]] = [
      "y": numbers.map(-), "again": numbers.map(-), "flat": numbers.map(-), "z": numbers.map { $0 * $0 },
      "x": numbers, "constant": try [Float](tensor(100)),
    ]
    return try expected.allSatisfy { name, numbers in try outputs[name].map { try [Float]($0) } == numbers }
  }

  @Test func `a result keeps its numbers for as long as somebody holds it`() throws {
    let session = try session()
    var held: [(x: Tensor, outputs: Outputs)] = []
    for index in 0..<20 {
      let x = try tensor(Float(index))
      held.append((x, try session.run(["x": x])))
      if index % 3 == 2 { held.remove(at: 0) }
      for (x, outputs) in held { #expect(try isRight(outputs, x)) }
    }
  }

  @Test func `a run's results are inputs of the next`() throws {
    let session = try session()
    let x = try tensor(1)
    var y = x
    for _ in 0..<6 { y = try #require(session.run(["x": y])["y"]) }
    #expect(try [Float](y) == [Float](x))
  }

  @Test func `memory that nobody holds is written again`() throws {
    let session = try session()
    func address() throws -> Int {
      let y = try #require(session.run(["x": tensor(1)])["z"])
      return try y.withBytes { Int(bitPattern: $0.baseAddress) }
    }
    let first = try address()
    #expect(try address() == first)
  }

  @Test func `runs on many threads have results of their own`() async throws {
    let session = try session(Session.Options(threads: 2))
    let rights = try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<64 {
        group.addTask {
          let x = try tensor(Float(index))
          return try await isRight(session.run(["x": x]), x)
        }
      }
      return try await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(rights.count == 64 && !rights.contains(false))
  }
}
