/// The size of one axis: a number, a name, or an expression of them.
///
/// A dimension is kept in a normal form, a polynomial with integer coefficients over *atoms* (names, floor divisions,
/// maxima and minima), so that equal sizes compare equal: `(n + 1) + 2` is `n + 3`, `2 * n / 2` is `n`.
/// Arithmetic saturates instead of trapping; `Graph.append` refuses sizes beyond `limit`.
public struct Dimension: Hashable, Sendable {
  /// The largest size an axis may have; larger ones are refused when a node is added.
  package static let limit = 1 << 40
  /// The most parts an expression may have, those of quotients and maxima included. What would have more becomes
  /// ``unwieldy``, so that the work of a file's sizes stays bounded.
  static let weightLimit = 512

  /// A product of atoms, sorted; the empty product is 1.
  struct Monomial: Hashable, Sendable, Comparable {
    var atoms: [Atom]
    static func < (a: Monomial, b: Monomial) -> Bool {
      if a.atoms.count != b.atoms.count { return a.atoms.count > b.atoms.count }
      return a.atoms.lexicographicallyPrecedes(b.atoms)
    }
  }

  /// One summand: `coefficient * monomial`.
  struct Term: Hashable, Sendable {
    var coefficient: Int
    var monomial: Monomial
    var weight: Int { monomial.atoms.reduce(1) { $0 + $1.weight } }
  }

  /// The indivisible parts of an expression.
  indirect enum Atom: Hashable, Sendable, Comparable, CustomStringConvertible {
    case symbol(String)
    case quotient(Dimension, Dimension)
    case maximum(Dimension, Dimension)
    case minimum(Dimension, Dimension)

    var weight: Int {
      switch self {
      case .symbol: 1
      case .quotient(let a, let b), .maximum(let a, let b), .minimum(let a, let b): 1 + a.weight + b.weight
      }
    }

    var description: String {
      switch self {
      case .symbol(let name): name
      case .quotient(let a, let b): "\(a.grouped) / \(b.grouped)"
      case .maximum(let a, let b): "max(\(a), \(b))"
      case .minimum(let a, let b): "min(\(a), \(b))"
      }
    }
    static func < (a: Atom, b: Atom) -> Bool { a.description < b.description }
  }

  /// The constant summand.
  var constant: Int
  /// The other summands, sorted, no coefficient 0.
  private(set) var terms: [Term]
  /// The number of parts of the expression, which is what work on it grows with.
  package private(set) var weight: Int

  init(constant: Int, terms: [Term]) {
    let weight = terms.reduce(1) { $0 + $1.weight }
    if weight > Dimension.weightLimit {
      (self.constant, self.terms, self.weight) = (Dimension.bound, [], 1)
    } else {
      (self.constant, self.terms, self.weight) = (constant, terms, weight)
    }
  }

  /// Whether the size is beyond what sizes are computed with, or an expression of too many parts.
  var isUnwieldy: Bool { terms.isEmpty && constant >= Dimension.bound }

  /// A known size.
  public static func fixed(_ size: Int) -> Dimension { Dimension(constant: size, terms: []) }

  /// A size that is known only by name until the model is run.
  public static func symbol(_ name: String) -> Dimension {
    Dimension(constant: 0, terms: [Term(coefficient: 1, monomial: Monomial(atoms: [.symbol(name)]))])
  }

  /// The size as a number, if it is known.
  public var fixedSize: Int? { terms.isEmpty ? constant : nil }

  /// Whether no size of the named axes makes it negative; false where that is not plain to see.
  package var isNeverNegative: Bool {
    constant >= 0
      && terms.allSatisfy { term in
        term.coefficient >= 0
          && term.monomial.atoms.allSatisfy { atom in
            switch atom {
            case .symbol: true
            case .quotient(let a, let b), .minimum(let a, let b): a.isNeverNegative && b.isNeverNegative
            case .maximum(let a, let b): a.isNeverNegative || b.isNeverNegative
            }
          }
      }
  }

  /// Whether axes are added, subtracted and scaled only, never multiplied with each other.
  package var isSumOfAxes: Bool { terms.allSatisfy { $0.monomial.atoms.count == 1 } }

  /// The name, if the dimension is a bare name.
  public var symbolName: String? {
    guard constant == 0, terms.count == 1, terms[0].coefficient == 1, terms[0].monomial.atoms.count == 1,
      case .symbol(let name) = terms[0].monomial.atoms[0]
    else { return nil }
    return name
  }
}

extension Dimension: ExpressibleByIntegerLiteral {
  /// A known size.
  public init(integerLiteral value: Int) { self = .fixed(value) }
}

// MARK: - Arithmetic

extension Dimension {
  /// The sum.
  public static func + (a: Dimension, b: Dimension) -> Dimension {
    if a.isUnwieldy || b.isUnwieldy { return unwieldy }
    return normalized(constant: saturatingAdd(a.constant, b.constant), terms: a.terms + b.terms)
  }

  /// The difference.
  public static func - (a: Dimension, b: Dimension) -> Dimension { a + b * .fixed(-1) }

