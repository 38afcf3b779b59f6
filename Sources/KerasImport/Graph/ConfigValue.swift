package import NativeFormat

/// One value of a layer's configuration as today's Keras writes it, read-only: `layer.config["units"]?.int`. Literals
/// make one, for layers that a custom layer makes.
public struct ConfigValue: Hashable, Sendable {
  package let json: JSONValue

  package init(_ json: JSONValue) { self.json = json }

  /// The value of a key; nil if this is no object or has no such key.
  public subscript(key: String) -> ConfigValue? { json[key].map(ConfigValue.init) }
  /// The keys of an object in the order of the file; none for other values.
  public var keys: [String] { json.object?.keys ?? [] }  // What is no object has no keys.
  /// The elements of a list.
  public var array: [ConfigValue]? { json.array?.map(ConfigValue.init) }
  /// The text of a string.
  public var string: String? { json.string }
  /// The value of an integer.
  public var int: Int? { json.int }
  /// The value of any number.
  public var double: Double? { json.double }
  /// The value of `true` or `false`.
  public var bool: Bool? { json.bool }
  /// True for `null`, Python's None.
  public var isNull: Bool { json.isNull }
}

extension ConfigValue: CustomStringConvertible {
  /// The value as JSON.
  public var description: String { json.text() }
}

extension ConfigValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
  /// `null`, Python's None.
  public init(nilLiteral: ()) { json = .null }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { json = .bool(value) }
  /// An integer.
  public init(integerLiteral value: Int) { json = .integer(value) }
}

extension ConfigValue: ExpressibleByFloatLiteral, ExpressibleByStringLiteral {
  /// A number.
  public init(floatLiteral value: Double) { json = .number(value) }
  /// A string.
  public init(stringLiteral value: String) { json = .string(value) }
}

extension ConfigValue {
  /// An integer, from a variable.
  public init(_ value: Int) { json = .integer(value) }
  /// A number, from a variable.
  public init(_ value: Double) { json = .number(value) }
  /// A truth value, from a variable.
  public init(_ value: Bool) { json = .bool(value) }
  /// A string, from a variable.
  public init(_ value: String) { json = .string(value) }
  /// A list, from a variable.
  public init(_ elements: [ConfigValue]) { json = .array(elements.map(\.json)) }
  /// An object, its keys in this order.
  public init(_ members: [(key: String, value: ConfigValue)]) {
    json = .object(JSONObject(members.map { ($0.key, $0.value.json) }))
  }
}

extension ConfigValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
  /// A list.
  public init(arrayLiteral elements: ConfigValue...) { json = .array(elements.map(\.json)) }
  /// An object, its keys in this order.
  public init(dictionaryLiteral elements: (String, ConfigValue)...) {
    json = .object(JSONObject(elements.map { ($0, $1.json) }))
  }
}
