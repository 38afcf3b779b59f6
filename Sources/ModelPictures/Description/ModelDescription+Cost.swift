package import KerasImport

extension ModelDescription {
  /// What each layer costs, as columns of the layer table: operations, bytes of outputs.
  package var costColumns: [ModelSummary.Column] {
    var operations: [String: String] = [:]
    var memory: [String: String] = [:]
    func collect(_ group: LayerGroup) {
      for layer in group.layers {
        operations[layer.path] = layer.cost.operations.map(NumberText.scaled) ?? "?"
        memory[layer.path] = layer.cost.outputByteCount.map(NumberText.bytes) ?? "?"
        collect(layer.nested)
      }
    }
    collect(layers)
    return [.init(title: "FLOPs", cells: operations), .init(title: "Memory", cells: memory)]
  }

  /// The lines below the table.
  package var costLines: String {
    """
     FLOPs per sample: \(cost.operations.map(NumberText.scaled) ?? "?")
     Memory of all outputs per sample: \(cost.outputByteCount.map(NumberText.bytes) ?? "?")

    """
  }
}