  /// The product.
  public static func * (a: Dimension, b: Dimension) -> Dimension {
    if a == 1 { return b }
    if b == 1 { return a }
    let isLarge = a.weight * b.weight > 4 * weightLimit && !a.terms.isEmpty && !b.terms.isEmpty
    if isLarge || (a.isUnwieldy && b != 0 && b != -1) || (b.isUnwieldy && a != 0) { return unwieldy }
    var terms: [Term] = []
    for t in a.terms {
      if b.constant != 0 {
        terms.append(Term(coefficient: saturatingMultiply(t.coefficient, b.constant), monomial: t.monomial))
      }
      for u in b.terms {
        let product = Monomial(atoms: (t.monomial.atoms + u.monomial.atoms).sorted())
        terms.append(Term(coefficient: saturatingMultiply(t.coefficient, u.coefficient), monomial: product))
      }
    }
    if a.constant != 0 {
      for u in b.terms {
        terms.append(Term(coefficient: saturatingMultiply(a.constant, u.coefficient), monomial: u.monomial))
      }
    }
    return normalized(constant: saturatingMultiply(a.constant, b.constant), terms: terms)
  }

  /// The quotient rounded toward minus infinity; division by a fixed 0 gives 0, which no valid shape holds.
  public static func / (a: Dimension, b: Dimension) -> Dimension {
    if a == b { return 1 }
    if a.isUnwieldy || b.isUnwieldy { return unwieldy }
    if let divisor = b.fixedSize {
      guard divisor > 0 else { return 0 }
      if divisor == 1 { return a }
      return a.divided(by: divisor)
    }
    if let exact = a.exactQuotient(by: b) { return exact }
    return Dimension(
      constant: 0, terms: [Term(coefficient: 1, monomial: Monomial(atoms: [.quotient(a, b)]))])
  }

  /// The quotient rounded toward plus infinity.
  public func dividedRoundingUp(by divisor: Int) -> Dimension {
    (self + .fixed(Dimension.saturatingAdd(divisor, -1))) / .fixed(divisor)
  }

  /// The larger of two sizes.
  public static func maximum(_ a: Dimension, _ b: Dimension) -> Dimension {
    if a.isUnwieldy || b.isUnwieldy { return unwieldy }
    if let difference = (a - b).fixedSize { return difference >= 0 ? a : b }
    return atom(.maximum(Swift.min(a, b), Swift.max(a, b)))
  }

  /// The smaller of two sizes.
  public static func minimum(_ a: Dimension, _ b: Dimension) -> Dimension {
    if a.isUnwieldy || b.isUnwieldy { return unwieldy }
    if let difference = (a - b).fixedSize { return difference <= 0 ? a : b }
    return atom(.minimum(Swift.min(a, b), Swift.max(a, b)))
  }

  private static func atom(_ atom: Atom) -> Dimension {
    Dimension(constant: 0, terms: [Term(coefficient: 1, monomial: Monomial(atoms: [atom]))])
  }

  /// Splits off the part that the divisor divides exactly; what is left becomes one quotient atom.
  private func divided(by divisor: Int) -> Dimension {
    var (divided, left): ([Term], [Term]) = ([], [])
    for term in terms {
      if term.coefficient % divisor == 0 {
        divided.append(Term(coefficient: term.coefficient / divisor, monomial: term.monomial))
      } else {
        left.append(term)
      }
    }
    let quotient = Dimension.floorDivide(constant, divisor)
    let whole = Dimension(constant: quotient, terms: divided)
    let rest = Dimension(constant: constant - quotient * divisor, terms: left)
    if rest.terms.isEmpty { return whole }
    // (a / b + c) / d is (a + b * c) / (b * d)
    if whole.terms.isEmpty, rest.terms.count == 1, rest.terms[0].coefficient == 1,
      rest.terms[0].monomial.atoms.count == 1,
      case .quotient(let inner, let by) = rest.terms[0].monomial.atoms[0], let by = by.fixedSize
    {
      let numerator = inner + .fixed(Dimension.saturatingMultiply(by, rest.constant))
      return whole + numerator / .fixed(Dimension.saturatingMultiply(by, divisor))
    }
    return whole + Dimension.atom(.quotient(rest, .fixed(divisor)))
  }

  /// `self / other` when the one divides the other term by term, as products of sizes do.
  private func exactQuotient(by other: Dimension) -> Dimension? {
    guard other.constant == 0, other.terms.count == 1, constant == 0, let divisor = other.terms.first else {
      return nil
    }
    var result: [Term] = []
    var constant = 0
    for term in terms {
      guard term.coefficient % divisor.coefficient == 0 else { return nil }
      var atoms = term.monomial.atoms
      for atom in divisor.monomial.atoms {
        guard let index = atoms.firstIndex(of: atom) else { return nil }
        atoms.remove(at: index)
      }
      let coefficient = term.coefficient / divisor.coefficient
      if atoms.isEmpty {
        constant = Dimension.saturatingAdd(constant, coefficient)
      } else {
        result.append(Term(coefficient: coefficient, monomial: Monomial(atoms: atoms)))
      }
    }
    return Dimension.normalized(constant: constant, terms: result)
  }

