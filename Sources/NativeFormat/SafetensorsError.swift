package import ModelFiles

/// Why a safetensors file cannot be read or written.
package enum SafetensorsError: Error, Sendable {
  /// The file is damaged or breaks a rule of the format.
  case corrupted(String)
  /// The tensors cannot be written in this format.
  case cannotWrite(String)
  /// The bytes of a tensor could not be read.
  case reading(tensor: String, any Error)
  /// The system could not write the file.
  case file(FileError)
}

extension SafetensorsError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .corrupted(let message): "safetensors: \(message)"
    case .cannotWrite(let message): "safetensors: \(message)"
    case .reading(let tensor, let error): "safetensors: tensor \"\(tensor)\": \(error)"
    case .file(let error): error.description
    }
  }
}
