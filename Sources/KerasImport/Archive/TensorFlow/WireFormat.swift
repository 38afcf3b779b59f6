import ProtobufWire

/// Protocol buffers and numbers in groups of seven bits, with this room's errors.
typealias ProtobufMessage = WireMessage<KerasImportError>
typealias ByteReader = WireReader<KerasImportError>

extension KerasImportError: WireFailure {
  package static func damaged(_ message: String) -> KerasImportError { KerasImportError(.corrupted(message)) }
}
