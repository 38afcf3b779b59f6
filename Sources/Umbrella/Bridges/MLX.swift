#if canImport(MLX)
  public import MLX

  // Tensors to and from MLX's arrays, for programs that depend on mlx-swift themselves.

  extension Tensor {
    /// A copy of an MLX array; bfloat16 becomes float32.
    /// - Throws: ``TensorError`` for complex numbers.
    public init(_ array: MLXArray) throws(TensorError) {
      func copied<T: TensorElement & HasDType>(_ type: T.Type) throws(TensorError) -> Tensor {
        try Tensor(array.asArray(type), sizes: array.shape)
      }
      switch array.dtype {
      case .float32, .bfloat16: self = try copied(Float.self)
      #if arch(arm64)
        case .float16: self = try copied(Float16.self)
      #endif
      case .bool: self = try copied(Bool.self)
      case .int8: self = try copied(Int8.self)
      case .uint8: self = try copied(UInt8.self)
      case .int16: self = try copied(Int16.self)
      case .uint16: self = try copied(UInt16.self)
      case .int32: self = try copied(Int32.self)
      case .uint32: self = try copied(UInt32.self)
      case .int64: self = try copied(Int64.self)
      case .uint64: self = try copied(UInt64.self)
      default: throw TensorError("MLX arrays of type \(array.dtype) are not taken")
      }
    }
  }

  extension MLXArray {
    /// A copy of a tensor; float64 and bfloat16 become float32.
    /// - Throws: ``TensorError`` for text, and when the elements cannot be read.
    public convenience init(tensor: Tensor) throws(TensorError) {
      switch tensor.dtype {
      case .float32: self.init(try [Float](tensor), tensor.sizes)
      case .float64, .bfloat16: self.init(try [Float](tensor.converted(to: .float32)), tensor.sizes)
      #if arch(arm64)
        case .float16: self.init(try [Float16](tensor), tensor.sizes)
      #else
        case .float16: self.init(try [Float](tensor.converted(to: .float32)), tensor.sizes)
      #endif
      case .bool: self.init(try [Bool](tensor), tensor.sizes)
      case .int8: self.init(try [Int8](tensor), tensor.sizes)
      case .uint8: self.init(try [UInt8](tensor), tensor.sizes)
      case .int16: self.init(try [Int16](tensor), tensor.sizes)
      case .uint16: self.init(try [UInt16](tensor), tensor.sizes)
      case .int32: self.init(try [Int32](tensor), tensor.sizes)
      case .uint32: self.init(try [UInt32](tensor), tensor.sizes)
      case .int64: self.init(try [Int64](tensor), tensor.sizes)
      case .uint64: self.init(try [UInt64](tensor), tensor.sizes)
      case .string: throw TensorError("MLX has no arrays of text")
      }
    }
  }
#endif
