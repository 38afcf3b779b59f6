import Testing

@testable import KerasImport

/// The order of the arrays of a group against their names.
@Suite struct LegacyRolesTests {
  func ordered(_ names: [String], _ places: [LegacyRoles.Place]) throws -> [String] {
    try LegacyRoles.ordered(names.map { ($0, $0) }, for: places)
  }

  @Test func `names that agree leave the order alone`() throws {
    let names = [
      "d/kernel:0", "d/bias:0", "bn/gamma:0", "bn/beta:0", "bn/moving_mean:0", "bn/moving_variance:0",
    ]
    let places: [LegacyRoles.Place] = [
      ("d", "kernel"), ("d", "bias"), ("bn", "gamma"), ("bn", "beta"), ("bn", "moving_mean"),
      ("bn", "moving_variance"),
    ]
    #expect(try ordered(names, places) == names)
  }

  @Test func `a frozen layer's arrays are found by layer and role`() throws {
    // The file has the thawed layer first; the configuration says that none is frozen.
    let names = ["d2/kernel:0", "d2/bias:0", "d1/kernel:0", "d1/bias:0"]
    let places: [LegacyRoles.Place] = [("d1", "kernel"), ("d1", "bias"), ("d2", "kernel"), ("d2", "bias")]
    #expect(try ordered(names, places) == ["d1/kernel:0", "d1/bias:0", "d2/kernel:0", "d2/bias:0"])
  }

  @Test func `Keras 1's names count too`() throws {
    let names = ["bn_running_mean", "bn_running_std", "bn_gamma", "bn_beta"]
    let places: [LegacyRoles.Place] = [
      ("bn", "gamma"), ("bn", "beta"), ("bn", "moving_mean"), ("bn", "moving_variance"),
    ]
    #expect(try ordered(names, places) == ["bn_gamma", "bn_beta", "bn_running_mean", "bn_running_std"])
  }

  @Test func `names after wrappers, and names that say nothing, contradict nothing`() throws {
    let wrapped = ["spectral/kernel:0", "spectral/bias:0", "spectral/vector_u:0"]
    let inner: [LegacyRoles.Place] = [("dense", "kernel"), ("dense", "bias"), ("spectral", "vector_u")]
    #expect(try ordered(wrapped, inner) == wrapped)
    #expect(
      try ordered(["Variable:0", "Variable_1:0"], [("a", "kernel"), ("a", "bias")]) == [
        "Variable:0", "Variable_1:0",
      ])
  }

  @Test func `names that contradict the order and give no other are refused`() {
    do {
      _ = try ordered(["x/gamma:0", "x/gamma_1:0"], [("a", "beta"), ("a", "gamma")])
      Issue.record("no error")
    } catch {
      #expect(
        "\(error)"
          == "expected weights in the order beta, gamma, found x/gamma:0, x/gamma_1:0; are they those of this model?"
      )
    }
  }
}
