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
    _ model: LayerGraph, to file: HDF5File, group: String, model canonical: CanonicalModel,
    isLenient: Bool = false
  ) throws(KerasImportError) -> WeightBinding {
    guard let root = try file.index.root.group(at: group) else {
      throw KerasImportError(.weightNotFound(group))
    }
    let conversion = LegacyConversion(
      isKeras1: canonical.isKeras1, isTheano: canonical.isTheano, storesDeviations: canonical.storesDeviations
    )
    let weights = LegacyWeights(file: file, root: root, prefix: group, conversion: conversion)
    if isLenient { return weights.outlined(model) }
    return root.attributes["nb_layers"] == nil ? try weights.bind(model) : try weights.bindNumbered(model)
  }

  /// What the file has for each layer of a model that is not supported as a whole: the arrays of the group of its name.
  private func outlined(_ model: LayerGraph) -> WeightBinding {
    var binding = WeightBinding()
    for object in model.keptLayers {
      guard let group = root.group(at: object.name) else { continue }
      let names = LegacyWeights.list("weight_names", of: group)
      let path = joined(prefix, object.name)
      let tensors = names.compactMap { try? file.tensor(at: joined(path, $0)) }  // For the summary only.
      if !tensors.isEmpty { binding.unassigned[ObjectIdentifier(object)] = tensors }
    }
    return binding
  }

  private func bind(_ model: LayerGraph) throws(KerasImportError) -> WeightBinding {
    var binding = WeightBinding()
    let names = LegacyWeights.list("layer_names", of: root)
    let withWeights = names.filter { name in
      root.group(at: name).map { !LegacyWeights.list("weight_names", of: $0).isEmpty } ?? false
    }
    let objects = model.keptLayers.filter(\.hasWeights)
    // Names count only where all of them agree: a model built twice in one program has other numbers in its names,
    // and Keras itself goes by position.
    let known = Set(names)
    let isNamed = objects.allSatisfy { known.contains($0.name) }
    guard isNamed || objects.count == withWeights.count else {
      throw LegacyWeights.mismatch("layers with weights", objects.map(\.name), withWeights)
    }
    for (position, object) in objects.enumerated() {
      let name = isNamed ? object.name : withWeights[position]
      do throws(KerasImportError) {
        guard let group = root.group(at: name) else { throw KerasImportError(.weightNotFound(name)) }
        let path = joined(prefix, name)
        let found = LegacyWeights.list("weight_names", of: group)
        var arrays = ArraySlice(found.map { (name: $0, path: joined(path, $0)) })
        let slots = LegacyWeights.slots(of: object)
        let required = slots.filter(\.spec.isRequired)
        guard conversion.isKeras1 || found.count >= required.count && found.count <= slots.count else {
          throw LegacyWeights.mismatch("weights", slots.map(\.spec.name), found)
        }
        try bind(slots, &arrays, &binding)
        guard arrays.isEmpty else { throw KerasImportError(.unusedWeights(arrays.map(\.name))) }
      } catch {
        throw error.at(.layer(name: object.name, className: object.className))
      }
    }
    return binding
  }

  /// The weights are not those of this model.
  private static func mismatch(_ what: String, _ expected: [String], _ found: [String]) -> KerasImportError {
    func list(_ names: [String]) -> String {
      let shown = names.prefix(6).joined(separator: ", ") + (names.count > 6 ? ", ..." : "")
      return names.isEmpty ? "none" : "\(names.count) (\(shown))"
    }
    return KerasImportError(
      .corrupted(
        "expected \(what): \(list(expected)), found \(list(found)); give the weights of this very model"))
  }

  /// Keras 0.x: `layer_0/param_0`, by position alone, so that all arrays of the file are one sequence.
  private func bindNumbered(_ model: LayerGraph) throws(KerasImportError) -> WeightBinding {
    var binding = WeightBinding()
    var arrays: ArraySlice<(name: String, path: String)> = []
    for layer in 0..<root.groups.count {
      guard let group = root.groups["layer_\(layer)"] else {
        throw KerasImportError(.weightNotFound("layer_\(layer)"))
      }
      for number in 0..<group.datasets.count {
        arrays.append(("param_\(number)", joined(prefix, "layer_\(layer)/param_\(number)")))
      }
    }
    for object in model.keptLayers where object.hasWeights {
      do { try bind(LegacyWeights.slots(of: object), &arrays, &binding) } catch {
        throw error.at(.layer(name: object.name, className: object.className))
      }
    }
    guard arrays.isEmpty else { throw KerasImportError(.unusedWeights(arrays.map(\.path))) }
    return binding
  }

  /// Takes the arrays of one layer, those of the layers inside it too, off the front of a sequence.
  private func bind(
    _ all: [Slot], _ arrays: inout ArraySlice<(name: String, path: String)>,
    _ binding: inout WeightBinding
  ) throws(KerasImportError) {
    var slots = all
    if arrays.count < slots.count { slots.removeAll { !$0.spec.isRequired } }
    let isSplit = conversion.isKeras1 && arrays.count > slots.count
    if arrays.count == slots.count {
      let named = arrays.map { (name: $0.name, array: $0) }
      arrays = try LegacyRoles.ordered(named, for: slots.map { ($0.object.name, $0.spec.name) })[...]
    }
    var index = 0
    while index < slots.count {
      let slot = slots[index]
      let count = isSplit ? conversion.arrayCount(of: slot.object) : 1
      guard count <= arrays.count else { throw KerasImportError(.weightNotFound(slot.spec.name)) }
      var tensors: [Tensor] = []
      for array in arrays.prefix(count) { tensors.append(try file.tensor(at: array.path)) }
      arrays = arrays.dropFirst(count)
      let named = count > 1 ? try conversion.gates(tensors, of: slot.object) : [(slot.spec.name, tensors[0])]
      for (role, tensor) in named {
        let today = try conversion.converted(tensor, role, slot.object)
        binding.tensors[ObjectIdentifier(slot.object), default: [:]][role] = today
      }
      index += named.count
    }
    for object in Set(slots.map { ObjectIdentifier($0.object) }) {
      if let roles = binding.tensors[object] { binding.tensors[object] = conversion.reordered(roles) }
    }
    for slot in slots { binding.shareInner(of: slot.object) }
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
    for spec in object.layer.orderedWeights where !spec.isInner {
      slots.append(Slot(object: object, spec: spec, isTrainable: own && spec.isTrainable))
    }
    for sublayer in object.layer.sublayers { collect(sublayer.object, isTrainable: own, &slots, &seen) }
  }

  /// A list attribute, which long lists split into `name0`, `name1`, ...
  static func list(_ name: String, of group: HDF5Index.Group) -> [String] {
    // An empty list is of another type in HDF5.
    if let whole = group.attributes[name] { return whole.strings ?? [] }
    var parts: [String] = []
    var number = 0
    while let part = group.attributes["\(name)\(number)"] {
      parts += part.strings ?? []  // An empty list is of another type in HDF5.
      number += 1
    }
    return parts
  }
}
