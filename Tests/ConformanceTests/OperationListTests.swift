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
}
