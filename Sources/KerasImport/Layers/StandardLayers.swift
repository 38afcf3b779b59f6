extension LayerRegistry {
  /// Every layer and operation of Keras that kconvert knows: the one list.
  public static let standard: LayerRegistry = {
    var registry = LayerRegistry()
    registry.addCore()
    registry.addConvolutions()
    registry.addNormalizations()
    registry.addReshaping()
    registry.addMerging()
    registry.addRecurrent()
    registry.addPreprocessing()
    registry.addApplications()
    registry.addRandom()
    registry.addRetired()
    registry.addCoreOperations()
    registry.addNumpyOperations()
    registry.addNNOperations()
    registry.addMathOperations()
    registry.addLinalgOperations()
    registry.addImageOperations()
    registry.addEinopsOperations()
    registry.addQuantizerOperations()
    registry.addTensorFlowShapes()
    registry.addTensorFlowMath()
    registry.addTensorFlowWindows()
    registry.addTensorFlowBlocks()
    registry.addTensorFlowArithmetic()
    registry.addTensorFlowImages()
    registry.markBuiltIn()
    return registry
  }()

  private mutating func addCore() {
    register(InputLayer.self, as: "InputLayer")
    register(Dense.self, as: "Dense")
    register(Embedding.self, as: "Embedding")
    register(EinsumDense.self, as: "EinsumDense")
    register(ReversibleEmbedding.self, as: "ReversibleEmbedding")
    register(Masking.self, as: "Masking")
    register(ActivationLayer.self, as: "Activation")
    register(ReLU.self, as: "ReLU")
    register(LeakyReLU.self, as: "LeakyReLU")
    register(PReLU.self, as: "PReLU")
    register(ELU.self, as: "ELU")
    register(SoftmaxLayer.self, as: "Softmax")
    register(
      PassThrough.self, as: "Identity", "TFDIdentity", "Dropout", "SpatialDropout1D", "SpatialDropout2D",
      "SpatialDropout3D",
      "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization")
  }

  private mutating func addConvolutions() {
    register(Conv.self, as: "Conv1D", "Conv2D", "Conv3D")
    register(DepthwiseConv.self, as: "DepthwiseConv1D", "DepthwiseConv2D")
    register(SeparableConv.self, as: "SeparableConv1D", "SeparableConv2D")
    register(ConvTranspose.self, as: "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
    register(
      Pooling.self, as: "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D",
      "AveragePooling2D",
      "AveragePooling3D")
    register(
      GlobalPooling.self, as: "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
      "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D")
    register(
      AdaptivePooling.self, as: "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D",
      "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D")
  }

  private mutating func addNormalizations() {
    register(BatchNormalization.self, as: "BatchNormalization")
    register(LayerNormalization.self, as: "LayerNormalization")
    register(GroupNormalization.self, as: "GroupNormalization")
    register(RMSNormalization.self, as: "RMSNormalization")
    register(UnitNormalization.self, as: "UnitNormalization")
    register(SpectralNormalization.self, as: "SpectralNormalization")
  }

  private mutating func addReshaping() {
    register(Flatten.self, as: "Flatten")
    register(Reshape.self, as: "Reshape")
    register(Permute.self, as: "Permute")
    register(RepeatVector.self, as: "RepeatVector")
    register(ZeroPadding.self, as: "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
    register(Cropping.self, as: "Cropping1D", "Cropping2D", "Cropping3D")
    register(UpSampling.self, as: "UpSampling1D", "UpSampling2D", "UpSampling3D")
  }

  private mutating func addPreprocessing() {
    register(Rescaling.self, as: "Rescaling")
    register(Normalization.self, as: "Normalization")
    register(Discretization.self, as: "Discretization")
    register(CategoryEncoding.self, as: "CategoryEncoding")
    register(Lookup.self, as: "IntegerLookup", "StringLookup")
    register(TextVectorization.self, as: "TextVectorization")
    register(Hashing.self, as: "Hashing")
    register(HashedCrossing.self, as: "HashedCrossing")
    register(Resizing.self, as: "Resizing")
    register(CenterCrop.self, as: "CenterCrop")
    register(Pipeline.self, as: "Pipeline")
    register(InferenceCrop.self, as: "InferenceCrop")
    register(AutoContrast.self, as: "AutoContrast")
    register(ContrastByTiles.self, as: "ContrastLimitedAdaptiveHistogramEqualization")
    register(MaxNumBoundingBoxes.self, as: "MaxNumBoundingBoxes")
    register(DenseFeatures.self, as: "DenseFeatures")
    register(MelSpectrogram.self, as: "MelSpectrogram")
    register(STFTSpectrogram.self, as: "STFTSpectrogram")
  }

  /// Layers that models of keras.applications bring along.
  private mutating func addApplications() {
    register(LayerScale.self, as: "LayerScale")
    register(CustomScaleLayer.self, as: "CustomScaleLayer")
    register(PassThrough.self, as: "StochasticDepth")
  }

  private mutating func addMerging() {
    register(Merge.self, as: "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
    register(Concatenate.self, as: "Concatenate", "TFDConcat")
    register(Dot.self, as: "Dot")
  }

  private mutating func addRecurrent() {
    register(RecurrentStack.self, as: "LSTM", "GRU", "SimpleRNN", "RNN")
    register(RecurrentCell.self, as: "LSTMCell", "GRUCell", "SimpleRNNCell")
    register(StackedCells.self, as: "StackedRNNCells")
    register(CellWrapper.self, as: "ResidualWrapper", "DropoutWrapper", "DeviceWrapper")
    register(Bidirectional.self, as: "Bidirectional")
    register(TimeDistributed.self, as: "TimeDistributed")
    register(Attention.self, as: "Attention", "AdditiveAttention")
    register(
      MultiHeadAttention.self, as: "MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
    register(ConvLSTM.self, as: "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
  }

  /// Layers of Keras 1, Keras 2 and tf.keras that Keras 3 has no class for.
  private mutating func addRetired() {
    register(LocallyConnected.self, as: "LocallyConnected1D", "LocallyConnected2D")
    register(MaxoutDense.self, as: "MaxoutDense")
    register(Highway.self, as: "Highway")
    register(ThresholdedReLU.self, as: "ThresholdedReLU")
    register(ParametricSoftplus.self, as: "ParametricSoftplus")
    register(SReLU.self, as: "SReLU")
    register(StatisticsNormalization.self, as: "SampleNormalization", "BatchStatisticsNormalization")
    register(CosineMerge.self, as: "CosineMerge")
  }

  /// Random in training, the identity at inference.
  private mutating func addRandom() {
    register(
      PassThrough.self, as: "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomCrop",
      "RandomBrightness", "RandomContrast", "RandomSaturation", "RandomHue", "RandomSharpness",
      "RandomGrayscale",
      "RandomColorJitter", "RandomColorDegeneration", "RandomPosterization", "RandomErasing",
      "RandomElasticTransform", "RandomGaussianBlur", "RandomInvert", "RandomPerspective", "RandomShear",
      "RandomHeight", "RandomWidth", "Solarization", "Equalization", "CutMix", "MixUp", "AugMix",
      "RandAugment")
  }
}
