import Foundation
import KerasImport
import Testing

/// Every operation class of `keras.ops` (a list that `Scripts/keras_operations.py` makes from Keras itself) is supported,
/// or refused with its reason; nothing is both or neither.
@Suite struct OperationListTests {
  @Test func `every class of keras.ops is supported, or refused with its reason`() throws {
    let list = Case.repository.appending(path: "fixtures/keras3_operations.txt")
    let classes = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(String.init)
      .filter { !$0.hasPrefix("#") }
    let supported = Set(LayerRegistry.standard.operationNames)
    let refused = LayerRegistry.standard.refusedOperations
    #expect(classes.count > 320)
    #expect(classes.filter { !supported.contains($0) && refused[$0] == nil } == [])
    #expect(refused.keys.filter { supported.contains($0) || !classes.contains($0) } == [])
    #expect(refused.values.allSatisfy { !$0.isEmpty })
  }

  /// The list has the classes that a call of each function puts into a model.
  @Test func `every function of keras is supported, or refused with its reason`() throws {
    let list = Case.repository.appending(path: "fixtures/keras3_functions.txt")
    let functions = try String(contentsOf: list, encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ").map(String.init) }
    let registry = LayerRegistry.standard
    let known = Set(registry.operationNames).union(registry.refusedOperations.keys)
    let activations = Set(registry.activationNames.map { "keras.activations.\($0)" })
    let outside = FunctionsOutsideModels.reasons
    #expect(functions.count > 390)
    for function in functions {
      let (name, classes) = (function[0], function.dropFirst())
      if classes.isEmpty {
        #expect(activations.contains(name) || outside[name] != nil, "\(name)")
      } else {
        #expect(classes.allSatisfy(known.contains), "\(name)")
      }
    }
    #expect(outside.keys.filter { name in !functions.contains { $0 == [name] } } == [])
  }
}
