import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The program `kconvert-hdf5`, a child for programs with threads, which cannot fork: one file, indexed as
/// ``IndexProcess`` does it in a copy of a command.
///
/// | what it is given | meaning |
/// | --- | --- |
/// | descriptor 0 | the file, or one in memory, read-only or a copy |
/// | descriptor 1 | where the greeting and the answers go |
/// | arguments | where the bytes begin in the file, how many there are, seconds of processor time, the parent |
package enum IndexHelper {
  /// What the program says first. The last byte is raised with each change of what ``HDF5Index/encoded()`` gives, since
  /// the program is installed apart from those that start it.
  static let greeting = Array("kcHDF5".utf8) + [0, 1]

  /// The whole program.
  package static func run(_ arguments: [String]) -> Never {
    let numbers = arguments.dropFirst().compactMap { Int($0) }  // Of texts; one that is none is missed below.
    guard arguments.count == 5, numbers.count == 4, let seconds = Int32(exactly: numbers[2]),
      let parent = Int32(exactly: numbers[3])
    else {
      IndexWork(answers: STDERR_FILENO).send(
        Array("kconvert-hdf5 is started by programs that read HDF5 files with kconvert\n".utf8))
      exit(64)  // EX_USAGE
    }
    cs_close_from(3)
    // Standard output itself is closed to libhdf5 and all else.
    let work = IndexWork(answers: dup(STDOUT_FILENO))
    work.send(greeting)
    guard let bytes = map(offset: numbers[0], count: numbers[1]) else { _exit(1) }
    work.run(bytes, seconds: seconds, parent: parent)
  }

  /// The bytes of descriptor 0; nil unless they are there.
  private static func map(offset: Int, count: Int) -> UnsafeRawBufferPointer? {
    var status = stat()
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard offset >= 0, count >= 0, !overflow, fstat(STDIN_FILENO, &status) == 0, end <= Int(status.st_size)
    else { return nil }
    guard end > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    guard let start = mmap(nil, end, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0), start != MAP_FAILED
    else { return nil }
    return UnsafeRawBufferPointer(start: start + offset, count: count)
  }
}

extension IndexProcess {
  /// Starts ``IndexHelper``; any thread may do so while others work. The calling one has to live until the index is there:
  /// on Linux the child ends with the thread that started it.
  /// - Parameters:
  ///   - file: where the bytes are in an open file; otherwise they are copied for the child.
  ///   - helper: where the program is.
  ///   - seconds: of processor time.
  package convenience init(
    indexing bytes: UnsafeRawBufferPointer, in file: (descriptor: Int32, offset: Int)?, helper: String,
    seconds: Int32 = 5
  ) throws(HDF5Error) {
    let copy = file == nil ? cs_memory_file(bytes.baseAddress, bytes.count) : -1
    guard file != nil || copy >= 0 else { throw IndexProcess.cannotStart }
    defer { if copy >= 0 { close(copy) } }
    // A copy begins with the bytes.
    let numbers = [file?.offset ?? 0, bytes.count, Int(seconds), Int(getpid())]
    try self.init(byteCount: bytes.count, seconds: seconds) { output in
      var arguments = ([helper] + numbers.map(String.init)).map { strdup($0) } + [nil]
      defer { for argument in arguments { free(argument) } }
      var child: Int32 = -1
      errno = cs_spawn(helper, &arguments, file?.descriptor ?? copy, output, &child)
      return errno == 0 ? child : -1
    }
    try receive(IndexHelper.greeting, from: helper)
  }
}

extension HDF5Index {
  /// Indexes a file in ``IndexHelper`` and waits for it.
  /// - Throws: ``HDF5Error``, also when the program cannot be started, is another one, or did not come back.
  package init(
    indexing bytes: UnsafeRawBufferPointer, in file: (descriptor: Int32, offset: Int)?, helper: String,
    seconds: Int32 = 5
  ) throws(HDF5Error) {
    let process = try IndexProcess(indexing: bytes, in: file, helper: helper, seconds: seconds)
    _ = try process.rootAttributes()
    self = try process.index()
  }
}
