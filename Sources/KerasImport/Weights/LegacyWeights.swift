import HDF5
import ModelIR

/// Binds the weights of the `layer_names` / `weight_names` layout: one group per layer of the model, the arrays of
/// everything inside it flattened, trainable ones first.
///
/// Source: `keras/src/legacy/saving/legacy_h5_format.py` and the savers of earlier releases.
struct LegacyWeights {
  let file: HDF5File
  let root: HDF5Index.Group
  let prefix: String
  /// What the era's arrays need to become today's.
  let conversion: LegacyConversion

  static func bind(
    _ model: LayerGraph, to file: HDF5File, group: String, model canonical: CanonicalModel
  ) throws(KerasImportError) -> WeightBinding {
    guard let root = file.index.root.group(at: group) else { throw KerasImportError(.weightNotFound(group)) }
    let conversion = LegacyConversion(isKeras1: canonical.isKeras1, isTheano: canonical.isTheano)
    return try LegacyWeights(file: file, root: root, prefix: group, conversion: conversion).bind(model)
  }

  private func bind(_ model: LayerGraph) throws(KerasImportError) -> WeightBinding {
    var binding = WeightBinding()
    let names = try list("layer_names", of: root)
    let withWeights = names.filter { name in
      (root.group(at: name).flatMap { try? list("weight_names", of: $0) } ?? []).isEmpty == false
    }
    let objects = model.layers.filter { !LayerRegistry.isOperation(module: $0.module) && $0.hasWeights }
    let byName = Set(names)
    for (position, object) in objects.enumerated() {
      let name = byName.contains(object.name) ? object.name : position < withWeights.count ? withWeights[position] : object.name
      do throws(KerasImportError) {
        guard let group = root.group(at: name) else { throw KerasImportError(.weightNotFound(name)) }
        try bind(object, group, at: joined(prefix, name), &binding)
      } catch {
        throw error.at(.layer(name: object.name, className: object.className))
      }
    }
    return binding
  }

  private func bind(
    _ object: LayerObject, _ group: HDF5Index.Group, at path: String, _ binding: inout WeightBinding
  ) throws(KerasImportError) {
    let slots = LegacyWeights.slots(of: object)
    let names = try list("weight_names", of: group)
    let isSplit = conversion.isKeras1 && names.count > slots.count
    var next = 0
    var index = 0
    while index < slots.count {
      let slot = slots[index]
      let count = isSplit ? conversion.arrayCount(of: slot.object) : 1
      guard next + count <= names.count else { throw KerasImportError(.weightNotFound(slot.spec.name)) }
      var arrays: [Tensor] = []
      for name in names[next..<(next + count)] { arrays.append(try file.tensor(at: joined(path, name))) }
      next += count
      if count > 1 {
        let joinedGates = try conversion.gates(arrays, of: slot.object)
        for (role, tensor) in joinedGates {
          binding.tensors[ObjectIdentifier(slot.object), default: [:]][role] = try conversion.converted(tensor, role, slot.object)
        }
        index += joinedGates.count
        continue
      }
      let tensor = try conversion.converted(arrays[0], slot.spec.name, slot.object)
      binding.tensors[ObjectIdentifier(slot.object), default: [:]][slot.spec.name] = tensor
      index += 1
    }
    guard next == names.count else { throw KerasImportError(.unusedWeights(Array(names[next...]))) }
  }

  /// A place for one array.
  private struct Slot {
    let object: LayerObject
    let spec: WeightSpec
    let isTrainable: Bool
  }

  /// The arrays of a group in the order of the file: those that are trainable, then the others.
  private static func slots(of object: LayerObject) -> [Slot] {
    var all: [Slot] = []
    var seen: Set<ObjectIdentifier> = []
    collect(object, isTrainable: true, &all, &seen)
    return all.filter(\.isTrainable) + all.filter { !$0.isTrainable }
  }

  private static func collect(
    _ object: LayerObject, isTrainable: Bool, _ slots: inout [Slot], _ seen: inout Set<ObjectIdentifier>
  ) {
    guard seen.insert(ObjectIdentifier(object)).inserted else { return }
    if let nested = object.layer as? NestedModel {
      for layer in nested.model.layers { collect(layer, isTrainable: isTrainable, &slots, &seen) }
      return
    }
    let own = isTrainable && (object.config["trainable"]?.bool ?? true)
    let specs = object.layer.weights
    for spec in specs.filter(\.isTrainable) + specs.filter({ !$0.isTrainable }) {
      slots.append(Slot(object: object, spec: spec, isTrainable: own && spec.isTrainable))
    }
    for sublayer in object.layer.sublayers { collect(sublayer.object, isTrainable: own, &slots, &seen) }
  }

  /// A list attribute, which long lists split into `name0`, `name1`, ...
  private func list(_ name: String, of group: HDF5Index.Group) throws(KerasImportError) -> [String] {
    if let whole = group.attributes[name] { return whole.strings ?? [] }
    var parts: [String] = []
    var number = 0
    while let part = group.attributes["\(name)\(number)"] {
      parts += part.strings ?? []
      number += 1
    }
    return parts
  }
}
