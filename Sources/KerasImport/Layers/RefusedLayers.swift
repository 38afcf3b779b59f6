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