  private static func normalized(constant: Int, terms: [Term]) -> Dimension {
    if terms.isEmpty { return Dimension(constant: constant, terms: []) }
    var merged: [Monomial: Int] = [:]
    for term in terms {
      merged[term.monomial] = saturatingAdd(merged[term.monomial, default: 0], term.coefficient)
    }
    let sorted = merged.filter { $0.value != 0 }.map { Term(coefficient: $0.value, monomial: $0.key) }
      .sorted { $0.monomial < $1.monomial }
    return Dimension(constant: constant, terms: sorted)
  }

  static func floorDivide(_ a: Int, _ b: Int) -> Int {
    let quotient = a / b
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient
  }

  private static let bound = Int.max / 4
  /// Stands for every size that ``isUnwieldy``.
  private static let unwieldy = Dimension(constant: bound, terms: [])

  package static func saturatingAdd(_ a: Int, _ b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    if overflow { return a > 0 ? bound : -bound }
    return Swift.min(Swift.max(sum, -bound), bound)
  }

  package static func saturatingMultiply(_ a: Int, _ b: Int) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    if overflow { return (a > 0) == (b > 0) ? bound : -bound }
    return Swift.min(Swift.max(product, -bound), bound)
  }
}

extension Dimension: Comparable {
  /// An arbitrary but stable order, used to keep expressions in normal form.
  public static func < (a: Dimension, b: Dimension) -> Bool { a.description < b.description }
}

// MARK: - Values and text

extension Dimension {
  /// The names the size depends on.
  public var symbols: Set<String> {
    var names: Set<String> = []
    for term in terms {
      for atom in term.monomial.atoms {
        switch atom {
        case .symbol(let name): names.insert(name)
        case .quotient(let a, let b), .maximum(let a, let b), .minimum(let a, let b):
          names.formUnion(a.symbols)
          names.formUnion(b.symbols)
        }
      }
    }
    return names
  }

  /// The dimension with sizes put in place of names; names that are not listed stay.
  public func substituting(_ sizes: [String: Dimension]) -> Dimension {
    var result = Dimension.fixed(constant)
    for term in terms {
      var product = Dimension.fixed(term.coefficient)
      for atom in term.monomial.atoms {
        switch atom {
        case .symbol(let name): product = product * (sizes[name] ?? .symbol(name))
        case .quotient(let a, let b): product = product * (a.substituting(sizes) / b.substituting(sizes))
        case .maximum(let a, let b):
          product = product * .maximum(a.substituting(sizes), b.substituting(sizes))
        case .minimum(let a, let b):
          product = product * .minimum(a.substituting(sizes), b.substituting(sizes))
        }
      }
      result = result + product
    }
    return result
  }

  /// One step of an expression, for writers that have to compute a size while the model runs.
  package indirect enum Expression: Sendable {
    case constant(Int)
    case symbol(String)
    case sum([Dimension])
    case product([Dimension])
    case quotient(Dimension, Dimension)
    case maximum(Dimension, Dimension)
    case minimum(Dimension, Dimension)
  }

  /// The outermost operation of the expression.
  package var expression: Expression {
    if terms.isEmpty { return .constant(constant) }
    if constant != 0 || terms.count > 1 {
      var parts = terms.map { Dimension(constant: 0, terms: [$0]) }
      if constant != 0 { parts.append(.fixed(constant)) }
      return .sum(parts)
    }
    let term = terms[0]
    if term.coefficient != 1 || term.monomial.atoms.count > 1 {
      var factors = term.monomial.atoms.map { Dimension.atom($0) }
      if term.coefficient != 1 { factors.append(.fixed(term.coefficient)) }
      return .product(factors)
    }
    switch term.monomial.atoms[0] {
    case .symbol(let name): return .symbol(name)
    case .quotient(let a, let b): return .quotient(a, b)
    case .maximum(let a, let b): return .maximum(a, b)
    case .minimum(let a, let b): return .minimum(a, b)
    }
  }
}

extension Dimension: CustomStringConvertible {
  /// The expression: `2 * width + 1`.
  public var description: String {
    var text = ""
    for term in terms {
      let factors = term.monomial.atoms.map(\.description).joined(separator: " * ")
      let magnitude = term.coefficient.magnitude
      let body = magnitude == 1 ? factors : "\(magnitude) * \(factors)"
      if text.isEmpty {
        text = term.coefficient < 0 ? "-\(body)" : body
      } else {
        text += term.coefficient < 0 ? " - \(body)" : " + \(body)"
      }
    }
    if text.isEmpty { return "\(constant)" }
    if constant != 0 { text += constant < 0 ? " - \(constant.magnitude)" : " + \(constant)" }
    return text
  }

  /// The text in parentheses unless it is a number or a name.
  var grouped: String { fixedSize != nil || symbolName != nil ? description : "(\(description))" }
}
