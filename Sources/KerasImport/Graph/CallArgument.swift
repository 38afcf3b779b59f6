public import ModelIR
package import NativeFormat

/// One argument of a layer call: tensors and plain values in any nesting.
/// More may come: switch over it with a `default`.
///
/// While a layer is lowered the tensors are ``Operand``s.
public indirect enum CallArgument<Reference: Sendable>: Sendable {
  /// A tensor.
  case tensor(Reference)
  /// An array written in the configuration (`__numpy__`, `__tensor__`).
  case array(Tensor)
  /// A list or tuple.
  case list([CallArgument])
  /// Keys in the order of the file.
  case dictionary([(key: String, value: CallArgument)])
  /// An integer.
  case integer(Int)
  /// A number that is no integer.
  case number(Double)
  /// True or False.
  case bool(Bool)
  /// A text.
  case string(String)
  /// Python's None: not given, or a new axis in an index.
  case none
  /// A slice within an index, `start:stop:step`; ``none`` for what is left out.
  case slice(start: CallArgument, stop: CallArgument, step: CallArgument)
  /// `...` within an index.
  case ellipsis
  /// A function, an operation or a layer, as an argument of an operation that calls it.
  case object(SerializedObject)

  /// The argument with every tensor replaced.
  func map<Other: Sendable, Failure: Error>(
    _ transform: (Reference) throws(Failure) -> Other
  ) throws(Failure) -> CallArgument<Other> {
    switch self {
    case .tensor(let reference): return .tensor(try transform(reference))
    case .array(let tensor): return .array(tensor)
    case .list(let items):
      var mapped: [CallArgument<Other>] = []
      for item in items { mapped.append(try item.map(transform)) }
      return .list(mapped)
    case .dictionary(let entries):
      var mapped: [(key: String, value: CallArgument<Other>)] = []
      for entry in entries { mapped.append((entry.key, try entry.value.map(transform))) }
      return .dictionary(mapped)
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .bool(let value): return .bool(value)
    case .string(let value): return .string(value)
    case .none: return .none
    case .slice(let start, let stop, let step):
      return .slice(
        start: try start.map(transform), stop: try stop.map(transform), step: try step.map(transform))
    case .ellipsis: return .ellipsis
    case .object(let object): return .object(object)
    }
  }

  /// True for Python's None.
  var isNone: Bool { if case .none = self { true } else { false } }

  /// All objects in it.
  var objects: [SerializedObject] {
    switch self {
    case .object(let object): [object]
    case .list(let items): items.flatMap(\.objects)
    case .dictionary(let entries): entries.flatMap(\.value.objects)
    case .tensor, .slice, .array, .integer, .number, .bool, .string, .none, .ellipsis: []
    }
  }

  /// All tensors, depth first; dictionaries in the order of sorted keys, as Keras flattens them.
  public var tensors: [Reference] {
    switch self {
    case .tensor(let reference): [reference]
    case .list(let items): items.flatMap(\.tensors)
    case .dictionary(let entries): entries.sorted { $0.key < $1.key }.flatMap(\.value.tensors)
    case .slice(let start, let stop, let step): start.tensors + stop.tensors + step.tensors
    case .array, .integer, .number, .bool, .string, .none, .ellipsis, .object: []
    }
  }
}

/// An object among the arguments of a call, as the file has it (`{"class_name": "function", "config": "relu"}`): a layer
/// or a function by its name.
public struct SerializedObject: Sendable {
  package let json: JSONValue

  package init(_ json: JSONValue) { self.json = json }

  /// The class, or the function's name.
  public var name: String {
    let className = json["class_name"]?.string ?? ""  // Objects without a class are read as dictionaries.
    return json["config"]?.string ?? className  // Functions have their name as configuration.
  }
}

/// The arguments of one call of a layer.
public struct CallArguments<Reference: Sendable>: Sendable {
  /// Positional arguments in order.
  public var positional: [CallArgument<Reference>]
  /// Keyword arguments in the order of the file.
  public var keywords: [(key: String, value: CallArgument<Reference>)]

  /// Arguments by position and by keyword.
  public init(
    positional: [CallArgument<Reference>], keywords: [(key: String, value: CallArgument<Reference>)] = []
  ) {
    self.positional = positional
    self.keywords = keywords
  }

  /// An argument by its name in the call's signature, given by keyword or by position; nil when absent or None.
  public func argument(_ name: String, at position: Int?) -> CallArgument<Reference>? {
    if let found = keywords.first(where: { $0.key == name })?.value {
      if case .none = found { return nil }
      return found
    }
    guard let position, position < positional.count else { return nil }
    if case .none = positional[position] { return nil }
    return positional[position]
  }

  /// Takes a keyword argument out of the call.
  mutating func removeArgument(_ name: String) -> CallArgument<Reference>? {
    guard let index = keywords.firstIndex(where: { $0.key == name }) else { return nil }
    return keywords.remove(at: index).value
  }

  /// The same call with its first argument by position and all others by name, whichever way they were given.
  /// - Throws: `unsupported` for an argument that is none of the parameters and not None.
  func bound(to parameters: [String]) throws(KerasImportError) -> CallArguments {
    var result = CallArguments(positional: Array(positional.prefix(1)), keywords: [])
    for (position, argument) in positional.enumerated().dropFirst() where !argument.isNone {
      guard position < parameters.count else {
        throw KerasImportError(.unsupported("argument \(position + 1) of the call"))
      }
      result.keywords.append((parameters[position], argument))
    }
    for (name, argument) in keywords where !argument.isNone {
      guard parameters.contains(name) else {
        throw KerasImportError(.unsupported("the call argument \"\(name)\""))
      }
      guard name == parameters.first else { result.keywords.append((name, argument)); continue }
      result.positional = [argument]
    }
    return result
  }

  /// All objects in them.
  var objects: [SerializedObject] { positional.flatMap(\.objects) + keywords.flatMap(\.value.objects) }

  /// All tensors, positional arguments first.
  public var tensors: [Reference] { positional.flatMap(\.tensors) + keywords.flatMap(\.value.tensors) }

  func map<Other: Sendable, Failure: Error>(
    _ transform: (Reference) throws(Failure) -> Other
  ) throws(Failure) -> CallArguments<Other> {
    var result = CallArguments<Other>(positional: [])
    for argument in positional { result.positional.append(try argument.map(transform)) }
    for entry in keywords { result.keywords.append((entry.key, try entry.value.map(transform))) }
    return result
  }
}
