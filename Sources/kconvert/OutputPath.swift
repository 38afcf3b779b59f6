import KerasImport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a command writes: never over what it reads, and over models that the caller did not name only when told to.
struct OutputPath {
  /// The files that are read, under any spelling and behind any link.
  private let reads: [FileIdentity]

  /// - Parameter paths: the files that the command reads; a folder stands for everything in it.
  init(reading paths: [String?]) {
    reads = paths.compactMap { $0 }.flatMap { path in [path] + Folder.members(of: path) }
      .compactMap(FileIdentity.init)
  }

  /// A path that the caller named.
  /// - Throws: ``Failure`` with exit code 73 when that file is read.
  func named(_ path: String) throws -> String {
    guard let identity = FileIdentity(path), reads.contains(identity) else { return path }
    throw Failure(
      "\(path): the output would replace a file that is being read", .cannotCreate, hint: "name another")
  }

  /// A path beside the model, where the caller named none.
  /// - Throws: ``Failure`` with exit code 73 when that file is read, or is a model and not to be replaced.
  func standard(_ path: String, replaces: Bool) throws -> String {
    guard FileIdentity(path) != nil else { return path }
    do { _ = try named(path) } catch {
      throw Failure(
        "\(path): the output would replace a file that is being read", .cannotCreate,
        hint: "name another with -o")
    }
    let isModel = [".keras", ".h5", ".hdf5", ".safetensors"].contains { path.lowercased().hasSuffix($0) }
    if isModel, !replaces {
      throw Failure(
        "\(path): the file exists", .cannotCreate, hint: "replace it with --force, or name another with -o")
    }
    return path
  }
}

/// What a path leads to: two paths of one file are equal.
private struct FileIdentity: Hashable {
  private let device: UInt64
  private let number: UInt64

  /// nil when there is no such file.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }
}
