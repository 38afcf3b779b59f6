extension LayerRegistry {
  /// Every layer and operation of Keras that kconvert knows: the one list.
  public static let standard: LayerRegistry = {
    var registry = LayerRegistry()
    registry.register(InputLayer.self, as: "InputLayer")
    return registry
  }()
}
