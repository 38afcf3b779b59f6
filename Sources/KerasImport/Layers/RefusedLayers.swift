/// The classes of `keras.layers` that are not converted, and why: code that no file can say in operations.
package enum RefusedLayers {
  /// The reason for each class, as it is told.
  package static let reasons: [String: String] = [
    "Lambda":
      "a Lambda's Python code is never run; the program that converts it says what it computes",
    "TFSMLayer": foreign("TFSMLayer"),
    "TorchModuleWrapper": foreign("TorchModuleWrapper"),
    "JaxLayer": foreign("JaxLayer"),
    "FlaxLayer": foreign("FlaxLayer"),
    "Layer": "the base class computes nothing; a model has classes made of it",
    "Wrapper": "the base class computes nothing; a model has classes made of it",
  ]

  private static func foreign(_ className: String) -> String {
    "\(className) runs code of another framework, which is not in the file; rebuild that part of Keras layers"
  }
}

/// The public functions of Keras that put no operation into a model, and why.
package enum FunctionsOutsideModels {
  /// The reason for each function, by its public name.
  package static let reasons: [String: String] = [
    (
      "it makes a constant, and the file holds the constant",
      "ops.bartlett ops.blackman ops.empty ops.eye ops.hamming ops.hanning ops.identity ops.kaiser ops.ones ops.tri ops.zeros"
    ),
    (
      "its answer is known, or computed, when the model is built",
      "ops.convert_to_numpy ops.dtype ops.is_tensor ops.shape activations.deserialize activations.get activations.serialize"
    ),
    ("it calls a Python function; the file holds the operations which that function calls", "ops.vectorize"),
    ("it says how a Python function is differentiated, which no file holds", "ops.custom_gradient"),
    (
      "it draws when the model is built; what draws when a model runs is a layer",
      "random.beta random.binomial random.categorical random.dropout random.gamma random.normal random.randint random.shuffle random.truncated_normal random.uniform"
    ),
  ].reduce(into: [:]) { reasons, entry in
    for name in entry.1.split(separator: " ") { reasons["keras.\(name)"] = entry.0 }
  }
}
