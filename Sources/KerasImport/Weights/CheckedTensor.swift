import ModelIR

/// A tensor made from what a file says; its error as this module's.
func checkedTensor(_ make: @autoclosure () throws(TensorError) -> Tensor) throws(KerasImportError) -> Tensor {
  do {
    return try make()
  } catch {
    throw KerasImportError(error)
  }
}

/// Storage made from what a file says; its error as this module's.
func checkedStorage(
  _ make: @autoclosure () throws(TensorError) -> MemoryStorage
) throws(KerasImportError) -> MemoryStorage {
  do {
    return try make()
  } catch {
    throw KerasImportError(error)
  }
}

/// A tensor whose values are computed when its bytes are read; its error as this module's.
func computedTensor(
  dtype: DType, sizes: [Int], _ values: @escaping @Sendable () throws -> [Double]
) throws(KerasImportError) -> Tensor {
  try checkedTensor(Tensor.computed(dtype: dtype, sizes: sizes, values))
}

/// Tensors joined along their last axis; nil when they do not fit; its error as this module's.
func joinedOnLastAxis(_ parts: [Tensor]) throws(KerasImportError) -> Tensor? {
  do {
    return try Tensor.joinedOnLastAxis(parts)
  } catch {
    throw KerasImportError(error)
  }
}

extension KerasImportError {
  /// Elements that are not as their sizes say.
  init(_ error: TensorError) { self.init(.corrupted(error.message)) }
}
