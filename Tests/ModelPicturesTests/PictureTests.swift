import Foundation
import Testing

@testable import ModelPictures

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What is drawn, and that it is well formed whatever the file says.
@Suite struct PictureTests {
  /// The texts and the names of the elements of a document; nil when it is not well formed.
  private final class Elements: NSObject, XMLParserDelegate {
    var names: [String] = []
    var text = ""

    static func of(_ document: String) -> Elements? {
      let parser = XMLParser(data: Data(document.utf8))
      let elements = Elements()
      parser.delegate = elements
      return parser.parse() ? elements : nil
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) { names.append(attributes["class"].map { "\(name).\($0)" } ?? name) }
    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
  }

  private func picture(_ name: String, expandsNested: Bool = false) throws -> ModelPicture {
    ModelPicture(
      try ModelDescription(PictureModel.fixture(name)), expandsNested: expandsNested, layouter: .own)
  }

  @Test func `a box says name, class, activation, type, shapes and parameters`() throws {
    let elements = try #require(Elements.of(picture("seed/cnn").svg))
    for text in ["conv2d", "Conv2D", "(None, 28, 28, 1) → (None, 26, 26, 32)", "relu · float32 · 320 params"]
    {
      #expect(elements.text.contains(text))
    }
    #expect(elements.names.count { $0 == "rect.box" } == 6)
    #expect(elements.names.count { $0 == "path.edge" } == 5)
  }

  @Test func `nested models are boxes, or frames when opened up`() throws {
    let closed = try #require(Elements.of(picture("graph/nested_reused").svg))
    #expect(closed.text.contains("Functional") && !closed.text.contains("tower_in"))
    let open = try #require(Elements.of(picture("graph/nested_reused", expandsNested: true).svg))
    #expect(open.names.contains("rect.frame") && open.text.contains("tower_in"))
  }

  @Test func `wrappers show what they wrap`() throws {
    #expect(try picture("rnn/bidir_lstm").svg.contains("Bidirectional(LSTM)"))
  }

  @Test func `layers that are not known are drawn with what the file says`() throws {
    let model = try PictureModel.json([
      ("x", "InputLayer", []), ("mystery", "QuantumDense", ["x"]), ("after", "ReLU", ["mystery"]),
    ])
    let description = try ModelDescription(model)
    #expect(description.layers.layers.map(\.isSupported) == [true, false, true])
    #expect(description.notes.contains { $0.contains("QuantumDense") })
    let elements = try #require(Elements.of(ModelPicture(description, layouter: .own).svg))
    #expect(elements.names.contains("g.layer unknown") && elements.text.contains("? params · not supported"))
    #expect(elements.names.count { $0 == "path.edge" } == 2)
  }

  static let hostile = [
    "<script>alert(1)</script>", "\"];}digraph{a->b", "a\\", "\u{1B}[31mred", "]]>&amp;{|}", "line\nbreak",
    "\u{202E}txt", "名前",
  ]

  @Test(arguments: hostile) func `names from the file are text and nothing else`(_ name: String) throws {
    let model = try PictureModel.json([
      ("x", "InputLayer", []), (name, "Dense", ["x"]), ("end", "ReLU", [name]),
    ])
    let picture = ModelPicture(try ModelDescription(model), layouter: .own)
    let elements = try #require(Elements.of(picture.svg))
    #expect(!elements.names.contains("script"))
    #expect(elements.names.count { $0 == "rect.box" } == 3)
    #expect(!picture.svg.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    // Outside of quotes there is only what was written here.
    let bare = PictureTests.unquoted(picture.dot)
    #expect(bare.contains("n0 -> n1;") && bare.contains("n1 -> n2;") && !bare.contains("digraph{"))
    #expect(bare.allSatisfy { $0.isASCII })
  }

  /// A text in Graphviz's language without its quoted strings.
  private static func unquoted(_ text: String) -> String {
    var result = ""
    var (isQuoted, isEscaped) = (false, false)
    for character in text {
      if isEscaped { isEscaped = false; continue }
      switch character {
      case "\\" where isQuoted: isEscaped = true
      case "\"": isQuoted.toggle()
      default: if !isQuoted { result.append(character) }
      }
    }
    return isQuoted ? "" : result
  }

  @Test func `a program that does not end is ended`() {
    #expect(ChildProcess.output(of: ["sleep", "30"], input: [], seconds: 0.1) == nil)
    #expect(ChildProcess.output(of: ["no-such-program"], input: [], seconds: 1) == nil)
    #expect(ChildProcess.output(of: ["cat"], input: [1, 2, 3], seconds: 10) == [1, 2, 3])
  }
}
