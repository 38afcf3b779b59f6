import ModelIR
import ProtobufWire

/// Why an ONNX file could not be read. More may come: switch over it with a `default`.
public enum ONNXImportError: Error, Sendable, CustomStringConvertible {
  /// The file, or one beside it that holds its weights, cannot be opened.
  case cannotOpen(file: String, message: String)
  /// The file breaks the rules of its format, or of the operators in it.
  case damaged(place: String, message: String)
  /// The file is valid, but holds what `ONNXWriter` does not write.
  case unsupported([String])

  /// One line with the place.
  public var description: String {
    switch self {
    case .cannotOpen(let file, let message): "\(file): \(message)"
    case .damaged(let place, let message): place.isEmpty ? message : "\(place): \(message)"
    case .unsupported(let things): "expected what kconvert writes, found \(things.joined(separator: "; "))"
    }
  }
}

extension ONNXImportError: WireFailure {
  package static func damaged(_ message: String) -> ONNXImportError { .damaged(place: "", message: message) }

  static func unsupported(_ thing: String) -> ONNXImportError { .unsupported([thing]) }

  /// The error with the place where it was met, unless it has one.
  func at(_ place: String) -> ONNXImportError {
    switch self {
    case .damaged("", let message): .damaged(place: place, message: message)
    case .damaged, .cannotOpen: self
    case .unsupported(let things): .unsupported(things.map { $0.contains(place) ? $0 : "\(place): \($0)" })
    }
  }
}

extension ONNXImportError {
  /// A tensor made of what the file says; its error as this room's.
  static func checked<R>(_ make: @autoclosure () throws(TensorError) -> R) throws(ONNXImportError) -> R {
    do { return try make() } catch { throw .damaged(error.message) }
  }
}
