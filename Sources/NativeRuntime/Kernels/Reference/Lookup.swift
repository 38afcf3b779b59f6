import ModelIR

func lookup(_ table: LookupTable, _ x: Tensor) throws -> Tensor {
  let positions: [Int?]
  switch table.keys {
  case .integers(let keys):
    let index = Dictionary(zip(keys, keys.indices), uniquingKeysWith: { first, _ in first })
    positions = try x.cast(to: .int64).elements(as: Int64.self).map { index[$0] }
  case .strings(let keys):
    // By bytes: Swift's strings are equal in all spellings of an accent.
    let index = Dictionary(
      zip(keys.map { Array($0.utf8) }, keys.indices), uniquingKeysWith: { first, _ in first })
    guard let strings = x.strings else { throw KernelError("expected strings, found \(x.dtype.rawValue)") }
    positions = strings.map { index[Array($0.utf8)] }
  }
  switch table.values {
  case .integers(let values):
    return try Tensor(positions.map { $0.map { values[$0] } ?? table.defaultInteger }, sizes: x.sizes)
  case .strings(let values):
    return try Tensor(positions.map { $0.map { values[$0] } ?? table.defaultString }, sizes: x.sizes)
  }
}
