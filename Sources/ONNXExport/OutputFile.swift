import Foundation
import ModelIR

/// A file that appears under its name only when it is complete.
final class OutputFile {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var written = 0

  private static let bufferSize = 1 << 20

  init(_ path: String) throws(ONNXExportError) {
    self.path = path
    temporary = "\(path).\(getpid()).partial"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    guard descriptor >= 0 else {
      throw ONNXExportError.cannotCreate(file: path, message: String(cString: strerror(errno)))
    }
    buffer.reserveCapacity(OutputFile.bufferSize)
  }

  deinit { close(descriptor) }

  func append(_ bytes: UnsafeRawBufferPointer) throws(ONNXExportError) {
    if bytes.count >= OutputFile.bufferSize / 4 {
      try flush()
      try write(bytes)
      return
    }
    if buffer.count + bytes.count > OutputFile.bufferSize { try flush() }
    buffer.append(contentsOf: bytes)
  }

  /// Writes a tensor's bytes piece by piece.
  func append(_ tensor: Tensor) throws(ONNXExportError) {
    do {
      try tensor.storage.forEachPiece { try self.append($0) }
    } catch let error as ONNXExportError {
      throw error
    } catch {
      throw ONNXExportError.constant(name: path, message: "\(error)")
    }
  }

  /// Zeros up to an offset.
  func pad(to offset: Int) throws(ONNXExportError) {
    let zeros = [UInt8](repeating: 0, count: max(0, offset - written - buffer.count))
    do {
      try zeros.withUnsafeBytes { try self.append($0) }
    } catch let error as ONNXExportError {
      throw error
    } catch {
      throw ONNXExportError.writing(file: path, message: "\(error)")
    }
  }

  func flush() throws(ONNXExportError) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    var failure: ONNXExportError?
    pending.withUnsafeBytes { bytes in
      do throws(ONNXExportError) { try write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(ONNXExportError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0 {
        if errno == EINTR { continue }
        throw ONNXExportError.writing(file: path, message: String(cString: strerror(errno)))
      }
      written += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  func commit() throws(ONNXExportError) {
    guard rename(temporary, path) == 0 else {
      throw ONNXExportError.writing(file: path, message: String(cString: strerror(errno)))
    }
  }

  func discard() { unlink(temporary) }
}
