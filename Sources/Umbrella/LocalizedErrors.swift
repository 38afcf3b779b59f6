package import HDF5
package import ModelFiles

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

// Errors as applications show them: `localizedDescription` is the description, not "error 1".

extension KerasImportError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
  /// How to go on, where there is more to say.
  public var recoverySuggestion: String? { suggestion }
}

extension WeightLoadError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
}

extension GraphError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
}

extension TensorError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
}

extension NumpyArray.FormatError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
}

extension Safetensors.FormatError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
}

extension RuntimeError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
}

#if ONNX
  extension ONNXExportError: LocalizedError {
    /// The description.
    public var errorDescription: String? { description }
  }
#endif

extension KerasExportError: LocalizedError {
  /// The description.
  public var errorDescription: String? { description }
}

#if ONNX
  extension ONNXImportError: LocalizedError {
    /// The description.
    public var errorDescription: String? { description }
  }
#endif

// What stands behind an error of those above, as its cause.

extension FileError: LocalizedError {
  package var errorDescription: String? { description }
}

extension HDF5Error: LocalizedError {
  package var errorDescription: String? { description }
}

extension JSONSyntaxError: LocalizedError {
  package var errorDescription: String? { description }
}

extension SafetensorsError: LocalizedError {
  package var errorDescription: String? { description }
}
