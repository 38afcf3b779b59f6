public import KerasImport
import ModelFiles
import ModelIR
import NativeFormat

/// Writes a model as one safetensors file that kconvert opens like the original, and every safetensors reader as
/// named weights.
///
/// Weights have the names of `KerasModel.weights`, those that layers share come once, vocabularies are rows of
/// bytes; the configuration in canonical form is in the metadata. The bytes depend on the model alone.
public struct NativeWriter: Sendable {
  /// A writer.
  public init() {}

  /// Writes a file, streaming: memory does not grow with the weights.
  /// - Parameter model: the model.
  /// - Parameter path: where the file goes.
  /// - Throws: ``KerasExportError``; nothing is left behind then.
  public func write(_ model: KerasModel, to path: String) throws(KerasExportError) {
    do { try write(model, to: path) {} } catch { throw KerasExportError(error) }
  }

  /// Writes a file when `confirm`, asked when everything is written, agrees.
  /// - Throws: ``KerasExportError``, `KerasImportError` for weights whose bytes are damaged, and what `confirm` throws.
  package func write(_ model: KerasModel, to path: String, confirm: () throws -> Void) throws {
    let (tensors, assets) = try NativeWriter.tensors(of: model)
    let description = NativeDescription(
      config: model.config, kerasVersion: model.kerasVersion, format: model.format, assets: assets)
    let file: OutputFile
    do { file = try OutputFile(replacing: path) } catch {
      throw KerasExportError.cannotCreate(file: path, message: error.message)
    }
    do {
      try SafetensorsWriter.append(tensors, metadata: description.metadata, to: file)
      try file.flush()
      try confirm()
      try file.finish()
    } catch let error as FileError {
      throw KerasExportError.writing(file: path, message: error.message)
    } catch SafetensorsError.cannotWrite(let message) {
      throw KerasExportError.unsupported(message)
    } catch SafetensorsError.reading(let name, let error) {
      if let error = error as? KerasImportError { throw error.at(.weight(name)).at(.file(model.path)) }
      throw KerasExportError.weight(name: name, message: "\(error)")
    }
  }

  /// Every weight and file of the model under its name, and the names of the files in order.
  private static func tensors(
    of model: KerasModel
  ) throws(KerasExportError) -> (tensors: [String: Tensor], assets: [String]) {
    var tensors: [String: Tensor] = [:]
    var assets: [String] = []
    func add(_ tensor: Tensor, _ name: String) throws(KerasExportError) {
      guard tensors.updateValue(tensor, forKey: name) == nil else {
        throw .unsupported("two tensors would be named \"\(name)\"")
      }
    }
    for place in model.graph.places {
      for (name, spec) in place.weights {
        guard let tensor = model.binding.tensor(spec.name, of: place.object) else { continue }
        try add(tensor, name)
      }
      for (name, asset) in place.assets {
        guard let content = model.binding.asset(asset, of: place.object) else { continue }
        try add(NativeWriter.bytes(content, name), name)
        assets.append(name)
      }
    }
    return (tensors, assets)
  }

  private static func bytes(_ content: HeldBytes, _ name: String) throws(KerasExportError) -> Tensor {
    do {
      return try Tensor(dtype: .uint8, sizes: [content.count], storage: HeldStorage(content))
    } catch {
      throw .weight(name: name, message: error.message)
    }
  }
}
