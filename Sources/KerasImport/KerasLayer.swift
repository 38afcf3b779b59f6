public import ModelIR

/// One layer of a ``KerasModel``: what the file says about it, its weights, and the shapes that flow through it.
public struct KerasLayer: Sendable {
  /// The names of the models around it and its own; inside wrappers, the attributes that hold it:
  /// `encoder/bidirectional/forward_layer`.
  public let path: String
  package let object: LayerObject
  private let model: KerasModel

  init(_ object: LayerObject, path: String, in model: KerasModel) {
    self.object = object
    self.path = path
    self.model = model
  }

  /// The layer's name.
  public var name: String { object.name }
  /// The class as today's Keras names it: `Conv2D`.
  public var className: String { object.className }
  /// The configuration as today's Keras writes it, whatever era the file is from.
  public var config: ConfigValue { ConfigValue(object.config) }

  /// The layer's weights and those of the layers inside it, named from here on: `kernel`, `forward_layer/cell/kernel`.
  public var weights: KerasWeights {
    let isTrainable = model.graph.places.first { $0.object === object }?.isTrainable ?? true
    return KerasWeights(object.places(isTrainable: isTrainable), model.binding)
  }

  /// The layers of a nested model, or those that a wrapper holds, in order.
  public var layers: [KerasLayer] {
    children.map { KerasLayer($0.object, path: joined(path, $0.name), in: model) }
  }

  /// A layer inside this one by its path from here.
  public subscript(path: String) -> KerasLayer? {
    KerasLayer.find(path[...], among: children, under: self.path, in: model)
  }

  /// The shapes of the tensors the layer is first called with. None for inputs, and for layers that the layer around
  /// them computes itself, as a cell.
  /// - Throws: the first layer that cannot take its input.
  public var inputShapes: [Shape] {
    get throws(KerasImportError) { try shapes.map(\.inputs) ?? [] }  // None: not called.
  }

  /// The shapes of what the layer's first call gives; none for layers that the layer around them computes itself.
  /// - Throws: the first layer that cannot take its input.
  public var outputShapes: [Shape] {
    get throws(KerasImportError) { try shapes.map(\.outputs) ?? [] }  // None: not called.
  }

  private var shapes: LayerShapes? { get throws(KerasImportError) { try model.lowering().shapes[path] } }

  private typealias Child = (name: String, object: LayerObject)

  private var children: [Child] {
    if let nested = object.layer as? NestedModel { return nested.model.layers.map { ($0.name, $0) } }
    return object.layer.sublayers.map { ($0.attribute, $0.object) }
  }

  /// Follows a path; names may hold slashes themselves. Layers inside wrappers go by their own names too.
  private static func find(
    _ path: Substring, among children: [Child], under parent: String, in model: KerasModel
  ) -> KerasLayer? {
    for child in children {
      for name in child.name == child.object.name ? [child.name] : [child.name, child.object.name] {
        guard path.hasPrefix(name) else { continue }
        let layer = KerasLayer(child.object, path: joined(parent, child.name), in: model)
        let rest = path.dropFirst(name.count)
        if rest.isEmpty { return layer }
        guard rest.first == "/" else { continue }
        if let found = find(rest.dropFirst(), among: layer.children, under: layer.path, in: model) {
          return found
        }
      }
    }
    return nil
  }

  fileprivate static func find(_ path: String, in model: KerasModel) -> KerasLayer? {
    find(path[...], among: model.graph.layers.map { ($0.name, $0) }, under: "", in: model)
  }
}

extension KerasModel {
  /// The layers and operations in the order of the file, inputs included.
  public var layers: [KerasLayer] { graph.layers.map { KerasLayer($0, path: $0.name, in: self) } }

  /// A layer by its name, or by its path into nested models and wrappers: `encoder/block_1/dense`.
  public subscript(path: String) -> KerasLayer? { KerasLayer.find(path, in: self) }

  /// The inputs in Keras's order; sizes that the file leaves open are named: `batch`, `tokens_1`.
  /// - Throws: the first layer that cannot take its input.
  public var inputs: [TensorSpec] {
    get throws(KerasImportError) {
      let graph = try makeGraph()
      return graph.inputs.map { TensorSpec(graph.name(of: $0), type: graph.type(of: $0)) }
    }
  }

  /// The outputs in Keras's order, named after the layers that make them.
  /// - Throws: the first layer that cannot take its input.
  public var outputs: [TensorSpec] {
    get throws(KerasImportError) {
      let graph = try makeGraph()
      return graph.outputs.map { TensorSpec($0.name, type: graph.type(of: $0.value)) }
    }
  }
}

/// What flows through a layer at its first call.
package struct LayerShapes: Sendable {
  package let inputs: [Shape]
  package let outputs: [Shape]
}
