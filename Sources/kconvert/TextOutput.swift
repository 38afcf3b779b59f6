import ModelFiles
import ModelIR

/// Text that a command was told to write: a file that appears when it is complete, or standard output.
enum TextOutput {
  /// - Parameter path: the file; `-` for standard output.
  static func write(_ text: String, to path: String) throws {
    if path == "-" { return try StandardOutput.write(text) }
    let file: OutputFile
    do { file = try OutputFile(replacing: path) } catch { throw Failure("\(error)", .cannotCreate) }
    do {
      try file.write(Array(text.utf8))
      try file.finish()
    } catch {
      throw Failure("\(error)", .cannotWrite)
    }
  }
}
