package import ModelIR

extension LayerObject {
  /// What Theano's "same" padding adds along each axis where it is not what Keras 3's "same" is; nil where it is, and
  /// for layers that were not written on Theano.
  package var theanoPads: [PadPair]? {
    switch layer {
    case let layer as Pooling:
      return layer.isTheanoSame
        ? LayerObject.differing(layer.theanoPadding, layer.poolSize, layer.strides) : nil
    case let layer as ConvTranspose:
      guard layer.window.isTheanoSame else { return nil }
      let today = zip(layer.window.kernelSize, layer.window.strides).map { max($0 - $1, 0) / 2 }
      let pads = layer.window.theanoPadding
      return pads.map(\.before) == today ? nil : pads
    default:
      guard let window = layer.convolutionWindow, window.isTheanoSame else { return nil }
      let extents = zip(window.kernelSize, window.dilations).map { ($0 - 1) * $1 + 1 }
      return LayerObject.differing(window.theanoPadding, extents, window.strides)
    }
  }

  /// The strides of a layer that has ``theanoPads``.
  package var theanoStrides: [Int]? { layer.convolutionWindow?.strides ?? (layer as? Pooling)?.strides }

  /// The pads unless today's are the same for data of every size.
  private static func differing(_ pads: [PadPair], _ extents: [Int], _ strides: [Int]) -> [PadPair]? {
    let isAsToday = pads.indices.allSatisfy { axis in
      strides[axis] == 1 && pads[axis] == PadPair.same(size: 1 << 20, window: extents[axis], stride: 1)
    }
    return isAsToday ? nil : pads
  }
}
