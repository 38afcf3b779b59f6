import Dispatch
import HDF5
public import KerasImport
import ModelFiles
import ModelIR
import NativeFormat

/// Writes a model of any era as today's Keras would have saved it.
public struct KerasWriter: Sendable {
  /// The release whose format is written.
  static let version = "3.15.1"

  /// A writer of today's format.
  public init() {}

  /// Loads on another thread what writing needs: libhdf5 and the forty libraries behind it take 5 ms, in which a command waits
  /// for the process that indexes what it reads.
  package static func prepare() { DispatchQueue.global().async { HDF5Writer.prepare() } }

  /// Writes a `.keras` archive that `keras.saving.load_model` opens in safe mode.
  ///
  /// What Keras 3 has no layer for is made of layers it has where that is exact, and refused otherwise.
  /// - Parameter model: the model.
  /// - Parameter path: where the file goes.
  /// - Throws: ``KerasExportError``; nothing is left behind then.
  public func write(_ model: KerasModel, to path: String) throws(KerasExportError) {
    do { try write(model, to: path) {} } catch { throw KerasExportError(error) }
  }

  /// Writes a model when `confirm`, asked when everything is written, agrees.
  /// - Throws: ``KerasExportError``, `KerasImportError` for weights whose bytes are damaged, and what `confirm` throws.
  package func write(_ model: KerasModel, to path: String, confirm: () throws -> Void) throws {
    try write(model, model.lowered(), to: path, confirm: confirm)
  }

  /// Writes a model that has been lowered already.
  package func write(
    _ model: KerasModel, _ lowered: LoweredModel, to path: String, confirm: () throws -> Void = {}
  ) throws {
    var upgrade = KerasUpgrade(model, lowered)
    let root = try upgrade.root()
    try KerasWriter.reporting(path) {
      let zip = try ZipWriter(replacing: path)
      try zip.add("metadata.json", KerasWriter.metadata.serialized())
      try zip.add("config.json", JSONValue.object(root.serialized).serialized())
      let folders = root.folders()
      let weights = try WeightsFile(folders: folders, beside: path)
      try zip.add("model.weights.h5", byteCount: weights.byteCount) { file in try weights.append(to: file) }
      for folder in folders {
        for (name, asset) in folder.assets {
          try zip.add("assets/\(folder.path)/\(name)", byteCount: asset.count) { file in
            file.append(HeldStorage(asset))
          }
        }
      }
      try confirm()
      try zip.finish()
    }
  }

  /// Writes the weights alone as `.weights.h5`, for a program that builds the same model itself.
  ///
  /// The folders are those of the layers as they are: nothing is refused, and nothing replaced by other layers.
  /// - Throws: ``KerasExportError``; nothing is left behind then.
  public func writeWeights(_ model: KerasModel, to path: String) throws(KerasExportError) {
    do { try writeWeights(model, to: path) {} } catch { throw KerasExportError(error) }
  }

  /// Writes the weights alone when `confirm`, asked when everything is written, agrees.
  package func writeWeights(_ model: KerasModel, to path: String, confirm: () throws -> Void) throws {
    let folders = try KerasWriter.folders(model)
    try KerasWriter.reporting(path) {
      let file = try OutputFile(replacing: path)
      try WeightsFile(folders: folders, beside: path).append(to: file)
      try file.flush()
      try confirm()
      try file.finish()
    }
  }

  private static func folders(_ model: KerasModel) throws(KerasExportError) -> [KerasNode.Folder] {
    var layers = KerasUpgrade(model, nil)
    return try layers.root().folders()
  }

  private static var metadata: JSONValue { ["keras_version": .string(version)] }

  private static func reporting(_ path: String, _ body: () throws -> Void) throws {
    do { try body() } catch let error as FileError {
      if error.path == path { throw KerasExportError.cannotCreate(file: path, message: error.message) }
      throw KerasExportError.writing(file: path, message: error.message)
    }
  }
}
