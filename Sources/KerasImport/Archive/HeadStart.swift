import HDF5
import ModelFiles

/// A file whose HDF5 content begins to be indexed in a child process before anybody opens it.
///
/// Loading libhdf5 and indexing take 15 ms for MobileNetV2, which is more than all a command does before it needs the
/// index; reading its arguments, 3 ms, can be done beside.
package final class HeadStart: Sendable {
  /// The path as it was given, and all of the file.
  private let path: String
  private let content: HeldBytes
  /// The part that is HDF5, and who is at work on it.
  private let hdf5: HeldBytes
  private let process: IndexProcess

  /// - Returns: nil for every file without HDF5 and for one that something is wrong with: that is told when it is opened.
  private init?(_ path: String) {
    guard let content = try? MappedFile(path: path).content,  // Told when the file is opened.
      let hdf5 = HeadStart.hdf5(in: content),
      let process = try? hdf5.withBytes({ try IndexProcess(indexing: $0) })  // As above.
    else { return nil }
    (self.path, self.content, self.hdf5, self.process) = (path, content, hdf5, process)
  }

  private static func hdf5(in content: HeldBytes) -> HeldBytes? {
    switch ModelFileKind(of: content) {
    case .hdf5: content
    // What is damaged is told when the file is opened.
    case .archive: (try? ZipArchive(content))?.members[KerasArchive.weightsName]?.stored
    case .safetensors, .json, .yaml, .savedModel, .checkpoint, nil: nil
    }
  }

  // Guarded by the lock.
  nonisolated(unsafe) private static var started: HeadStart?
  private static let lock = Lazy<Never>()

  /// Starts; to be called while the process has one thread.
  package static func begin(at path: String) {
    let started = HeadStart(path)
    lock.guarded { HeadStart.started = started }
  }

  /// Whether a start was made with a file: then no process has to be forked for it any more.
  package static func isMade(at path: String) -> Bool { content(at: path) != nil }

  /// The content of a file that a start was made with.
  static func content(at path: String) -> HeldBytes? {
    lock.guarded { started?.path == path ? started?.content : nil }
  }

  /// Who is indexing these bytes; nil when nobody is. Given to one only.
  static func process(indexing bytes: HeldBytes) -> IndexProcess? {
    lock.guarded {
      guard let found = started, found.hdf5.isSame(as: bytes) else { return nil }
      started = nil
      return found.process
    }
  }
}
