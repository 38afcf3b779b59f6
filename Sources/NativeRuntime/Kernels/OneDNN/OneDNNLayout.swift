import COneDNN
import ModelIR

/// oneDNN's description of a float32 tensor: sizes in the library's order of axes, and where the elements are.
struct OneDNNLayout {
  fileprivate(set) var value = kdnn_layout()

  /// A tensor with these steps between neighbours along each axis, in elements; nil: whatever a primitive likes best.
  init?(sizes: [Int], strides: [Int]?) {
    guard sizes.count <= Int(KDNN_MAX_RANK), !sizes.contains(0) else { return nil }
    let sizes64 = sizes.map(Int64.init)
    let isMade =
      strides.map { kdnn_layout_init(&value, Int32(sizes.count), sizes64, $0.map(Int64.init)) }
      ?? kdnn_layout_init(&value, Int32(sizes.count), sizes64, nil)
    guard isMade != 0 else { return nil }
  }

  init(_ value: kdnn_layout) { self.value = value }

  /// The layout of an operand of a plan, its axes in the library's order; nil when the operand's layout has another.
  /// - Parameter axes: for each of the library's axes the operand's.
  init?(_ form: OperandForm, axes: [Int]) {
    guard case .opaque(let layout) = form.layout else {
      let steps = strides(of: form.sizes)
      self.init(sizes: axes.map { form.sizes[$0] }, strides: axes.map { steps[$0] })
      return
    }
    guard layout.axes == axes, let value = OneDNNLayout.decode(layout) else { return nil }
    self.init(value)
  }

  private static func decode(_ layout: OpaqueLayout) -> kdnn_layout? {
    guard layout.descriptor.count == MemoryLayout<kdnn_layout>.size else { return nil }
    return layout.descriptor.withUnsafeBytes { $0.loadUnaligned(as: kdnn_layout.self) }
  }

  var byteCount: Int { withUnsafePointer(to: value) { kdnn_layout_byte_count($0) } }

  var bytes: [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

  static func == (a: OneDNNLayout, b: OneDNNLayout) -> Bool {
    withUnsafePointer(to: a.value) { a in
      withUnsafePointer(to: b.value) { b in kdnn_layout_is_equal(a, b) != 0 }
    }
  }

  /// The layout as a plan has it: row-major if it is that of the plain operand.
  func planned(_ form: OperandForm, axes: [Int]) -> Layout {
    if let plain = OneDNNLayout(form.with(.rowMajor), axes: axes), plain == self { return .rowMajor }
    let count = byteCount
    return .opaque(
      OpaqueLayout(descriptor: bytes, axes: axes, byteCount: count, isDense: count == 4 * form.elementCount))
  }

  /// For each of the library's axes, `N C space...`, the axis of an operand.
  static func imageAxes(_ layout: DataLayout, rank: Int) -> [Int] {
    [0, layout.channelAxis(rank: rank)] + layout.spatialAxes(rank: rank)
  }
}
