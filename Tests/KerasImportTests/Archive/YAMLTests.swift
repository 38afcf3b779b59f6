import ModelFiles
import ModelIR
import NativeFormat
import Testing

@testable import KerasImport

/// Architectures in YAML, as PyYAML wrote them for Keras.
@Suite struct YAMLTests {
  func json(_ text: String) throws -> JSONValue {
    let bytes = Array(text.utf8)
    let storage = try MemoryStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
    return try storage.withBytes { try YAMLDocument.json(HeldBytes($0, owner: storage)) }
  }

  @Test(arguments: [
    ("a: 1", #"{"a":1}"#),
    ("a: [1, -2.5, 1.0e-06, .inf, .NaN]", #"{"a":[1,-2.5,1e-06,Infinity,NaN]}"#),
    ("a: [true, no, null, ~, '1', \"true\"]", #"{"a":[true,false,null,null,"1","true"]}"#),
    ("a: !!python/tuple [null, 5]", #"{"a":[null,5]}"#),
    ("a: !!python/unicode 'relu'", #"{"a":"relu"}"#),
    ("a: &id001 !!python/tuple\n- 2\n- 3\nb: *id001", #"{"a":[2,3],"b":[2,3]}"#),
    (
      """
      a: !!python/object/apply:numpy.core.multiarray.scalar
      - !!python/object/apply:numpy.dtype
        args: [i8, 0, 1]
      - !!binary |
        MAAAAAAAAAA=
      """, #"{"a":48}"#
    ),
    (
      """
      a: !!python/object/apply:numpy.core.multiarray.scalar
      - !!python/object/apply:numpy.dtype
        args: [f4, 0, 1]
      - !!binary |
        AACAPg==
      """, #"{"a":0.25}"#
    ),
    (
      "a: !!python/object/apply:os.system ['rm']",
      #"{"a":{"class_name":"__python__","config":{"tag":"tag:yaml.org,2002:python/object/apply:os.system","value":["rm"]}}}"#
    ),
  ])
  func `values are what Python's reader makes of them, objects stay data`(text: String, expected: String)
    throws
  {
    #expect(try json(text).text() == expected)
  }

  @Test func `aliases that multiply are refused`() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(alias)]\n"
    }
    #expect(throws: KerasImportError.self) { try json(text) }
    do { _ = try json(text) } catch { #expect("\(error)" == "the YAML holds more than 1000000 values") }
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3", "the YAML has the key \"a\" twice in one mapping"),
    ("a: [1, 2", "YAML line 2: did not find expected ',' or ']'"),
    ("a: *nowhere", "unknown YAML alias \"nowhere\""),
    ("", "the YAML document is empty"),
    (
      String(repeating: "[", count: 300) + String(repeating: "]", count: 300), "the YAML is nested too deeply"
    ),
  ])
  func `what is not YAML is refused`(text: String, message: String) {
    do {
      _ = try json(text)
      Issue.record("no error")
    } catch { #expect("\(error)".hasPrefix(message)) }
  }
}
