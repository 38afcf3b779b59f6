#if canImport(CommonCrypto)
  import CommonCrypto
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// SHA-256 of files, by the system's implementation: CommonCrypto, or OpenSSL's libcrypto, which is loaded when a digest
/// is asked for, so that nothing else waits for it.
enum ContentDigest {
  /// The digest of a file in hexadecimal digits.
  /// - Throws: ``Failure`` when the file cannot be read, or there is no libcrypto.
  static func hex(ofFile path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw cannotRead(path) }
    defer { close(descriptor) }
    let hash = try SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
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
    private let library: Libcrypto
    private let context: OpaquePointer

    init() throws {
      guard let library = Libcrypto.loaded, let context = library.new() else {
        throw Failure(
          "libcrypto, which computes digests, cannot be loaded", .cannotOpen,
          hint: "install OpenSSL 1.1 or 3 (Debian's package libssl3)")
      }
      (self.library, self.context) = (library, context)
      guard library.initialize(context, library.sha256(), nil) == 1 else { throw SHA256.failure }
    }

    deinit { library.free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) throws {
      guard library.update(context, bytes.baseAddress, bytes.count) == 1 else { throw SHA256.failure }
    }

    func finish() throws -> [UInt8] {
      var digest = [UInt8](repeating: 0, count: 32)
      guard library.finish(context, &digest, nil) == 1 else { throw SHA256.failure }
      return digest
    }

    private static var failure: Failure { Failure("libcrypto computes no SHA-256", .cannotOpen) }
  }

  /// The functions of OpenSSL's libcrypto (`openssl/evp.h`) that a digest takes.
  private struct Libcrypto: Sendable {
    let new: @convention(c) @Sendable () -> OpaquePointer?
    let free: @convention(c) @Sendable (OpaquePointer) -> Void
    let sha256: @convention(c) @Sendable () -> OpaquePointer?
    let initialize: @convention(c) @Sendable (OpaquePointer, OpaquePointer?, OpaquePointer?) -> Int32
    let update: @convention(c) @Sendable (OpaquePointer, UnsafeRawPointer?, Int) -> Int32
    let finish:
      @convention(c) @Sendable (OpaquePointer, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt32>?) ->
        Int32

    /// nil when the system has none.
    static let loaded = Libcrypto()

    private init?() {
      let opened = dlopen("libcrypto.so.3", RTLD_NOW) ?? dlopen("libcrypto.so.1.1", RTLD_NOW)
      guard let handle = opened, let new = dlsym(handle, "EVP_MD_CTX_new"),
        let free = dlsym(handle, "EVP_MD_CTX_free"), let sha256 = dlsym(handle, "EVP_sha256"),
        let initialize = dlsym(handle, "EVP_DigestInit_ex"), let update = dlsym(handle, "EVP_DigestUpdate"),
        let finish = dlsym(handle, "EVP_DigestFinal_ex")
      else { return nil }
      self.new = unsafeBitCast(new, to: type(of: self.new))
      self.free = unsafeBitCast(free, to: type(of: self.free))
      self.sha256 = unsafeBitCast(sha256, to: type(of: self.sha256))
      self.initialize = unsafeBitCast(initialize, to: type(of: self.initialize))
      self.update = unsafeBitCast(update, to: type(of: self.update))
      self.finish = unsafeBitCast(finish, to: type(of: self.finish))
    }
  }
#endif
