#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A model of a batch and where its conversion goes.
struct BatchItem {
  /// As the caller can open it.
  let file: String
  /// Relative to the folder of outputs.
  var output: String
}

/// The models that a batch is made of.
enum BatchFiles {
  /// The files of the arguments, each once, with outputs that mirror the folders they lie in.
  /// - Parameter folder: where outputs go; what lies in it is not looked at.
  /// - Throws: ``Failure`` when a folder cannot be read.
  static func items(_ arguments: [String], suffix: String, outputs folder: String) throws -> [BatchItem] {
    var seen: Set<String> = []
    let excluded = absolute(folder)
    var files: [String] = []
    for argument in arguments {
      for file in try models(at: argument, except: excluded) where seen.insert(absolute(file)).inserted {
        files.append(file)
      }
    }
    let paths = files.map(absolute)
    let roots = arguments.map { isFolderOfModels($0) ? absolute($0) : parent(absolute($0)) }
    let names = OutputNames(relative(paths, to: commonFolder(roots)), suffix: suffix).names
    return zip(files, names).map { BatchItem(file: $0, output: $1) }
  }

  // MARK: Folders

  private static let suffixes = [".keras", ".h5", ".hdf5", ".safetensors"]

  /// A file or a SavedModel itself, or the models in a folder at any depth, in the order of their names.
  private static func models(at path: String, except excluded: String) throws -> [String] {
    guard isFolderOfModels(path) else { return [path] }
    var found: [String] = []
    for name in try names(in: path) {
      let inside = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      if isFolder(inside) {
        // A link to a folder may lead back to where we are.
        if name.hasPrefix(".") || isLink(inside) || absolute(inside) == excluded { continue }
        found += try models(at: inside, except: excluded)
      } else if suffixes.contains(where: name.lowercased().hasSuffix), !name.hasSuffix(".weights.h5"),
        !name.hasPrefix(".")
      {
        found.append(inside)
      }
    }
    return found
  }

  /// What is in a folder, in the order of the names.
  static func names(in folder: String) throws -> [String] {
    guard let names = Folder.names(in: folder) else {
      throw Failure("\(folder): \(String(cString: strerror(errno)))", .cannotOpen)
    }
    return names.sorted()
  }

  /// A folder that is not one model.
  private static func isFolderOfModels(_ path: String) -> Bool {
    isFolder(path) && access("\(path)/saved_model.pb", F_OK) != 0
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// Every file in a folder at any depth, relative to it, in the order of their names; a file is itself.
  static func members(of path: String) throws -> [String] {
    try names(in: path).flatMap { name -> [String] in
      let inside = "\(path)/\(name)"
      guard Folder.isUnlinked(inside) else { return [name] }
      return try members(of: inside).map { "\(name)/\($0)" }
    }
  }

  // MARK: Paths

  /// A path from the root on, links resolved where there is something.
  private static func absolute(_ path: String) -> String {
    if let resolved = realpath(path, nil) {
      defer { free(resolved) }
      return String(cString: resolved)
    }
    guard !path.hasPrefix("/"), let folder = realpath(".", nil) else { return path }
    defer { free(folder) }
    return "\(String(cString: folder))/\(path)"
  }

  private static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  /// The deepest folder that holds all of these.
  private static func commonFolder(_ folders: [String]) -> [Substring] {
    let parts = folders.map { $0.split(separator: "/") }
    guard var common = parts.first else { return [] }
    for part in parts.dropFirst() {
      common = Array(zip(common, part).prefix { $0 == $1 }.map(\.0))
    }
    return common
  }

  /// Paths below a folder; one that leads elsewhere through a link keeps all of its folders.
  private static func relative(_ paths: [String], to folder: [Substring]) -> [String] {
    paths.map { path in
      let parts = path.split(separator: "/")
      return (parts.starts(with: folder) ? parts.dropFirst(folder.count) : parts[...]).joined(separator: "/")
    }
  }
}

/// Names of outputs, no two of them the same, on file systems that do not tell capitals from small letters either.
private struct OutputNames {
  private(set) var names: [String]

  /// The suffix takes the place of the old one, and comes behind it where that would give two models one name.
  init(_ paths: [String], suffix: String) {
    let short = paths.map { "\(OutputNames.stem($0)).\(suffix)" }
    let long = paths.map { "\($0).\(suffix)" }
    names = short
    while true {
      let groups = Dictionary(grouping: names.indices) { names[$0].lowercased() }
      let shared = groups.values.filter { $0.count > 1 }.joined().filter { names[$0] != long[$0] }
      if shared.isEmpty { break }
      for index in shared { names[index] = long[index] }
    }
  }

  private static func stem(_ path: String) -> String {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let dot = path[slash...].lastIndex(of: "."), dot > slash else { return path }
    return String(path[..<dot])
  }
}
