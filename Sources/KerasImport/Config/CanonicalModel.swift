package import NativeFormat

/// A model's configuration in one form, today's, whatever era wrote it; no later stage asks which.
package struct CanonicalModel: Sendable {
  /// What the configuration was found in.
  package enum Container: Sendable { case archive, hdf5, json, yaml }

  /// The serialised model as Keras 3 writes it, node numbers counted from 0 for every layer.
  package var json: JSONValue
  /// The writer's version; empty when the file does not say.
  package var kerasVersion: String
  /// The writer in words: `Keras 3.6.0`.
  package var era: String

  package init(
    json: JSONValue, kerasVersion: String?, backend: String?, container: Container
  ) throws(KerasImportError) {
    let version = kerasVersion ?? json["keras_version"]?.string ?? ""
    self.kerasVersion = version
    era = version.isEmpty ? "Keras" : "Keras \(version)"
    guard version.isEmpty || version.hasPrefix("3.") else {
      throw KerasImportError(.unsupported("files of Keras \(version)"))
    }
    self.json = Keras3Config.canonical(json)
  }
}
