/// The rows of several strided operands of one shape, in row-major order: axes that all operands walk as one are one.
struct StridedRows: Sendable {
  /// The sizes of the outer axes.
  private let sizes: [Int]
  /// For each operand the strides of the outer axes.
  private let strides: [[Int]]
  /// The elements of a row.
  let rowCount: Int
  /// For each operand the step from one element of a row to the next.
  let steps: [Int]

  /// - Parameter strides: for each operand the step along each axis, in elements.
  init(_ sizes: [Int], _ strides: [[Int]]) {
    var merged: [(size: Int, steps: [Int])] = []
    for axis in sizes.indices where sizes[axis] != 1 {
      let steps = strides.map { $0[axis] }
      if let last = merged.last, zip(last.steps, steps).allSatisfy({ $0 == $1 * sizes[axis] }) {
        merged[merged.count - 1] = (last.size * sizes[axis], steps)
      } else {
        merged.append((sizes[axis], steps))
      }
    }
    let row = merged.popLast() ?? (1, strides.map { _ in 1 })
    rowCount = row.size
    steps = row.steps
    self.sizes = merged.map(\.size)
    self.strides = strides.indices.map { operand in merged.map { $0.steps[operand] } }
  }

  /// Whether an operand is one row of consecutive elements, read again for every row: a constant of as many elements as a
  /// row has may as well lie along another axis of the same size.
  func repeatsRow(of operand: Int) -> Bool { steps[operand] == 1 && strides[operand].allSatisfy { $0 == 0 } }

  /// Calls `body` for each row, or for parts of the only one, with its number, the operands' offsets and the range of its
  /// elements, on several threads.
  func forEach(_ body: @Sendable (_ row: Int, _ offsets: [Int], _ range: Range<Int>) -> Void) {
    let count = sizes.reduce(1, *)
    if count == 1 {
      let offsets = strides.map { _ in 0 }
      return parallel(rowCount, grain: 1 << 14) { body(0, offsets, $0) }
    }
    parallel(count, grain: max(1, (1 << 14) / max(rowCount, 1))) { rows in
      var (index, offsets) = start(at: rows.lowerBound)
      for row in rows {
        body(row, offsets, 0..<rowCount)
        advance(&index, &offsets)
      }
    }
  }

  private func start(at row: Int) -> (index: [Int], offsets: [Int]) {
    var rest = row
    var index = sizes
    for axis in sizes.indices.reversed() {
      index[axis] = rest % sizes[axis]
      rest /= sizes[axis]
    }
    return (index, strides.map { zip($0, index).reduce(0) { $0 + $1.0 * $1.1 } })
  }

  private func advance(_ index: inout [Int], _ offsets: inout [Int]) {
    for axis in sizes.indices.reversed() {
      index[axis] += 1
      for operand in offsets.indices { offsets[operand] += strides[operand][axis] }
      if index[axis] < sizes[axis] { return }
      for operand in offsets.indices { offsets[operand] -= strides[operand][axis] * sizes[axis] }
      index[axis] = 0
    }
  }
}
