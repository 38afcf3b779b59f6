/// Where a Keras weight goes in a program's own model, and how its layout changes on the way.
///
/// A weight goes to every ``exact(_:to:as:)`` rule of its name. If there is none, it goes to the first other rule that
/// matches; if none does, it goes under its own name as it is.
public struct WeightRule: Sendable {
  package enum Match: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case pattern(String)
  }

  package let match: Match
  /// The new name, prefix or template; nil for weights that are left out.
  package let target: String?
  package let conversion: WeightConversion

  /// One weight by its whole name. Several rules of one name give it to several parameters, as the two rows of a GRU's
  /// bias.
  public static func exact(
    _ name: String, to parameter: String, as conversion: WeightConversion = .asStored
  ) -> WeightRule {
    WeightRule(match: .exact(name), target: parameter, conversion: conversion)
  }

  /// All weights whose names start so; the rest of the name is kept.
  public static func prefix(
    _ prefix: String, to replacement: String, as conversion: WeightConversion = .asStored
  ) -> WeightRule {
    WeightRule(match: .prefix(prefix), target: replacement, conversion: conversion)
  }

  /// All weights whose whole names match a regular expression; `$1` to `$9` in the template stand for its groups, `$0`
  /// for the name: `.pattern(#"block_(\d+)/dense/kernel"#, to: "blocks.$1.weight", as: .inOutToOutIn)`.
  public static func pattern(
    _ expression: String, to template: String, as conversion: WeightConversion = .asStored
  ) -> WeightRule {
    WeightRule(match: .pattern(expression), target: template, conversion: conversion)
  }

  /// Leaves out all weights whose whole names match a regular expression; they do not count as unused.
  public static func skip(_ expression: String) -> WeightRule {
    WeightRule(match: .pattern(expression), target: nil, conversion: .asStored)
  }
}

/// Rules with their expressions compiled.
struct WeightRules {
  /// The parameter a weight goes to.
  typealias Target = (name: String, conversion: WeightConversion)

  private let exact: [String: [Target]]
  private let others: [(rule: WeightRule, regex: Regex<AnyRegexOutput>?)]

  /// - Throws: `invalidExpression`.
  init(_ rules: [WeightRule]) throws(WeightLoadError) {
    var exact: [String: [Target]] = [:]
    var others: [(rule: WeightRule, regex: Regex<AnyRegexOutput>?)] = []
    for rule in rules {
      switch rule.match {
      case .exact(let name): exact[name, default: []].append((rule.target ?? name, rule.conversion))
      case .prefix: others.append((rule, nil))
      case .pattern(let text):
        do {
          others.append((rule, try Regex(text)))
        } catch {
          throw .invalidExpression(text, message: "\(error)")
        }
      }
    }
    self.exact = exact
    self.others = others
  }

  /// The parameters that a weight goes to; none for one that is left out.
  func targets(of name: String) -> [Target] {
    if let targets = exact[name] { return targets }
    for (rule, regex) in others {
      if let regex {
        guard let match = name.wholeMatch(of: regex) else { continue }
        guard let target = rule.target else { return [] }
        return [(WeightRules.expanded(target, match), rule.conversion)]
      }
      guard case .prefix(let prefix) = rule.match, name.hasPrefix(prefix) else { continue }
      // The rule takes the prefix away.
      return [((rule.target ?? "") + name.dropFirst(prefix.count), rule.conversion)]
    }
    return [(name, .asStored)]
  }

  /// The template with `$0` to `$9` replaced; groups that took no part are empty.
  private static func expanded(_ template: String, _ match: Regex<AnyRegexOutput>.Match) -> String {
    var result = ""
    var rest = template[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      guard let digit = rest.first, digit.isASCII, let group = digit.wholeNumberValue else {
        result += "$"
        continue
      }
      rest = rest.dropFirst()
      // A group that matched nothing stands for nothing.
      if group < match.output.count { result += match.output[group].substring ?? "" }
    }
    return result + rest
  }
}
