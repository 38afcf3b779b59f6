import Foundation
import KerasImport
import ModelIR
import NativeFormat
import Testing

@testable import ModelPictures

/// What descriptions say: shapes, parameters, cost.
@Suite struct DescriptionTests {
  /// Counted by hand; the products agree with TensorFlow's profiler, see `Documentation/Cost.md`.
  @Test func `operations of a small network`() throws {
    let description = try ModelDescription(PictureModel.fixture("seed/cnn"))
    let costs = description.layers.layers.map(\.cost.operations)
    let first = 26 * 26 * 32 * (2 * 9 + 2)  // Products, bias, relu.
    let second = 11 * 11 * 64 * (2 * 9 * 32 + 2)
    let dense = 10 * (2 * 1600 + 1 + 5)  // Softmax.
    #expect(costs == [first, 13 * 13 * 32 * 4, second, 5 * 5 * 64 * 4, 0, dense])
    #expect(description.layers.layers[0].cost.outputByteCount == 26 * 26 * 32 * 4)
    #expect(description.cost.operations == costs.compactMap { $0 }.reduce(0, +))
  }

  /// Three axes of 2^30: the product is beyond any integer.
  @Test func `a window larger than any number costs what is not known`() throws {
    let path = PictureModel.fixtures.appending(path: "hostile/kind-pool-window-product.keras").path
    let model = try PictureModel.open(path)
    #expect(try ModelDescription(model).cost.operations == nil)
  }

  @Test func `an open size leaves the cost open`() throws {
    let description = try ModelDescription(PictureModel.fixture("graph/none_dims"))
    #expect(description.cost.operations == nil)
  }

  @Test func `parameters of a nested model are those of its layers`() throws {
    let description = try ModelDescription(PictureModel.fixture("graph/nested_reused"))
    let tower = try #require(description.layers.layers.first { $0.className == "Functional" })
    let inner = tower.nested.layers.compactMap { $0.parameters?.total }.reduce(0, +)
    #expect(tower.parameters?.total == inner && inner == description.parameters.total)
    #expect(tower.parameters?.nonTrainable == 8)
  }

  @Test(arguments: PictureModel.graphs) func `totals are those of the summary`(_ name: String) throws {
    let model = try PictureModel.fixture(name)
    let description = try ModelDescription(model)
    let text = try ModelSummary(model).text(width: nil)
    #expect(text.contains(" Trainable params: \(NumberText.grouped(description.parameters.trainable)) "))
    #expect(
      text.contains(" Non-trainable params: \(NumberText.grouped(description.parameters.nonTrainable)) "))
  }

  @Test func `JSON has the layers and what they take`() throws {
    let model = try PictureModel.fixture("graph/residual")
    let json = try JSONValue(parsing: ModelDescription(model).json(model.report))
    let layers = try #require(json["layers"]?.array)
    let add = try #require(layers.first { $0["className"]?.string == "Add" })
    let inputs = add["inputs"]?.array?.compactMap(\.string).sorted()
    #expect(inputs == ["batch_normalization[0][0]", "conv2d[0][0]"])
    #expect(json["schemaVersion"]?.int == 1)
  }

  @Test(arguments: PictureModel.graphs) func `JSON is the model's report, and more`(_ name: String) throws {
    let model = try PictureModel.fixture(name)
    let text = try ModelDescription(model).json(model.report)
    #expect(try JSONDecoder().decode(ModelReport.self, from: Data(text.utf8)) == model.report)
  }
}

/// Statistics against numbers worked out by hand.
@Suite struct TensorStatisticsTests {
  @Test func `numbers that are not finite are counted apart`() throws {
    let found = try TensorStatistics(
      Tensor([1, 3, 0, 0, .nan, .infinity, -.infinity] as [Float], sizes: [7]))
    #expect(found.minimum == 0 && found.maximum == 3 && found.mean == 1)
    #expect(found.deviation == (6.0 / 4).squareRoot())
    #expect(found.zeroCount == 2 && found.nonFiniteCount == 3)
    #expect(found.histogram.reduce(0, +) == 4 && found.histogram.first == 2 && found.histogram.last == 1)
  }

  @Test func `extremes, one number, none, and integers`() throws {
    let wide = try TensorStatistics(
      Tensor([Float.greatestFiniteMagnitude, -Float.greatestFiniteMagnitude], sizes: [2]))
    #expect(wide.histogram.first == 1 && wide.histogram.last == 1)
    let huge = try TensorStatistics(
      Tensor([Double.greatestFiniteMagnitude, -Double.greatestFiniteMagnitude], sizes: [2]))
    #expect(huge.histogram.first == 1 && huge.histogram.last == 1)
    #expect(try TensorStatistics(Tensor([Float(5)], sizes: [1])).histogram.first == 1)
    #expect(try TensorStatistics(Tensor([Float.nan], sizes: [1])).mean == nil)
    #expect(try TensorStatistics(Tensor([] as [Float], sizes: [0])).minimum == nil)
    #expect(try TensorStatistics(Tensor([-3, 5] as [Int8], sizes: [2])).mean == 1)
  }

  @Test func `numbers are shown in four digits`() {
    let texts = [0.0, 1, -0.5, 0.012345, 12345.678, 123456, -1.2345e-7].map(NumberText.real)
    #expect(texts == ["0", "1.000", "-0.5000", "0.01235", "12346", "1.235e+05", "-1.235e-07"])
    #expect(
      [7, 999, 1000, 12345, 4_968_764].map(NumberText.scaled) == ["7", "999", "1 k", "12.3 k", "4.97 M"])
  }
}

/// Pages: what they hold, and that names from files are text.
@Suite struct PageTests {
  private func page(_ model: KerasModel) throws -> ModelPage {
    let description = try ModelDescription(model)
    return try ModelPage(model, description, picture: ModelPicture(description, layouter: .own))
  }

  @Test func `a page has the graph, the layers and the weights`() throws {
    let html = try page(PictureModel.fixture("seed/cnn")).html
    #expect(html.components(separatedBy: "class=\"histogram\"").count == 7)
    #expect(html.contains("<section class=\"table\" id=\"layers\"") && html.contains("conv2d/kernel"))
    #expect(html.contains("aria-sort=\"none\"") && html.contains("prefers-color-scheme: dark"))
    #expect(!html.contains("http://") && !html.contains("https://"))
  }

  @Test(arguments: PictureTests.hostile) func `names do nothing`(_ name: String) throws {
    let html = try page(PictureModel.json([("x", "InputLayer", []), (name, "Dense", ["x"])])).html
    #expect(html.components(separatedBy: "<script").count == 2)
    #expect(!html.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
  }

  @Test func `what is amiss is found`() throws {
    let model = try PictureModel.json([("x", "InputLayer", []), ("q", "QuantumDense", ["x"])])
    let page = try page(model)
    #expect(page.findings.contains { $0.contains("QuantumDense") })
    #expect(page.html.contains("class=\"findings\""))
  }
}
