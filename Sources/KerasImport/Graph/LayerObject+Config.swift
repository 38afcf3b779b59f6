import ModelIR
package import NativeFormat

extension LayerObject {
  /// Builds a layer from its canonical serialised form `{module, class_name, config, name?}`.
  ///
  /// Nested Functional and Sequential models become ``NestedModel``s.
  /// - Throws: what is wrong with it, with the layer's place.
  package convenience init(
    serialized: JSONValue, registry: LayerRegistry, outer: DTypePolicy = DTypePolicy()
  ) throws(KerasImportError) {
    guard let className = serialized["class_name"]?.string, let config = serialized["config"]?.object else {
      throw KerasImportError(.invalidGraph("expected a serialised layer, found \(serialized.shortText)"))
    }
    let module = serialized["module"]?.string ?? "keras.layers"
    let name = serialized["name"]?.string ?? config["name"]?.string ?? className
    do {
      let policy = try DTypePolicy(config: config["dtype"], layerName: name, outer: outer)
      let layer: any Layer
      var isOwn = false
      if LayerGraph.isModel(className: className, module: module) {
        layer = NestedModel(model: try LayerGraph(serialized: serialized, registry: registry))
      } else {
        var layerConfig = LayerConfig(
          className: className, module: module, name: name, policy: policy, json: config, registry: registry,
          identity: serialized.object.map(ClassIdentity.init))
        layerConfig.buildConfig = serialized["build_config"]
        isOwn = registry.isOwn(layerConfig)
        layer = try registry.makeLayer(&layerConfig)
      }
      self.init(
        name: name, className: className, module: module, config: .object(config), layer: layer,
        policy: policy,
        buildConfig: serialized["build_config"], isOwn: isOwn)
    } catch {
      if case .several = error.reason { throw error.at(.layer(name: name, className: className)) }
      throw error.at(.layer(name: name, className: className))
    }
  }
}
