import ModelFiles
import ModelIR
package import NativeFormat

/// A SavedModel folder that tf.keras of TensorFlow 2.0 to 2.15 wrote.
///
///     saved_model.pb          the graph, and the objects it was made of
///     keras_metadata.pb       what Keras says of each object (from 2.5 on; before, in saved_model.pb)
///     variables/variables.*   the weights, a checkpoint
///     assets/...              vocabularies
///
/// `keras_metadata.pb` holds messages (1): node (2), path (3), kind (4), JSON (5). The JSON of node 0 holds the
/// configuration of the whole model, as the attribute `model_config` of an HDF5 file does.
/// Source: `keras/protobuf/saved_metadata.proto` and `keras/src/saving/legacy/saved_model` of Keras 2.15.
package struct SavedModel: Sendable {
  /// What Keras says of an object.
  struct Record: Sendable {
    /// `_tf_keras_network`, `_tf_keras_layer`, ...
    var identifier: String
    var json: HeldBytes
  }

  private let members: ArchiveMembers
  private let records: [Int: Record]
  private let objects: SavedObjects?
  /// The serialised model, `{class_name, config}`.
  package let config: JSONValue
  /// The version of Keras that wrote it.
  package let kerasVersion: String?
  /// The release of TensorFlow, `2.15`; nil without `saved_model.pb`.
  package var tensorFlowRelease: String? {
    objects?.version.map { $0.split(separator: ".").prefix(2).joined(separator: ".") }
  }

  static let fileNames = (objects: "saved_model.pb", metadata: "keras_metadata.pb")

  /// Whether a folder or archive is a SavedModel.
  static func isThere(_ members: ArchiveMembers) -> Bool {
    // What is wrong with a file that is there is told when it is read.
    (try? members.content(fileNames.objects, isVerified: false)) != nil
      || (try? members.content(fileNames.metadata, isVerified: false)) != nil  // As above.
  }

  /// Opens a folder; weights are looked for when they are asked for.
  /// - Throws: `unsupported` for SavedModels without a Keras model that says what its layers are.
  package init(_ members: ArchiveMembers) throws(KerasImportError) {
    self.members = members
    objects = try SavedModel.content(SavedModel.fileNames.objects, in: members, SavedObjects.init)
    var records =
      try SavedModel.content(SavedModel.fileNames.metadata, in: members, SavedModel.records) ?? [:]
    if records.isEmpty { records = try objects?.keras() ?? [:] }
    self.records = records
    guard let root = records[0] else { throw SavedModel.withoutKeras }
    let json = try SavedModel.json(root)
    config = try SavedModel.config(root, json)
    kerasVersion = json["keras_version"]?.string
  }

  private static func content<T>(
    _ name: String, in members: ArchiveMembers, _ read: (HeldBytes) throws(KerasImportError) -> T
  ) throws(KerasImportError) -> T? {
    guard let bytes = try members.content(name, isVerified: true) else { return nil }
    do { return try read(bytes) } catch { throw error.at(.file(name)) }
  }

  private static func records(_ bytes: HeldBytes) throws(KerasImportError) -> [Int: Record] {
    var records: [Int: Record] = [:]
    for message in try ProtobufMessage(bytes).messages(1) {
      guard let node = Int(exactly: try message.number(2)), let json = try message.message(5) else {
        continue
      }
      // Protobuf's default.
      records[node] = Record(identifier: try message.text(4) ?? "", json: json.bytes)
    }
    return records
  }

  private static func json(_ record: Record) throws(KerasImportError) -> JSONValue {
    do {
      return try record.json.withBytes { bytes throws(JSONSyntaxError) in try JSONValue(parsing: bytes) }
    } catch {
      throw KerasImportError(.corrupted("the configuration in the SavedModel: \(error)"))
    }
  }

  private static func config(_ root: Record, _ json: JSONValue) throws(KerasImportError) -> JSONValue {
    // The kind of the object does not tell: 2.0 to 2.2 have one for functional models and subclasses.
    guard let className = json["class_name"], let config = json["config"], config["layers"]?.array != nil,
      config["input_layers"] != nil || root.identifier == "_tf_keras_sequential"
    else {
      let name = json["class_name"]?.string ?? json["name"]?.string ?? "?"
      throw KerasImportError(
        .unsupported(
          "\"\(name)\" is a class of the program that made it, whose calls no file holds; load the model there and "
            + "save it as a functional model in .keras"))
    }
    return ["class_name": className, "config": config]
  }

  private static let withoutKeras = KerasImportError(
    .unsupported(
      "the SavedModel holds functions of TensorFlow but no Keras model (as model.export, tf.saved_model.save and TF Hub "
        + "write it); load the Keras model where it was made and save it as .keras"))

  /// The configuration with the vocabularies that it leaves to the lookup tables of the graph.
  func configWithVocabularies() throws(KerasImportError) -> JSONValue {
    guard let objects else { return config }
    var vocabularies = SavedVocabularies(objects: objects, model: self)
    return try vocabularies.filled(config, node: 0)
  }

  /// A file of the folder `assets`.
  /// - Throws: `incomplete` when it is missing.
  func asset(_ name: String) throws(KerasImportError) -> HeldBytes {
    if let content = try members.content("assets/\(name)", isVerified: true) { return content }
    throw KerasImportError(
      .incomplete(
        "the file \"assets/\(name)\" is missing", remedy: .advice("put it back, it holds a vocabulary")))
  }

  // MARK: Weights

  /// The weights.
  /// - Throws: `incomplete` when a file is missing.
  func bundle() throws(KerasImportError) -> TensorBundle {
    let name = "variables/variables"
    guard let index = try members.content("\(name).index", isVerified: true) else {
      throw KerasImportError(
        .incomplete(
          "the file \"\(name).index\" is missing",
          remedy: .advice("put the folder variables back, or name other weights")))
    }
    return try TensorBundle(index: index, name: name, in: members)
  }

  /// The names of the layers by node, in the checkpoint's objects too.
  func layerNames() throws(KerasImportError) -> [Int: String] {
    var names: [Int: String] = [:]
    for (node, record) in records { names[node] = try SavedModel.json(record)["name"]?.string }
    return names
  }

  /// Reads everything that has a checksum.
  func verifyChecksums() throws(KerasImportError) {
    try members.verifyChecksums()
    if try members.content("variables/variables.index", isVerified: false) != nil {
      try bundle().verifyChecksums()
    }
  }
}
