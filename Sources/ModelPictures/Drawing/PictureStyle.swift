/// The colours of pictures, in light and dark.
enum PictureStyle {
  /// The hue of each family of layers, in degrees; nil: grey.
  static func hue(_ family: LayerFamily) -> Int? {
    switch family {
    case .input: 210
    case .convolution: 225
    case .dense: 265
    case .recurrent: 300
    case .attention: 330
    case .normalization: 175
    case .activation: 140
    case .pooling: 25
    case .merging: 45
    case .reshaping: 90
    case .preprocessing: 190
    case .regularization: 70
    case .model, .wrapper: 250
    case .operation: nil
    case .unknown: 0
    }
  }

  /// The rules of a picture, below an element that the selector names.
  static func rules(_ selector: String) -> String {
    """
    \(selector) { \(variables(isDark: false)) background: var(--paper); }
    @media (prefers-color-scheme: dark) { \(selector) { \(variables(isDark: true)) } }
    \(selector) text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; \
    fill: var(--ink); }
    \(selector) .name { font-weight: 600; }
    \(selector) .more { fill: var(--soft); }
    \(selector) .class { fill: var(--class); }
    \(selector) .frame-title { paint-order: stroke; stroke: var(--nest); stroke-width: 4px; stroke-linejoin: round; }
    \(selector) .box { fill: var(--sheet); stroke: var(--line); }
    \(selector) .head { fill: var(--head); }
    \(selector) .frame { fill: var(--nest); stroke: var(--soft); stroke-dasharray: 5 4; }
    \(selector) .edge { fill: none; stroke: var(--soft); stroke-width: 1.3; }
    \(selector) .tip { fill: var(--soft); }
    \(selector) .unknown .box { stroke: var(--alarm); stroke-width: 1.6; stroke-dasharray: 6 3; }
    \(families(selector, isDark: false))
    @media (prefers-color-scheme: dark) {
    \(families(selector, isDark: true))
    }
    """
  }

  private static func variables(isDark: Bool) -> String {
    isDark
      ? "--paper: #14171c; --sheet: #1d2129; --ink: #e6e9ef; --soft: #9aa4b5; --class: #c9d0db; --line: #4a5364; --nest: #181c23; --head: #2c323d; --alarm: #ff7a70;"
      : "--paper: #ffffff; --sheet: #ffffff; --ink: #1b1f27; --soft: #5c6675; --class: #4f5967; --line: #aab3c0; --nest: #f6f8fb; --head: #e9ecf1; --alarm: #c62a1d;"
  }

  private static func families(_ selector: String, isDark: Bool) -> String {
    LayerFamily.allCases.compactMap { family in
      guard let hue = hue(family) else { return nil }
      let colour = isDark ? "hsl(\(hue) 38% 25%)" : "hsl(\(hue) 72% 91%)"
      return "\(selector) .\(family.rawValue) { --head: \(colour); }"
    }.joined(separator: "\n")
  }
}
