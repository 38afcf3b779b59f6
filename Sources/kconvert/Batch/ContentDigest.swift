#if canImport(CommonCrypto)
  import CommonCrypto
  import Darwin
#elseif canImport(Glibc)
  import CSystem
  import Glibc
#elseif canImport(Musl)
  import CSystem
  import Musl
#endif

/// SHA-256 of files, by the system's implementation: CommonCrypto, or OpenSSL's libcrypto, which is loaded when a digest
/// is asked for, so that nothing else waits for it.
enum ContentDigest {
  /// A file has so much content, or it comes so slowly, that its time was up before all of it was read.
  struct Late: Error {}

  /// The digest of a file in hexadecimal digits.
  /// - Parameter end: when to give up.
  /// - Throws: ``Failure`` when the file cannot be read, or there is no libcrypto; ``Late``.
  static func hex(ofFile path: String, until end: ContinuousClock.Instant) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw cannotRead(path) }
    defer { close(descriptor) }
    try refuseStream(descriptor, path)
    let hash = try SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      if ContinuousClock.now >= end { throw Late() }
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw cannotRead(path) }
      guard count > 0 else { return try hash.finish().hexadecimal }
      try buffer.withUnsafeBytes { try hash.update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
  }

  /// The digest of a text in hexadecimal digits.
  static func hex(of text: String) throws -> String {
    let hash = try SHA256()
    try Array(text.utf8).withUnsafeBytes { try hash.update($0) }
    return try hash.finish().hexadecimal
  }

  /// Pipes and devices have no content, or one without end.
  private static func refuseStream(_ descriptor: Int32, _ path: String) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw cannotRead(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Failure("\(path): it is not a regular file", .cannotOpen)
    }
  }

  private static func cannotRead(_ path: String) -> Failure {
    Failure("\(path): \(String(cString: strerror(errno)))", .cannotOpen)
  }
}

extension [UInt8] {
  fileprivate var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

#if canImport(CommonCrypto)
  /// A SHA-256 that is being computed.
  private final class SHA256 {
    private var context = CC_SHA256_CTX()

    init() throws { CC_SHA256_Init(&context) }

    func update(_ bytes: UnsafeRawBufferPointer) throws {
      CC_SHA256_Update(&context, bytes.baseAddress, CC_LONG(bytes.count))
    }

    func finish() throws -> [UInt8] {
      var digest = [UInt8](repeating: 0, count: Int(CC_SHA256_DIGEST_LENGTH))
      CC_SHA256_Final(&digest, &context)
      return digest
    }
  }
#else
  /// A SHA-256 that is being computed.
  private final class SHA256 {
    private let hash: OpaquePointer

    init() throws {
      guard let hash = cs_sha256_begin() else {
        throw Failure(
          "libcrypto, which computes digests, cannot be loaded", .cannotOpen,
          hint: "install OpenSSL 1.1 or 3 (Debian's package libssl3)")
      }
      self.hash = hash
    }

    deinit { cs_sha256_free(hash) }

    func update(_ bytes: UnsafeRawBufferPointer) throws {
      guard cs_sha256_add(hash, bytes.baseAddress, bytes.count) == 0 else { throw SHA256.failure }
    }

    func finish() throws -> [UInt8] {
      var digest = [UInt8](repeating: 0, count: 32)
      guard cs_sha256_end(hash, &digest) == 0 else { throw SHA256.failure }
      return digest
    }

    private static var failure: Failure { Failure("libcrypto computes no SHA-256", .cannotOpen) }
  }
#endif
