#if canImport(CoreML)
  public import CoreML

  // Tensors to and from Core ML's arrays.

  extension Tensor {
    /// A copy of a Core ML array of float16, float32, float64 or int32, whatever its strides are.
    /// - Throws: ``TensorError`` for another type.
    public init(_ array: MLMultiArray) throws(TensorError) {
      let sizes = array.shape.map(\.intValue)
      let places = elementPlaces(sizes, strides: array.strides.map(\.intValue))
      func copied<T: TensorElement>(_ type: T.Type) throws(TensorError) -> Tensor {
        let elements = array.withUnsafeBytes { bytes in
          places.map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self) }
        }
        return try Tensor(elements, sizes: sizes)
      }
      switch array.dataType {
      case .float32: self = try copied(Float.self)
      case .double: self = try copied(Double.self)
      case .int32: self = try copied(Int32.self)
      #if arch(arm64)
        case .float16: self = try copied(Float16.self)
      #endif
      default: throw TensorError("Core ML arrays of type \(array.dataType.rawValue) are not taken")
      }
    }
  }

  extension MLMultiArray {
    /// A copy of a tensor: float16, float32, float64 and int32 as they are, bfloat16 as float32, small integers and truth
    /// values as int32.
    /// - Throws: ``TensorError`` for integers that int32 does not hold and for text, when the elements cannot be read, and
    ///   with what Core ML says.
    public convenience init(tensor: Tensor) throws(TensorError) {
      switch tensor.dtype {
      case .float64: try self.init([Double](tensor), tensor.sizes, .double)
      case .float32: try self.init([Float](tensor), tensor.sizes, .float32)
      case .bfloat16: try self.init([Float](tensor.converted(to: .float32)), tensor.sizes, .float32)
      #if arch(arm64)
        case .float16: try self.init([Float16](tensor), tensor.sizes, .float16)
      #else
        case .float16: try self.init([Float](tensor.converted(to: .float32)), tensor.sizes, .float32)
      #endif
      case .int32: try self.init([Int32](tensor), tensor.sizes, .int32)
      case .int8, .uint8, .int16, .uint16, .bool:
        try self.init([Int32](tensor.converted(to: .int32)), tensor.sizes, .int32)
      case .uint32, .int64, .uint64, .string:
        throw TensorError("Core ML has no arrays of \(tensor.dtype.rawValue)")
      }
    }

    private convenience init<T: TensorElement>(
      _ elements: [T], _ sizes: [Int], _ type: MLMultiArrayDataType
    ) throws(TensorError) {
      do { try self.init(shape: sizes.map { NSNumber(value: $0) }, dataType: type) } catch {
        throw TensorError(reading: error)
      }
      withUnsafeMutableBytes { bytes, strides in
        for (element, place) in zip(elements, elementPlaces(sizes, strides: strides)) {
          bytes.storeBytes(of: element, toByteOffset: place * MemoryLayout<T>.size, as: T.self)
        }
      }
    }
  }

  /// Where the elements lie, in row-major order of their axes.
  private func elementPlaces(_ sizes: [Int], strides: [Int]) -> [Int] {
    var places = [0]
    for (size, stride) in zip(sizes, strides) {
      places = places.flatMap { place in (0..<size).map { place + $0 * stride } }
    }
    return places
  }
#endif
