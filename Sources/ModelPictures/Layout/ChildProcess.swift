#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program run beside this one.
///
/// It is started without a shell, and reads and writes files without names: nothing waits for a pipe.
enum ChildProcess {
  private static let outputLimit = 1 << 26

  /// What a program writes to standard output; nil when it is not there, fails, or is not done in time.
  /// - Parameter arguments: its name, looked up in `PATH`, and its arguments.
  static func output(of arguments: [String], input: [UInt8], seconds: Double) -> [UInt8]? {
    guard let source = tmpfile(), let target = tmpfile() else { return nil }
    defer {
      fclose(source)
      fclose(target)
    }
    guard fwrite(input, 1, input.count, source) == input.count, fflush(source) == 0 else { return nil }
    rewind(source)
    guard let child = start(arguments, input: fileno(source), output: fileno(target)) else { return nil }
    guard wait(for: child, seconds: seconds) else { return nil }
    return content(of: target)
  }

  private static func start(_ arguments: [String], input: Int32, output: Int32) -> pid_t? {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    guard posix_spawn_file_actions_init(&actions) == 0 else { return nil }
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    return posix_spawnp(&child, arguments[0], &actions, nil, &words, environ) == 0 ? child : nil
  }

  /// Whether the program ended well in time; one that did not is ended.
  private static func wait(for child: pid_t, seconds: Double) -> Bool {
    var status: Int32 = 0
    var waited = 0.0
    while true {
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { return status == 0 }
      if ended < 0, errno != EINTR { return false }
      if waited >= seconds { break }
      usleep(2000)
      waited += 0.002
    }
    kill(child, SIGKILL)
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return false
  }

  private static func content(of file: UnsafeMutablePointer<FILE>) -> [UInt8]? {
    guard fseek(file, 0, SEEK_END) == 0 else { return nil }
    let count = ftell(file)
    guard count >= 0, count <= outputLimit else { return nil }
    rewind(file)
    var bytes = [UInt8](repeating: 0, count: count)
    return fread(&bytes, 1, count, file) == count ? bytes : nil
  }
}
