import Testing

@testable import NativeFormat

@Suite struct JSONTests {
  @Test func `keys keep their order`() throws {
    let value = try JSONValue(parsing: #"{"b": 2, "a": {"z": [], "y": {}}}"#)
    #expect(value.object?.keys == ["b", "a"])
    #expect(value["b"]?.int == 2)
    #expect(value["a"]?.object?.keys == ["z", "y"])
    #expect(value.text() == #"{"b":2,"a":{"z":[],"y":{}}}"#)
  }

  @Test func `objects with many keys find and remove members`() throws {
    var object = JSONObject()
    for index in 0..<100 { object["key\(index)"] = .integer(index) }
    object.removeValue(forKey: "key7")
    object["key50"] = "changed"
    #expect(object.count == 99)
    #expect(object["key7"] == nil)
    #expect(object["key50"] == "changed")
    #expect(object["key99"]?.int == 99)
    #expect(object.keys[7] == "key8")
  }

  /// The right-hand sides are what Python's `json.dumps(json.loads(text))` gives.
  @Test(arguments: [
    ("1", "1"), ("1.0", "1.0"), ("-0.0", "-0.0"), ("1e5", "100000.0"), ("1E-5", "1e-05"), ("1e16", "1e+16"),
    ("0.1", "0.1"), ("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"),
    ("9223372036854775807", "9223372036854775807"), ("9223372036854775808", "9.223372036854776e+18"),
    ("1e400", "Infinity"), ("0.001", "0.001"), ("[1, [2.50]]", "[1,[2.5]]"),
    (#""\u00e9\ud83d\ude00\/\n\u001f""#, "\"é😀/\\n\\u001f\""), (" \n\t\r true ", "true"),
  ])
  func `numbers and strings are read and written as Python does`(text: String, expected: String) throws {
    #expect(try JSONValue(parsing: text).text() == expected)
  }

  @Test func `integers may be written with a fraction of zero`() throws {
    #expect(try JSONValue(parsing: "2.0").int == 2)
    #expect(try JSONValue(parsing: "2.5").int == nil)
    #expect(try JSONValue(parsing: "3").double == 3)
    #expect(try JSONValue(parsing: "1e300").int == nil)
  }

  @Test(arguments: [
    ("", 0, "the text ends where a value is expected"),
    ("[1 2]", 3, #"expected "," or "]""#),
    ("{\"a\" 1}", 5, #"expected ":""#),
    ("{a: 1}", 1, "expected a key in double quotes"),
    ("[1,]", 3, "expected a value"),
    ("01", 0, "a number starts with 0"),
    ("1.", 2, "the text ends where a digit is expected"),
    ("1 x", 2, "text after the value"),
    ("tru", 0, "expected true"),
    ("\"a", 2, "the text ends inside a string"),
    ("\"a\nb\"", 2, "control character in a string"),
    (#""\ud800""#, 7, "half of a surrogate pair"),
    (#""\x""#, 2, "expected an escape"),
  ])
  func `what is not JSON is refused at its byte`(text: String, offset: Int, reason: String) {
    #expect(throws: JSONSyntaxError(reason: reason, offset: offset)) { try JSONValue(parsing: text) }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0xC3, 0x22]) }
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0x5C, 0x6E, 0xFF, 0x22]) }
  }

  @Test func `512 levels are read and 513 refused`() throws {
    let deep = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
    _ = try JSONValue(parsing: deep)
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: "[" + deep + "]") }
  }

  @Test func `long texts that differ in a letter are told apart in a long document`() throws {
    // Equal at both ends, where known texts are looked up.
    let texts = (0..<400).map { index in
      "beginning-\(index % 20 < 10 ? "a" : "b")\(index % 10)-\(String(repeating: "x", count: index % 3))-the-same-end"
    }
    let document = JSONValue.array(texts.map { .object(JSONObject([($0, .string($0))])) }).text()
    let found = try JSONValue(parsing: document).array?.map { $0.object?.first }
    #expect(found?.map { $0?.key } == texts.map(Optional.init))
    #expect(found?.map { $0?.value.string } == texts.map(Optional.init))
  }

  @Test func `a key that comes twice is refused`() {
    #expect(throws: JSONSyntaxError(reason: #"key "a" comes twice"#, offset: 9)) {
      try JSONValue(parsing: #"{"a": 1, "a": 1}"#)
    }
  }

  @Test func `pretty text has one member per line`() {
    let value: JSONValue = ["a": [1, 2.0], "b": []]
    #expect(value.text(.pretty) == "{\n  \"a\": [\n    1,\n    2.0\n  ],\n  \"b\": []\n}")
  }

  @Test func `objects are equal whatever the order of their members`() {
    let a: JSONValue = ["x": 1, "y": nil]
    let b: JSONValue = ["y": nil, "x": 1]
    #expect(a == b)
    #expect(a.hashValue == b.hashValue)
  }
}
