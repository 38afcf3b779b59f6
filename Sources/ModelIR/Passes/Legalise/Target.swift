/// What a consumer can take: for every operation its element types, in a version and with these attributes.
package struct Target: Sendable {
  /// How a target takes one operation.
  package struct Rule: Sendable {
    /// The element types of the operation's data.
    package var types: DTypeSet
    /// For other types the one that the operation is done in instead, between casts.
    package var carriers: [DType: DType]
    /// Why the operation is not taken whatever its type; nil: it is.
    package var refusal: String?

    package init(_ types: DTypeSet, carriers: [DType: DType] = [:], refusal: String? = nil) {
      self.types = types
      self.carriers = carriers
      self.refusal = refusal
    }

    /// An operation that is taken with any element type.
    package static let any = Rule(.all)
    /// An operation that has to be said with others.
    package static func composed(_ reason: String = "no operator", carriers: [DType: DType] = [:]) -> Rule {
      Rule(DTypeSet.all.subtracting(carriers.keys), carriers: carriers, refusal: reason)
    }
  }

  /// The name, for messages.
  package let name: String
  private let table: @Sendable (Op, [TensorType]) -> Rule

  /// - Parameter table: the rule of an operation on operands of these types; a switch over all operations.
  package init(_ name: String, table: @escaping @Sendable (Op, [TensorType]) -> Rule) {
    self.name = name
    self.table = table
  }

  package func rule(for op: Op, _ operands: [TensorType]) -> Rule { table(op, operands) }

  /// Whether a node can be written as it is.
  package func takes(_ op: Op, _ operands: [TensorType]) -> Bool {
    let rule = rule(for: op, operands)
    guard rule.refusal == nil else { return false }
    return op.dataType(operands).map(rule.types.contains) ?? true
  }
}

extension Op {
  /// The element type that decides how an operation is computed: that of its data. Nil without operands.
  package func dataType(_ operands: [TensorType]) -> DType? {
    let roles = operandRoles(count: operands.count)
    let place = roles.firstIndex(of: .data) ?? roles.firstIndex { $0 == .state || $0 == .sequence }
    return place.map { operands[$0].dtype }
  }
}
