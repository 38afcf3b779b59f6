package import ModelIR
package import NativeFormat

/// What a configuration in today's form still carries of its era, because no key of today's Keras says it.
///
/// The configuration stage writes marks, layers read the ones that concern them, and the upgrade answers each of them.
/// In a layer's configuration a mark is one key. Native files keep these keys, so that they never change.
package enum EraMark: Hashable, Sendable {
  /// InputLayer: its name is not in the file. Keras 0.x, Sequential models of Keras 1, Sequential models without one.
  case inputNameIsInvented
  /// Any layer: the class it had in the file, which names its folder among the weights.
  case classWhenWritten(String)
  /// Any layer: the folder that holds its folder among the weights, where that is not `layers`. Parts of a FeatureSpace.
  case savedUnder(String)
  /// Convolutions and pooling with `padding="same"`: Theano's padding, the odd element in front.
  case padsFrontFirst
  /// UpSampling2D, bilinear: sampled from the corners of pixels, not their centres. Keras 2 before tf.keras.
  case samplesFromCorners
  /// GlobalAveragePooling1D: masked steps count like any other. Keras 1, and TensorFlow's before 2.2.
  case averagesMaskedSteps
  /// GlobalAveragePooling1D: a mask's numbers weigh the steps. Before Keras 3.15, where a step counts or does not.
  case weighsByMask
  /// MultiHeadAttention: the masks beside its operands are not looked at. tf.keras before 2.10.
  case attendsToMasked
  /// Softmax and attention: a row without a kept position is spread evenly, not zero. Before Keras 3.10.
  case spreadsFullyMasked
  /// Softmax (before Keras 3.13) and attention (before 3.8): a mask's numbers lower the scores by `(1 - m) 1e9`; later a
  /// position counts or does not.
  case lowersByMask
  /// BatchNormalization: with training=True the batch's statistics count in a frozen layer too. Before TensorFlow 2.
  case trainsWhenFrozen
  /// Recurrent layers: the mask beside the sequence counts also when initial states are given. Before Keras 3.
  case masksBesideStates
  /// GlobalAveragePooling: means of integers are integers. Before Keras 3.
  case averagesInIntegers
  /// Attention between matrices: the causal mask adds no axis in front. Before Keras 3.
  case keepsRankWhenCausal
  /// LayerNormalization (before Keras 3.11), GroupNormalization (before 3.15): results are not rounded to the input's
  /// type on the way.
  case normalizesUnrounded
  /// Identity, Rescaling, Normalization: the mask ends here. Before Keras 3.
  case dropsMask
  /// Merging layers: how the masks of the operands become one.
  case mergesMasks(MaskMerge)
  /// Bidirectional returning sequences: masked steps repeat the step before them, and are not zero.
  case repeatsMaskedSteps
  /// LSTM and GRU: CuDNN's layer, whose activations are fixed and whose weights are arranged its way.
  case isCuDNN
  /// Lookups and encodings: the element type of the result.
  case encodesAs(DType)
  /// Resizing, resampling UpSampling2D, augmentation: the result has the policy's type, whatever the image's. tf.keras.
  case resizesToPolicyType
  /// RandomCrop at inference: the image is resampled to cover the target before its middle is taken. Before 2.7.
  case resizesBeforeCropping
}

/// What becomes of the masks of several operands.
package enum MaskMerge: String, CaseIterable, Sendable {
  /// A step is kept where any operand keeps it, if all have masks: Keras 3.4 on.
  case or
  /// A step is kept where all masks that there are keep it: Keras 1 and 2.
  case and
  /// There is none: Keras 3.0 to 3.3.
  case none
}

