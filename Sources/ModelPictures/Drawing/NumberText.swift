import KerasImport

/// Numbers as people read them.
enum NumberText {
  /// `1,234,567`
  static func grouped(_ number: Int) -> String { ModelSummary.grouped(number) }

  /// `4.82 KB`
  static func bytes(_ count: Int) -> String { ModelSummary.Count(bytes: count).sizeText }

  /// `1.23 G`: three digits and the power of a thousand.
  static func scaled(_ count: Int) -> String {
    var value = Double(count)
    for unit in ["", " k", " M", " G", " T", " P"] {
      if value < 999.5 || unit == " P" { return significant(value) + unit }
      value /= 1000
    }
    return "\(count)"
  }

  /// A number below a thousand in three digits.
  private static func significant(_ value: Double) -> String {
    if value == value.rounded() { return "\(Int(value))" }
    let places = value < 10 ? 2 : value < 100 ? 1 : 0
    return fixed(value, places: places)
  }

  /// A number with so many places after the point; no exponent.
  static func fixed(_ value: Double, places: Int) -> String {
    var factor = 1.0
    for _ in 0..<places { factor *= 10 }
    let scaled = (value * factor).rounded()
    guard let digits = Int(exactly: scaled.magnitude), value.isFinite else { return "\(value)" }
    let unit = Int(factor)
    let fraction = String(digits % unit)
    let padded = String(repeating: "0", count: max(0, places - fraction.count)) + fraction
    let sign = scaled < 0 ? "-" : ""
    return places == 0 ? "\(sign)\(digits)" : "\(sign)\(digits / unit).\(padded)"
  }

  /// A real number in four digits: `0.01234`, `-1.235e-07`.
  static func real(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    var (digits, exponent) = (value.magnitude, 0)
    while digits >= 10 { (digits, exponent) = (digits / 10, exponent + 1) }
    while digits < 1 { (digits, exponent) = (digits * 10, exponent - 1) }
    if (-4..<5).contains(exponent) { return fixed(value, places: max(0, 3 - exponent)) }
    let sign = value < 0 ? "-" : ""
    let power = abs(exponent)
    return "\(sign)\(fixed(digits, places: 3))e\(exponent < 0 ? "-" : "+")\(power < 10 ? "0" : "")\(power)"
  }

  /// A coordinate: tenths of a pixel.
  static func pixels(_ value: Double) -> String {
    // Graphviz may answer any number.
    guard let tenths = Int(exactly: (value * 10).rounded()) else { return "0" }
    if tenths % 10 == 0 { return "\(tenths / 10)" }
    return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }
}
