import HDF5
import ModelFiles

/// A file whose HDF5 content begins to be indexed before anybody opens it: at once where it is plain, else in a child
/// process.
///
/// Loading libhdf5 and indexing take 15 ms for as many objects as MobileNetV2 has, which is more than all a command does
/// before it needs the index; reading its arguments, 3 ms, can be done beside.
package final class HeadStart: Sendable {
  /// The path as it was given, and all of the file.
  private let path: String
  private let content: HeldBytes
  /// The part that is HDF5, and who is at work on it.
  private let hdf5: HeldBytes
  private let work: Work

  enum Work: Sendable {
    case index(HDF5Index)
    case process(IndexProcess)

    /// - Throws: when there can be no process.
    init(on bytes: UnsafeRawBufferPointer) throws(HDF5Error) {
      if let index = HDF5Index(plain: bytes) {
        self = .index(index)
      } else {
        self = .process(try IndexProcess(indexing: bytes))
      }
    }
  }

  /// - Returns: nil for every file without HDF5 and for one that something is wrong with: that is told when it is opened.
  private init?(_ path: String) {
    guard let content = try? MappedFile(path: path).content,  // Told when the file is opened.
      let hdf5 = HeadStart.hdf5(in: content),
      let work = try? hdf5.withBytes({ try Work(on: $0) })  // As above.
    else { return nil }
    (self.path, self.content, self.hdf5, self.work) = (path, content, hdf5, work)
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

  /// The content of a file that a start was made with.
  static func content(at path: String) -> HeldBytes? {
    lock.guarded { started?.path == path ? started?.content : nil }
  }

  /// The index of these bytes, or who is at work on it; nil when nobody is. Given to one only.
  static func work(on bytes: HeldBytes) -> Work? {
    lock.guarded {
      guard let found = started, found.hdf5.isSame(as: bytes) else { return nil }
      started = nil
      return found.work
    }
  }
}
