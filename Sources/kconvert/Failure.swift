import ArgumentParser
import KerasExport
import KerasImport
import ModelIR
import NativeRuntime
import ONNXExport
import ONNXImport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The exit codes of the command line.
enum Code: Int32 {
  case invalidModel = 2
  case unsupported = 3
  case checkFailed = 4
  case usage = 64
  case cannotOpen = 66
  case cannotCreate = 73
  case cannotWrite = 74
}

/// An error that ends the command: one line, a second one on how to go on, and its exit code.
struct Failure: Error {
  let message: String
  let hint: String?
  let code: Code

  init(_ message: String, _ code: Code, hint: String? = nil) {
    self.message = message
    self.hint = hint
    self.code = code
  }

  /// An error of reading an ONNX file, which does not name the file itself.
  init(_ error: ONNXImportError, in path: String) {
    switch error {
    case .cannotOpen: self.init("\(error)", .cannotOpen)
    case .damaged: self.init("\(path): \(error)", .invalidModel)
    case .unsupported:
      self.init("\(path): \(error)", .unsupported, hint: "kconvert reads the ONNX files that it wrote itself")
    }
  }

  /// Any library's error with the exit code it means.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as KerasImportError: self.init("\(error)", error.code, hint: error.hint)
    case let error as TensorError where error.cause is KerasImportError:
      self.init(KerasImportError(reading: error))
    case ONNXExportError.model(let error): self.init(error)
    case KerasExportError.model(let error): self.init(error)
    case let error as ONNXExportError: self.init("\(error)", error.code)
    case let error as KerasExportError: self.init("\(error)", error.code)
    case let error as RuntimeError: self.init("\(error)", error.code)
    default: self.init("\(error)", .invalidModel)
    }
  }

  /// This failure with the name of what was read: data that turns out to be damaged when a weight is asked for does not
  /// know its file.
  /// - Parameter paths: the models and their weights; nil ones were not given.
  func naming(_ paths: [String?]) -> Failure {
    let given = paths.compactMap { $0 }
    let isAboutModel = code == .invalidModel || code == .unsupported
    guard isAboutModel, !given.isEmpty, !given.contains(where: message.contains) else { return self }
    return Failure("\(given.joined(separator: " or ")): \(message)", code, hint: hint)
  }

  /// Runs a command's work; a failure is printed and ends the process with its code.
  /// - Parameter paths: the models and weights that are read, to be named by a failure.
  static func reporting(reading paths: [String?] = [], _ work: () throws -> Void) throws {
    do {
      try work()
    } catch let exit as ExitCode {
      throw exit
    } catch let error as ValidationError {
      throw error
    } catch {
      let failure = Failure(error).naming(paths)
      tell("error", failure.message, hint: failure.hint)
      throw ExitCode(failure.code.rawValue)
    }
  }

  /// Tells the failure and ends the process with its code.
  func end() -> Never {
    Failure.tell("error", message, hint: hint)
    exit(code.rawValue)
  }

  /// Tells something that does not end the command, on standard error.
  static func warn(_ message: String, hint: String? = nil) { tell("warning", message, hint: hint) }

  private static func tell(_ kind: String, _ message: String, hint: String?) {
    // What a file holds may be in the message: it stays on its line, which has an end.
    func line(_ text: String) -> String {
      text.split(whereSeparator: \.isNewline).joined(separator: " ").printable.shortened(to: 2000)
    }
    let second = hint.map { "  \(line($0))\n" } ?? ""  // No hint, no line.
    StandardError.write("kconvert: \(kind): \(line(message))\n\(second)")
  }
}

extension KerasImportError {
  /// What classes that are near the name of one may have been meant as. Classes that Keras has and those of a package
  /// are meant as they are written.
  private var misspeltClasses: [String] {
    let names = LayerRegistry.standard.layerNames
    let unknown = Set(unsupportedLayers.map(\.className)).filter {
      // Functions of TensorFlow have names of their own, which are nobody's misspelt layers.
      !$0.contains(">") && !$0.hasPrefix("tf.") && RefusedLayers.reasons[$0] == nil && !names.contains($0)
    }
    return unknown.sorted().compactMap { name in names.nearest(to: name).map { "did you mean \"\($0)\"?" } }
  }

  /// How to go on, with the options of the command line.
  var hint: String? {
    let hints = misspeltClasses + remedies.map(\.option)
    return hints.isEmpty ? nil : hints.joined(separator: "; ")
  }

  fileprivate var code: Code {
    switch reason {
    case .io: .cannotOpen
    case .unsupported, .unsupportedLayer, .several: .unsupported
    case .notAKerasFile, .corrupted, .missingKey, .unknownKeys, .invalidValue, .invalidGraph, .weightNotFound,
      .noSuchLayerClass, .noSuchWeight, .undeclaredWeight,
      .weightShape, .replacement, .unusedWeights, .incomplete, .graph:
      .invalidModel
    }
  }
}

extension KerasImportError.Remedy {
  fileprivate var option: String {
    switch self {
    case .weights: "give the weights with --weights FILE"
    case .architecture: "give the architecture as MODEL and this file with --weights"
    case .inputShape: "give one with --input-shape, or build the model in Keras before it is saved"
    case .asset: "give it with --asset NAME=FILE"
    case .lambda:
      "a Lambda's Python code is never run; say what it computes with --lambda NAME=EXPR, as --lambda scale='x / 255'"
    case .layerClass:
      "without weights: say what it computes with --custom CLASS=EXPR; in the library, register the class with"
        + " LayerRegistry.register (article \"Custom layers\")"
    case .advice(let words): words
    }
  }
}

extension ONNXExportError {
  fileprivate var code: Code {
    switch self {
    case .opset, .unsupported: .unsupported
    case .constant, .model: .invalidModel
    case .cannotCreate: .cannotCreate
    case .writing: .cannotWrite
    }
  }
}

extension KerasExportError {
  fileprivate var code: Code {
    switch self {
    case .unsupported: .unsupported
    case .weight, .model: .invalidModel
    case .cannotCreate: .cannotCreate
    case .writing: .cannotWrite
    }
  }
}

extension RuntimeError {
  fileprivate var code: Code {
    switch self {
    case .noSuchInput, .missingInput, .inputType, .unreadableInput, .operation: .invalidModel
    case .unsupported: .unsupported
    }
  }
}
