import Foundation
import KerasImport
import NativeFormat
import Testing

/// Every key of every layer's configuration is read, or known to change nothing: walked over the layers of all cases.
@Suite struct ConfigurationTests {
  /// One configuration of each class with each set of keys.
  private static let layers: [LayerObject] = {
    var seen: Set<String> = []
    var found: [LayerObject] = []
    for item in Case.all {
      guard let model = try? item.openModel() else { continue }
      for place in model.graph.places where !(place.object.layer is NestedModel) {
        let object = place.object
        let keys = object.config.object?.keys.sorted().joined(separator: ",") ?? ""
        if seen.insert("\(object.module).\(object.className) \(keys)").inserted { found.append(object) }
      }
    }
    return found
  }()

  private static func build(_ object: LayerObject, _ key: String, _ value: JSONValue) throws {
    var config = object.config.object ?? JSONObject()
    config[key] = value
    _ = try LayerObject(
      serialized: [
        "module": .string(object.module), "class_name": .string(object.className), "config": .object(config),
        "name": .string(object.name),
      ], registry: .standard)
  }

  @Test func `an unknown key is refused by every class`() throws {
    #expect(ConfigurationTests.layers.count > 250)
    let silent = ConfigurationTests.layers.filter { object in
      (try? ConfigurationTests.build(object, "often", 1)) != nil
    }
    #expect(Set(silent.map(\.className)).sorted() == [])
  }

  @Test func `a value of the wrong kind is refused for every key that matters`() throws {
    var silent: [String: Set<String>] = [:]
    for object in ConfigurationTests.layers {
      for key in object.config.object?.keys ?? [] where !isWithoutEffect(key, object.className) {
        guard (try? ConfigurationTests.build(object, key, ["odd": [1, "odd"]])) != nil else { continue }
        silent[object.className, default: []].insert(key)
      }
    }
    #expect(silent.mapValues { $0.sorted() } == [:])
  }

  private func isWithoutEffect(_ key: String, _ className: String) -> Bool {
    ConfigurationTests.withoutEffect.contains(key)
      || ConfigurationTests.withoutEffect.contains("\(key) of \(className)")
  }

  /// Keys that change nothing at inference, in whatever layer, and why.
  private static let withoutEffect: Set<String> = [
    // What every layer has for training, and marks of the file's era.
    "name", "trainable", "seed", "activity_regularizer", "kconvert_class", "kconvert_folder",
    "kconvert_float",
    "stateful",
    "unroll",
    "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
    "bias_constraint", "recurrent_initializer", "recurrent_regularizer", "recurrent_constraint",
    "embeddings_initializer", "embeddings_regularizer", "embeddings_constraint", "depthwise_initializer",
    "depthwise_regularizer", "depthwise_constraint", "pointwise_initializer", "pointwise_regularizer",
    "pointwise_constraint", "gamma_initializer", "gamma_regularizer", "gamma_constraint", "beta_initializer",
    "beta_regularizer", "beta_constraint", "moving_mean_initializer", "moving_variance_initializer",
    "alpha_initializer", "alpha_regularizer", "alpha_constraint", "init_values", "unit_forget_bias",
    // How weights of old layers began, and how statistics are gathered.
    "a_left_init", "a_right_init", "alpha_init", "t_left_init", "t_right_init", "transform_bias", "momentum",
    "renorm_clipping", "renorm_momentum", "synchronized", "power_iterations", "epsilon of Discretization",
    // Dropouts and augmentation are the identity.
    "noise_shape", "drop_path_rate", "factor", "height_factor", "width_factor", "fill_mode",
    "fill_value of RandomRotation",
    "fill_value of RandomTranslation", "interpolation of RandomRotation",
    "interpolation of RandomTranslation",
    "mode of RandomFlip", "data_format of RandomFlip", "data_format of RandomTranslation",
    "alpha of MixUp", "data_format of MixUp",
    // Images pass at inference, and the boxes beside them.
    "bounding_box_format",
    // Applied when the weights or the vocabulary were written.
    "window", "scaling", "periodic", "encoding", "vocabulary_dtype",
    // Keras looks at axes 1 and 2 whatever it says.
    "data_format of AutoContrast",
    // Read when the layer is lowered, since only then it is known whether it is asked for.
    "vocabulary", "mask_token", "oov_token", "mask_value of Hashing", "output_shape of EinsumDense",
    // What a layer that is not quantised is quantised with.
    "quantization_config", "sparse of InputLayer",
  ]
}
