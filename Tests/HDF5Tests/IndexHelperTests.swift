import Foundation
import Testing

@testable import HDF5

/// The program that indexes files for programs with threads, and programs in its place that do not do so.
@Suite(.timeLimit(.minutes(2))) struct IndexHelperTests {
  /// The program beside the test bundle, or beside the program that the tests are.
  static let helper: String = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    let folder = bundle?.deletingLastPathComponent() ?? Bundle.main.bundleURL
    return folder.appending(path: "kconvert-hdf5").path
  }()

  private static func content(_ name: String) throws -> Data {
    try Data(contentsOf: HDF5IndexTests.folder.appending(path: name))
  }

  private static func index(
    _ bytes: Data, in file: (descriptor: Int32, offset: Int)? = nil, helper: String = helper,
    seconds: Int32 = 5
  ) throws -> HDF5Index {
    try bytes.withUnsafeBytes { try HDF5Index(indexing: $0, in: file, helper: helper, seconds: seconds) }
  }

  /// A program that a shell runs in the helper's place.
  private static func script(_ text: String) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let place = folder.appending(path: "helper")
    try Data("#!/bin/sh\n\(text)\n".utf8).write(to: place)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place.path)
    return place
  }

  @Test(arguments: ["types.h5", "layouts.h5", "layouts_latest.h5", "attributes.h5"])
  func `the program gives the same index`(name: String) throws {
    let bytes = try Self.content(name)
    #expect(try Self.index(bytes) == bytes.withUnsafeBytes { try HDF5Index(indexing: $0) })
  }

  @Test func `the program reads an open file from where the bytes begin`() throws {
    let bytes = try Self.content("types.h5")
    let whole = URL(filePath: NSTemporaryDirectory()).appending(path: "kconvert-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: whole) }
    try (Data("behind these".utf8) + bytes + Data("before these".utf8)).write(to: whole)
    let file = try FileHandle(forReadingFrom: whole)
    let index = try Self.index(bytes, in: (file.fileDescriptor, 12))
    #expect(try index == bytes.withUnsafeBytes { try HDF5Index(indexing: $0) })
  }

  @Test func `the program refuses in the same words`() throws {
    let bytes = try Self.content("refused_soft_link_away.h5")
    #expect(throws: HDF5Error(.unsupported("external links are not followed"), object: "a")) {
      try Self.index(bytes)
    }
    #expect(throws: HDF5Error.self) { try Self.index(Self.content("refused_truncated.h5")) }
    #expect(throws: HDF5Error.self) { try Self.index(Data()) }
  }

  @Test func `a program that is not there is an error, and nobody reads in its place`() throws {
    let error = HDF5Error(
      .unsupported(
        "no process could be started to read it in (No such file or directory); HDF5 files are not read without"
      ))
    #expect(throws: error) { try Self.index(Self.content("types.h5"), helper: "/no/such/kconvert-hdf5") }
  }

  /// As an archive that was unpacked without its permissions, or half installed, leaves it.
  @Test(arguments: [
    "a file without the right to run", "a folder", "a link that leads nowhere", "no name", "no program",
  ])
  func `a program that cannot be started is an error, and nobody reads in its place`(what: String) throws {
    let place = try Self.script("exit 0")
    defer { try? FileManager.default.removeItem(at: place.deletingLastPathComponent()) }
    switch what {
    case "a folder":
      try FileManager.default.removeItem(at: place)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
    case "a link that leads nowhere":
      try FileManager.default.removeItem(at: place)
      try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: "elsewhere")
    case "no program": try Data("nothing that a system runs".utf8).write(to: place)
    default: try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: place.path)
    }
    if what == "no program" {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place.path)
    }
    let bytes = try Self.content("types.h5")
    let error = #expect(throws: HDF5Error.self) {
      try Self.index(bytes, helper: what == "no name" ? "" : place.path)
    }
    let text = try #require(error).description
    #expect(text.contains("no process could be started to read it in"), "\(text)")
    #expect(text.hasSuffix("HDF5 files are not read without"), "\(text)")
  }

  /// As package managers install programs.
  @Test func `a link to the program is the program`() throws {
    let place = try Self.script("")
    defer { try? FileManager.default.removeItem(at: place.deletingLastPathComponent()) }
    try FileManager.default.removeItem(at: place)
    try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: Self.helper)
    let bytes = try Self.content("types.h5")
    #expect(
      try Self.index(bytes, helper: place.path) == bytes.withUnsafeBytes { try HDF5Index(indexing: $0) })
  }

  @Test(arguments: ["exit 0", "kill -9 $$", "echo hello to everybody", "cat", "printf 'kcHDF5\\0\\0'"])
  func `another program is an error, and nobody reads in its place`(text: String) throws {
    let place = try Self.script(text).path
    let error = HDF5Error(
      .unsupported(
        "the program \"\(place)\" is not kconvert-hdf5, or of another version; HDF5 files are not read without"
      ))
    #expect(throws: error) { try Self.index(Self.content("types.h5"), helper: place) }
  }

  @Test(arguments: [
    "kill -9 $$", "exit 0", "printf '\\0'", "printf '\\1\\377\\377\\377\\377\\377\\377\\377\\377'",
  ])
  func `a program that is killed or babbles after its greeting is an error`(end: String) throws {
    let place = try Self.script("printf 'kcHDF5\\0\\1'; \(end)").path
    #expect(throws: HDF5Error(.corrupted("libhdf5 did not come to an end with this file, which is damaged")))
    {
      try Self.index(Self.content("types.h5"), helper: place)
    }
  }

  @Test(arguments: ["", "printf 'kcHDF5\\0\\1';"])
  func `a program that hangs is killed`(greeting: String) throws {
    let place = try Self.script("\(greeting) echo $$ > \"$0.process\"; exec sleep 100")
    #expect(throws: HDF5Error.self) {
      try Self.index(Self.content("types.h5"), helper: place.path, seconds: 1)
    }
    // On a busy machine it may have been killed before it could write.
    guard let process = try? String(contentsOf: place.appendingPathExtension("process"), encoding: .utf8)
    else { return }
    let number = try #require(Int32(process.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(number, 0) == -1 && errno == ESRCH)
  }

  @Test func `many threads have files indexed at once`() async throws {
    let bytes = try Self.content("types.h5")
    let whole = try bytes.withUnsafeBytes { try HDF5Index(indexing: $0) }
    try await withThrowingTaskGroup(of: HDF5Index.self) { group in
      for _ in 0..<40 { group.addTask { try Self.index(bytes) } }
      for try await index in group { #expect(index == whole) }
    }
  }

  @Test func `the program has no descriptors but its own, and opens none`() throws {
    // What a program inherits by mistake: an end of a pipe that is not marked to be closed.
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    _ = try Self.index(Self.content("types.h5"))
    close(ends[1])
    var byte: UInt8 = 0
    #expect(read(ends[0], &byte, 1) == 0)
    close(ends[0])
  }

  @Test func `by hand the program says what it is for`() throws {
    let process = Process()
    process.executableURL = URL(filePath: Self.helper)
    let error = Pipe()
    process.standardError = error
    try process.run()
    let text = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 64)
    #expect(String(decoding: text, as: UTF8.self).hasPrefix("kconvert-hdf5 is started by programs"))
  }

  /// The form in which an index travels between two programs. Who changes it raises the greeting's last byte.
  @Test func `the form of an index is the one that its number says`() {
    var dataset = HDF5Index.Dataset(
      elementType: .float32, isBigEndian: false, elementByteCount: 4, sizes: [2, 3],
      layout: .chunked(
        .init(
          sizes: [1, 3], filters: [.shuffle(elementByteCount: 4), .deflate, .fletcher32],
          leavesPartialChunksUnfiltered: true,
          chunks: [.init(origin: [0, 0], offset: 800, byteCount: 16, skippedFilters: 1)])),
      fillValue: [0, 0, 128, 63])
    dataset.attributes = ["n": .numbers([0.5], sizes: [1])]
    var group = HDF5Index.Group()
    group.datasets = ["d": dataset]
    var root = HDF5Index.Group()
    root.attributes = ["s": .strings(["a", "b"], sizes: [2])]
    root.groups = ["g": group]
    let bytes = HDF5Index(root: root).encoded()
    let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    #expect(bytes.count == 337 && hash == 0x565c0a0f043da5e1 && IndexHelper.greeting.last == 1)
  }
}
