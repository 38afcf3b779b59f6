package import ModelFiles
import ModelIR
package import NativeFormat

/// What a native file says in its metadata: the model that its tensors belong to.
///
/// | key | value |
/// |---|---|
/// | `kconvert_format` | the version of the format, `1` |
/// | `kconvert_config` | the model's configuration in canonical form, JSON |
/// | `kconvert_source` | the format the model came from, in words: `Keras 3.6.0, .keras archive` |
/// | `kconvert_assets` | the tensors that are files of layers, byte by byte: a JSON list of names; absent when there are none |
/// | `keras_version` | the version of Keras that wrote the model, `3.6.0`; empty when its file did not say |
package struct NativeDescription: Sendable {
  /// The version of the format that is written, and the newest that is read.
  package static let version = 1

  package var config: JSONValue
  package var kerasVersion: String
  package var format: String
  package var assets: [String]

  package init(config: JSONValue, kerasVersion: String, format: String, assets: [String]) {
    self.config = config
    self.kerasVersion = kerasVersion
    self.format = format
    self.assets = assets
  }

  /// The metadata in the order in which it is written.
  package var metadata: [(key: String, value: String)] {
    var entries = [
      (key: "kconvert_format", value: "\(NativeDescription.version)"),
      (key: "kconvert_source", value: format),
      (key: "keras_version", value: kerasVersion), (key: "kconvert_config", value: config.text()),
    ]
    if !assets.isEmpty {
      entries.append(("kconvert_assets", JSONValue.array(assets.map { .string($0) }).text()))
    }
    return entries
  }

  /// Reads metadata; nil when no native file has it.
  /// - Throws: `unsupported` for a newer format, `corrupted` when something is absent or damaged.
  init?(metadata: [String: String]) throws(KerasImportError) {
    guard let version = metadata["kconvert_format"] else { return nil }
    guard let number = Int(version), number > 0 else {
      throw KerasImportError(
        .corrupted("metadata \"kconvert_format\": expected a version, found \"\(version)\""))
    }
    guard number <= NativeDescription.version else {
      throw KerasImportError(
        .unsupported("native format \(number); this kconvert reads \(NativeDescription.version)"))
    }
    func text(_ key: String) throws(KerasImportError) -> String {
      guard let text = metadata[key] else {
        throw KerasImportError(.corrupted("its metadata has no \"\(key)\""))
      }
      return text
    }
    func json(_ key: String, _ text: String) throws(KerasImportError) -> JSONValue {
      do {
        return try JSONValue(parsing: text)
      } catch {
        throw KerasImportError(.corrupted("metadata \"\(key)\": \(error)"))
      }
    }
    config = try json("kconvert_config", try text("kconvert_config"))
    kerasVersion = try text("keras_version")
    format = try text("kconvert_source")
    let list = try json("kconvert_assets", metadata["kconvert_assets"] ?? "[]")
    guard let names = list.array, names.allSatisfy({ $0.string != nil }) else {
      throw KerasImportError(
        .corrupted("metadata \"kconvert_assets\": expected a list of names, found \(list.shortText)"))
    }
    assets = names.compactMap(\.string)
  }
}

/// A safetensors file: a native one, or plain weights.
package struct NativeFile: Sendable {
  package let file: SafetensorsFile
  /// What a native file says about itself; nil for weights that something else wrote.
  package let description: NativeDescription?

  /// Reads the header.
  /// - Throws: `corrupted` when it breaks a rule of either format, `unsupported` for a newer native format.
  package init(_ bytes: HeldBytes) throws(KerasImportError) {
    do {
      file = try SafetensorsFile(bytes)
    } catch {
      throw KerasImportError(.corrupted("\(error)"))
    }
    description = try NativeDescription(metadata: file.metadata)
  }

  /// The model of a native file.
  /// - Throws: `incomplete` for plain weights.
  func describedModel() throws(KerasImportError) -> NativeDescription {
    if let description { return description }
    throw KerasImportError(
      .incomplete(
        "the safetensors file holds weights but no model: its metadata has no \"kconvert_format\"",
        remedy: .architecture))
  }
}

extension CanonicalModel {
  /// The model of a native file, which holds its canonical form: nothing is rewritten.
  init(_ native: NativeDescription) {
    json = native.config
    kerasVersion = native.kerasVersion
    era = native.format
    isKeras1 = false
    isTheano = false
    storesDeviations = false
  }
}