extension EraMark {
  /// The key in a layer's configuration.
  package var key: String {
    switch self {
    case .inputNameIsInvented: "kconvert_invented_name"
    case .classWhenWritten: "kconvert_class"
    case .savedUnder: "kconvert_folder"
    case .padsFrontFirst: "kconvert_theano_same"
    case .samplesFromCorners: "kconvert_asymmetric"
    case .averagesMaskedSteps: "kconvert_ignores_mask"
    case .weighsByMask: "kconvert_weighs_by_mask"
    case .attendsToMasked: "kconvert_ignores_masks"
    case .lowersByMask: "kconvert_lowers_by_mask"
    case .trainsWhenFrozen: "kconvert_trains_frozen"
    case .dropsMask: "kconvert_drops_mask"
    case .averagesInIntegers: "kconvert_integer_means"
    case .keepsRankWhenCausal: "kconvert_keeps_rank"
    case .normalizesUnrounded: "kconvert_unrounded"
    case .masksBesideStates: "kconvert_masks_beside_states"
    case .spreadsFullyMasked: "kconvert_spreads_masked"
    case .mergesMasks: "kconvert_mask"
    case .repeatsMaskedSteps: "kconvert_zero_output_for_mask"
    case .isCuDNN: "kconvert_cudnn"
    case .encodesAs: "kconvert_dtype"
    case .resizesToPolicyType: "kconvert_float"
    case .resizesBeforeCropping: "kconvert_resizes_first"
    }
  }

  /// What stands under the key.
  package var value: JSONValue {
    switch self {
    case .inputNameIsInvented, .padsFrontFirst, .samplesFromCorners, .averagesMaskedSteps, .attendsToMasked,
      .weighsByMask, .lowersByMask, .trainsWhenFrozen, .dropsMask, .masksBesideStates, .averagesInIntegers,
      .keepsRankWhenCausal,
      .normalizesUnrounded, .spreadsFullyMasked, .isCuDNN,
      .resizesToPolicyType, .resizesBeforeCropping:
      true
    case .repeatsMaskedSteps: false
    case .classWhenWritten(let name), .savedUnder(let name): .string(name)
    case .mergesMasks(let rule): .string(rule.rawValue)
    case .encodesAs(let dtype): .string(dtype.rawValue)
    }
  }

  /// Marks that hold nothing beside themselves.
  private static let flags: [String: EraMark] = Dictionary(
    uniqueKeysWithValues: [
      .inputNameIsInvented, .padsFrontFirst, .samplesFromCorners, .averagesMaskedSteps, .attendsToMasked,
      .weighsByMask, .lowersByMask, .trainsWhenFrozen, .dropsMask, .masksBesideStates, .averagesInIntegers,
      .keepsRankWhenCausal,
      .normalizesUnrounded, .spreadsFullyMasked, .repeatsMaskedSteps,
      .isCuDNN, .resizesToPolicyType, .resizesBeforeCropping,
    ].map { (mark: EraMark) in (mark.key, mark) })

  /// The mark that a member of a configuration is; nil when it is none.
  package init?(key: String, value: JSONValue) {
    let mark: EraMark?
    switch key {
    case "kconvert_class": mark = value.string.map { .classWhenWritten($0) }
    case "kconvert_folder": mark = value.string.map { .savedUnder($0) }
    case "kconvert_mask": mark = value.string.flatMap(MaskMerge.init(rawValue:)).map { .mergesMasks($0) }
    case "kconvert_dtype": mark = value.string.flatMap(DType.init(rawValue:)).map { .encodesAs($0) }
    default: mark = EraMark.flags[key]
    }
    // A flag with its opposite says nothing.
    guard let mark, mark.value == value else { return nil }
    self = mark
  }
}

extension JSONObject {
  /// The marks in a layer's configuration, in its order.
  package var eraMarks: [EraMark] {
    members(withPrefix: "kconvert_").compactMap { EraMark(key: $0.key, value: $0.value) }
  }

  /// The class that the layer had in the file, where a mark says it.
  var classWhenWritten: String? {
    let key = EraMark.classWhenWritten("").key
    guard let value = self[key], case .classWhenWritten(let name)? = EraMark(key: key, value: value) else {
      return nil
    }
    return name
  }

  /// The folder that holds the layer's among the weights, where a mark says it.
  var savedUnder: String? {
    let key = EraMark.savedUnder("").key
    guard let value = self[key], case .savedUnder(let folder)? = EraMark(key: key, value: value) else {
      return nil
    }
    return folder
  }

  /// Adds a mark to a layer's configuration.
  package mutating func insert(_ mark: EraMark) { self[mark.key] = mark.value }
}

extension LayerObject {
  /// What the layer's configuration carries of its era.
  package var eraMarks: [EraMark] {
    config.object?.eraMarks ?? []  // A configuration that is no object has no keys.
  }

  /// Whether the configuration carries this mark.
  package func has(_ mark: EraMark) -> Bool { eraMarks.contains(mark) }
}
