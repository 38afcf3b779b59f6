/// Which module of Keras an operation is from: HDF5 files leave modules out.
///
/// Source: the Operation classes of `keras/src/ops`, Keras 3.15.1.
enum OperationModules {
  /// `keras.src.ops.nn` for `Relu`; what is in no other table is in `numpy`, by far the largest.
  static func module(of className: String) -> String { "keras.src.ops.\(modules[className] ?? "numpy")" }

  private static let modules: [String: String] = {
    var modules: [String: String] = [:]
    for (module, names) in tables {
      for name in names.split(separator: " ") { modules[String(name)] = module }
    }
    return modules
  }()

  private static let tables: [(module: String, names: String)] = [
    (
      "nn",
      """
      AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm BinaryCrossentropy CTCDecode \
      CTCLoss CategoricalCrossentropy Celu Conv ConvTranspose DepthToSpace DepthwiseConv \
      DotProductAttention Elu Fold Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm \
      LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot Normalize OneHot PSNR Polar RMSNorm \
      Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth \
      SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink \
      Threshold Unfold
      """
    ),
    (
      "core",
      """
      AssociativeScan Cast Cond ConvertToTensor ForiLoop Map SaturateCast Scan Scatter \
      ScatterUpdate Slice SliceUpdate StopGradient Switch Unstack VectorizedMap WhileLoop
      """
    ),
    (
      "math",
      """
      CDist Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT InTopK Logdet Logsumexp \
      RFFT Rsqrt STFT SegmentMax SegmentMin SegmentProd SegmentReduction SegmentSum TopK \
      ViewAsComplex ViewAsReal
      """
    ),
    (
      "linalg",
      """
      Cholesky CholeskyInverse Det Eig Eigh Inv JVP Lstsq LuFactor MatrixRank Norm Pinv Qr SVD \
      Solve SolveTriangular
      """
    ),
    (
      "image",
      """
      AffineTransform CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB \
      MapCoordinates PadImages PerspectiveTransform RGBToGrayscale RGBToHSV Resize SSIM \
      ScaleAndTranslate SobelEdges
      """
    ),
    ("einops", "Rearrange"),
  ]
}
