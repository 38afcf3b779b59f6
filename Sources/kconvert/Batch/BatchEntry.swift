import NativeFormat

/// A model's line in the report: what became of it.
struct BatchEntry {
  /// How a model fared.
  enum Status: String { case converted, kept, failed }

  /// A file with its size and the digest of its content.
  struct File: Hashable {
    var path: String
    var byteCount: Int
    var digest: String
  }

  var file: String
  var status: Status
  /// 0, the exit code of the conversion, or 128 and a signal's number.
  var code: Int32 = 0
  /// Why it failed.
  var reason: String?
  /// Classes that are not supported, with their layers.
  var unsupported: [(className: String, layers: [String])] = []
  var warnings: [String] = []
  var seconds = 0.0
  var inputByteCount = 0
  /// The digest of the input's content; of a folder, of its members' digests and names.
  var inputDigest = ""
  /// Paths are relative to the folder of outputs; the model first, then a side file with its weights.
  var outputs: [File] = []
  /// The version and the options it was converted with.
  var options: String

  /// One line of JSON.
  var line: String {
    var members: [(String, JSONValue)] = [
      ("file", .string(file)), ("status", .string(status.rawValue)), ("code", .integer(Int(code))),
      ("reason", reason.map { .string($0) } ?? .null),
      ("unsupported", .array(unsupported.map(BatchEntry.json))),
      ("seconds", .number((seconds * 1000).rounded() / 1000)),
      (
        "input",
        .object(JSONObject([("bytes", .integer(inputByteCount)), ("sha256", .string(inputDigest))]))
      ),
      ("outputs", .array(outputs.map(BatchEntry.json))), ("options", .string(options)),
    ]
    if !warnings.isEmpty { members.append(("warnings", .array(warnings.map { .string($0) }))) }
    return JSONValue.object(JSONObject(members)).text(.compact) + "\n"
  }

  private static func json(_ file: File) -> JSONValue {
    .object(
      JSONObject([
        ("file", .string(file.path)), ("bytes", .integer(file.byteCount)), ("sha256", .string(file.digest)),
      ]))
  }

  private static func json(_ entry: (className: String, layers: [String])) -> JSONValue {
    .object(
      JSONObject([
        ("class", .string(entry.className)), ("layers", .array(entry.layers.map { .string($0) })),
      ]))
  }
}

/// What the log says of a finished conversion; enough to tell whether it still stands.
struct FinishedEntry {
  let inputDigest: String
  let options: String
  let outputs: [BatchEntry.File]

  /// nil for a line that is not whole, or not of a conversion that came to a good end.
  init?(line: some Collection<UInt8>) {
    guard let json = try? JSONValue(parsing: Array(line)),  // Not whole: there is no such entry.
      let status = json["status"]?.string, status != BatchEntry.Status.failed.rawValue,
      let inputDigest = json["input"]?["sha256"]?.string, let options = json["options"]?.string,
      let outputs = json["outputs"]?.array?.map(FinishedEntry.file), !outputs.isEmpty
    else { return nil }
    self.inputDigest = inputDigest
    self.options = options
    self.outputs = outputs.compactMap { $0 }
    guard self.outputs.count == outputs.count else { return nil }
  }

  private static func file(_ json: JSONValue) -> BatchEntry.File? {
    guard let path = json["file"]?.string, let byteCount = json["bytes"]?.int,
      let digest = json["sha256"]?.string
    else { return nil }
    return BatchEntry.File(path: path, byteCount: byteCount, digest: digest)
  }
}
