package import ModelFiles
import ModelIR

/// The file that a model or its side file is written to, with this target's errors.
final class ModelOutput {
  private let path: String
  private let file: OutputFile

  init(_ path: String) throws(ONNXExportError) {
    self.path = path
    do { file = try OutputFile(replacing: path) } catch {
      throw .cannotCreate(file: path, message: error.message)
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(ONNXExportError) {
    do { try file.write(bytes) } catch { throw .writing(file: path, message: error.message) }
  }

  /// Appends a tensor's bytes, which ``flush()`` reads.
  func append(_ tensor: Tensor) {
    file.append(tensor.storage) { [path] in ONNXExportError.constant(name: path, message: "\($0)") }
  }

  /// Brings everything into the file.
  func flush() throws(ONNXExportError) {
    do { try file.flush() } catch let error as ONNXExportError {
      throw error
    } catch let error as FileError {
      throw .writing(file: path, message: error.message)
    } catch {
      throw .constant(name: path, message: "\(error)")
    }
  }

  /// Zeros up to an offset.
  func pad(to offset: Int) throws(ONNXExportError) {
    let zeros = [UInt8](repeating: 0, count: max(0, offset - file.byteCount))
    do { try file.write(zeros) } catch { throw .writing(file: path, message: error.message) }
  }

  /// What has been written, before it has a name.
  func written() throws(ONNXExportError) -> HeldBytes {
    do { return try file.written() } catch { throw .writing(file: path, message: error.message) }
  }

  /// Gives the complete file its name; without this it disappears again.
  /// - Parameter side: a file that gets its name together with it.
  func commit(with side: ModelOutput? = nil) throws(ONNXExportError) {
    do { try OutputFile.finish([side?.file, file].compactMap { $0 }) } catch {
      throw .writing(file: error.path, message: error.message)
    }
  }
}

/// A model that is written, but has no name yet.
package struct WrittenModel {
  let model: ModelOutput
  let side: ModelOutput?
  /// What the model calls its side file.
  let sideName: String
  /// How many nodes its graph has.
  package let nodeCount: Int

  /// The model's bytes.
  package func content() throws(ONNXExportError) -> HeldBytes { try model.written() }

  /// The bytes of the file beside it; nil where the model has none of that name.
  package func sideFile(_ name: String) throws(ONNXExportError) -> HeldBytes? {
    guard name == sideName else { return nil }
    return try side?.written()
  }
}
