import ModelIR
import NativeRuntime

/// How far two outputs are apart.
struct OutputDifference {
  let name: String
  let sizes: [Int]
  private(set) var absolute = 0.0
  private(set) var relative = 0.0
  /// Whether every element is within the tolerance.
  private(set) var isWithin = true

  init(_ name: String, _ a: Tensor, _ b: Tensor, tolerance: Double) throws {
    self.name = name
    sizes = a.sizes
    guard a.sizes == b.sizes, (a.dtype == .string) == (b.dtype == .string) else {
      throw Failure(
        "output \"\(name)\" does not correspond: expected \(a.type), found \(b.type)", .checkFailed)
    }
    if let strings = a.strings, let others = b.strings {
      isWithin = strings == others
      absolute = isWithin ? 0 : 1
      relative = absolute
      return
    }
    for (x, y) in zip(try a.doubles(), try b.doubles()) where x != y && !(x.isNaN && y.isNaN) {
      let distance = x.isFinite && y.isFinite ? abs(x - y) : .infinity
      let magnitude = max(abs(x), abs(y))
      absolute = max(absolute, distance)
      relative = max(relative, distance.isFinite ? distance / magnitude : .infinity)
      if !(distance <= tolerance * max(1, magnitude)) { isWithin = false }
    }
  }

  /// The differences of all outputs, which correspond by name or else by position.
  static func between(
    _ first: Outputs, _ second: Outputs, _ tolerance: Double, names: (String, String)
  ) throws -> [OutputDifference] {
    guard first.count == second.count else {
      throw Failure(
        "the outputs do not correspond: expected \(first.count) as in \(names.0), found \(second.count) in \(names.1)",
        .checkFailed)
    }
    let isNamed = first.allSatisfy { second[$0.name] != nil }
    return try zip(first, second).map { a, b in
      try OutputDifference(
        a.name, a.value, isNamed ? second[a.name] ?? b.value : b.value, tolerance: tolerance)
    }
  }
}
