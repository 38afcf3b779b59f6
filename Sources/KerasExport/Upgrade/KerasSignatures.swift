/// The constructor arguments of Keras 3's layers besides name, trainable and dtype, initializers, regularizers and
/// constraints: keys that earlier releases wrote and that are not among them would make loading fail.
///
/// Made from Keras 3.15.1 by `Scripts/keras_signatures.py`.
enum KerasSignatures {
  /// The keys of a class; nil for a class that is not Keras's.
  static func keys(of className: String) -> Set<Substring>? { table[className] }

  private static let table: [String: Set<Substring>] = {
    var table: [String: Set<Substring>] = [:]
    for (classes, keys) in rows {
      let set = Set(keys.split(separator: " "))
      for name in classes.split(separator: " ") { table[String(name)] = set }
    }
    return table
  }()

  private static let rows: [(classes: String, keys: String)] = [
    ("Activation", "activation"),
    ("ActivityRegularization", "l1 l2"),
    (
      """
      AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D \
      AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D
      """,
      "output_size data_format"
    ),
    ("Add Average Identity Maximum Minimum Multiply Subtract", ""),
    ("AdditiveAttention", "use_scale dropout"),
    ("AlphaDropout Dropout", "rate noise_shape seed"),
    ("Attention", "use_scale score_mode dropout seed"),
    ("AugMix", "value_range num_chains chain_depth factor alpha all_ops interpolation seed data_format"),
    ("AutoContrast", "value_range"),
    (
      "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D",
      "pool_size strides padding data_format"
    ),
    (
      "BatchNormalization",
      "axis momentum epsilon center scale renorm renorm_clipping renorm_momentum synchronized"
    ),
    ("Bidirectional", "layer merge_mode backward_layer"),
    ("CategoryEncoding", "num_tokens output_mode sparse"),
    ("CenterCrop", "height width data_format"),
    ("Concatenate Softmax UnitNormalization", "axis"),
    ("ContrastLimitedAdaptiveHistogramEqualization", "value_range clip_limit tile_grid_size data_format"),
    (
      "Conv1D Conv2D Conv3D",
      "filters kernel_size strides padding data_format dilation_rate groups activation use_bias"
    ),
    (
      "Conv1DTranspose Conv2DTranspose",
      """
      filters kernel_size strides padding output_padding data_format dilation_rate activation \
      use_bias
      """
    ),
    (
      "Conv3DTranspose",
      """
      filters kernel_size strides padding data_format output_padding dilation_rate activation \
      use_bias
      """
    ),
    (
      "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
      """
      filters kernel_size strides padding data_format dilation_rate activation \
      recurrent_activation use_bias unit_forget_bias dropout recurrent_dropout seed \
      return_sequences return_state go_backwards stateful
      """
    ),
    ("Cropping1D", "cropping"),
    ("Cropping2D Cropping3D", "cropping data_format"),
    ("CutMix", "factor seed data_format"),
    ("Dense", "units activation use_bias lora_rank lora_alpha quantization_config"),
    (
      "DepthwiseConv1D DepthwiseConv2D",
      "kernel_size strides padding depth_multiplier data_format dilation_rate activation use_bias"
    ),
    ("Discretization", "bin_boundaries num_bins epsilon output_mode sparse"),
    ("Dot", "axes normalize"),
    ("ELU", "alpha"),
    (
      "EinsumDense",
      """
      equation output_shape activation bias_axes lora_rank lora_alpha gptq_unpacked_column_size \
      quantization_config
      """
    ),
    ("Embedding", "input_dim output_dim mask_zero lora_rank lora_alpha quantization_config"),
    ("Equalization", "value_range bins data_format"),
    ("Flatten", "data_format"),
    (
      "GRU",
      """
      units activation recurrent_activation use_bias dropout recurrent_dropout seed \
      return_sequences return_state go_backwards stateful unroll reset_after use_cudnn \
      zero_output_for_mask
      """
    ),
    ("GRUCell", "units activation recurrent_activation use_bias dropout recurrent_dropout reset_after seed"),
    ("GaussianDropout SpatialDropout1D", "rate seed"),
    ("GaussianNoise", "stddev seed"),
    (
      """
      GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D \
      GlobalMaxPooling2D GlobalMaxPooling3D
      """,
      "data_format keepdims"
    ),
    ("GroupNormalization", "groups axis epsilon center scale"),
    (
      "GroupQueryAttention",
      """
      head_dim num_query_heads num_key_value_heads dropout use_bias sliding_window flash_attention \
      use_gate seed
      """
    ),
    ("HashedCrossing", "num_bins output_mode sparse"),
    ("Hashing", "num_bins mask_value salt output_mode sparse"),
    ("InputLayer", "sparse ragged batch_shape optional"),
    (
      "IntegerLookup",
      """
      max_tokens num_oov_indices mask_token oov_token vocabulary vocabulary_dtype idf_weights \
      invert output_mode sparse pad_to_max_tokens oov_method salt
      """
    ),
    (
      "LSTM",
      """
      units activation recurrent_activation use_bias unit_forget_bias dropout recurrent_dropout \
      seed return_sequences return_state go_backwards stateful unroll use_cudnn \
      zero_output_for_mask
      """
    ),
    (
      "LSTMCell",
      """
      units activation recurrent_activation use_bias unit_forget_bias dropout recurrent_dropout \
      seed
      """
    ),
    ("LayerNormalization", "axis epsilon center scale"),
    ("LeakyReLU", "negative_slope"),
    ("Masking", "mask_value"),
    ("MaxNumBoundingBoxes", "max_number fill_value"),
    (
      "MelSpectrogram",
      """
      fft_length sequence_stride sequence_length window sampling_rate num_mel_bins min_freq \
      max_freq power_to_db top_db mag_exp min_power ref_power
      """
    ),
    ("MixUp", "alpha data_format seed"),
    (
      "MultiHeadAttention",
      """
      num_heads key_dim value_dim dropout use_bias output_shape attention_axes sliding_window \
      flash_attention use_gate seed
      """
    ),
    ("Normalization", "axis mean variance invert"),
    ("PReLU", "shared_axes"),
    ("Permute", "dims"),
    ("RMSNormalization", "axis epsilon"),
    ("RNN", "cell return_sequences return_state go_backwards stateful unroll zero_output_for_mask"),
    ("RandAugment", "value_range num_ops factor interpolation seed data_format"),
    ("RandomBrightness RandomContrast", "factor value_range seed"),
    (
      "RandomColorDegeneration RandomHue RandomPosterization RandomSaturation RandomSharpness",
      "factor value_range data_format seed"
    ),
    (
      "RandomColorJitter",
      "value_range brightness_factor contrast_factor saturation_factor hue_factor seed data_format"
    ),
    ("RandomCrop", "height width seed data_format"),
    (
      "RandomElasticTransform", "factor scale interpolation fill_mode fill_value value_range seed data_format"
    ),
    ("RandomErasing", "factor scale fill_value value_range seed data_format"),
    ("RandomFlip", "mode seed data_format"),
    ("RandomGaussianBlur", "factor kernel_size sigma value_range data_format seed"),
    ("RandomGrayscale", "factor data_format seed"),
    ("RandomInvert", "factor value_range seed data_format"),
    ("RandomPerspective", "factor scale interpolation fill_value seed data_format"),
    ("RandomRotation", "factor fill_mode interpolation seed fill_value data_format"),
    ("RandomShear", "x_factor y_factor interpolation fill_mode fill_value data_format seed"),
    (
      "RandomTranslation RandomZoom",
      "height_factor width_factor fill_mode interpolation seed fill_value data_format"
    ),
    ("ReLU", "max_value negative_slope threshold"),
    ("RepeatVector", "n"),
    ("Rescaling", "scale offset"),
    ("Reshape", "target_shape"),
    (
      "Resizing",
      """
      height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value \
      antialias data_format
      """
    ),
    ("ReversibleEmbedding", "input_dim output_dim tie_weights mask_zero reverse_dtype logit_soft_cap"),
    (
      "STFTSpectrogram",
      """
      mode frame_length frame_step fft_length window periodic scaling padding expand_dims \
      data_format
      """
    ),
    (
      "SeparableConv1D SeparableConv2D",
      """
      filters kernel_size strides padding data_format dilation_rate depth_multiplier activation \
      use_bias
      """
    ),
    (
      "SimpleRNN",
      """
      units activation use_bias dropout recurrent_dropout return_sequences return_state \
      go_backwards stateful unroll seed zero_output_for_mask
      """
    ),
    ("SimpleRNNCell", "units activation use_bias dropout recurrent_dropout seed"),
    ("Solarization", "addition_factor threshold_factor value_range seed"),
    ("SpatialDropout2D SpatialDropout3D", "rate data_format seed"),
    ("SpectralNormalization", "layer power_iterations"),
    ("StackedRNNCells", "cells"),
    (
      "StringLookup",
      """
      max_tokens num_oov_indices mask_token oov_token vocabulary idf_weights invert output_mode \
      pad_to_max_tokens sparse encoding salt
      """
    ),
    (
      "TextVectorization",
      """
      max_tokens standardize split ngrams output_mode output_sequence_length pad_to_max_tokens \
      vocabulary idf_weights sparse ragged encoding
      """
    ),
    ("TimeDistributed", "layer"),
    ("UpSampling1D", "size"),
    ("UpSampling2D", "size data_format interpolation"),
    ("UpSampling3D", "size data_format"),
    ("ZeroPadding1D ZeroPadding2D ZeroPadding3D", "padding data_format"),
  ]
}
