import ModelIR
import Testing

@testable import NativeRuntime

/// Values of `tf.strings.to_hash_bucket_fast` and `to_hash_bucket_strong` (TensorFlow 2.21) for 2^63 - 1 buckets.
struct HashingTests {
  struct Example: Sendable, CustomTestStringConvertible {
    let text: String
    let fast: Int64
    let strong: Int64
    var testDescription: String { "\(text.utf8.count) bytes" }
  }

  static let examples: [Example] = [
    Example(text: "", fast: 1936946117179621456, strong: 7299653973577703873),
    Example(text: "a", fast: 3694432073954588132, strong: 5991957970072777271),
    Example(text: "cat", fast: 5895093417125187289, strong: 7254105837513629356),
    Example(text: "abcdefgh", fast: 9145071594317031690, strong: 169341588495930289),
    Example(text: "0123456789abcdef", fast: 6105018409752412263, strong: 7587211638346344848),
    Example(text: "0123456789abcdefg", fast: 2800675501336285771, strong: 1363201962852602089),
    Example(text: "the quick brown fox jumps over t", fast: 8819998799441320144, strong: 1745207834909481754),
    Example(
      text: "the quick brown fox jumps over the lazy dog", fast: 3200379034145657812,
      strong: 8564043634066726534),
    Example(text: String(repeating: "x", count: 63), fast: 3985643400710983581, strong: 5779637922299301050),
    Example(text: String(repeating: "y", count: 64), fast: 4471793200125962424, strong: 1543086266752996099),
    Example(
      text: String(repeating: "abc", count: 22), fast: 7881508957224893050, strong: 8730087138045994986),
    Example(text: String(repeating: "ab", count: 64), fast: 8619453507633483991, strong: 4482240245271567567),
    Example(
      text: String(repeating: "hello world ", count: 20), fast: 3290319849638752060,
      strong: 5156863835326423080),
  ]

  @Test(arguments: examples) func `both hashes are TensorFlow's`(example: Example) throws {
    let x = try Tensor([example.text], sizes: [1])
    let fast = try hash(HashAttributes(binCount: .max), x)
    #expect(try fast.elements(as: Int64.self) == [example.fast])
    let strong = try hash(HashAttributes(binCount: .max, key: [123456789, 987654321]), x)
    #expect(try strong.elements(as: Int64.self) == [example.strong])
  }

  @Test func `integers are hashed as their decimal text`() throws {
    let buckets = try hash(HashAttributes(binCount: .max), Tensor([Int64(-17), 42], sizes: [2]))
    #expect(try buckets.elements(as: Int64.self) == [1485334449061584845, 623910487284905736])
  }
}
