/// Attributes of ``Op/recurrent(_:)``.
///
/// Operands in order: `x [N, T, C]`, `kernel [C, G * F]`, `recurrentKernel [F, G * F]`, then those that are present:
/// `bias`, `mask: bool [N, T]`, the initial states (`h [N, F]`; LSTM also `c [N, F]`).
/// Results: `sequence [N, T, F]`, `last [N, F]`, then the final states (`h`; LSTM also `c`), each `[N, F]`.
///
/// | cell | G, gate order | bias | step |
/// |---|---|---|---|
/// | lstm | 4: i f c o | `[4F]` | `c' = f * c + i * act(g); h' = o * act(c')` |
/// | gru | 3: z r h | `[3F]`; resetAfter: `[2, 3F]`, input row then recurrent row | `h' = z * h + (1 - z) * hh`; resetAfter: `hh = act(xW + b0 + r * (hU + b1))`, else `hh = act(xW + b + (r * h)U)` |
/// | simple | 1 | `[F]` | `h' = act(xW + b + hU)` |
///
/// At a masked step (mask false) the states stay and the output repeats the previous output (zeros before the first
/// kept step); with `zeroOutputForMask` the output of a masked step is zero. `last` is the output of the step
/// processed last. With `reverse` time is walked from the end, over the mask too; `sequence` is in time order
/// all the same (ONNX's convention), so Keras's `go_backwards` is this followed by a reversal.
public struct RecurrentAttributes: Hashable, Sendable {
  /// The kinds of cell; a GRU resets its state before or after the recurrent product.
  public enum Cell: Hashable, Sendable {
    /// Named as in the table.
    case lstm, gru(resetAfter: Bool), simple
  }
  /// Functions allowed inside a cell; cells with others are loops, ``Op/scan(_:)``. More may come: switch over it with a
  /// `default`.
  public enum Activation: Hashable, Sendable {
    /// As the functions of these names in ``UnaryFunction``; linear leaves numbers as they are.
    case linear, tanh, sigmoid, relu, softplus, softsign
    /// As ``UnaryFunction/hardSigmoid(alpha:beta:)``.
    case hardSigmoid(alpha: Double, beta: Double)
    /// As the functions of these names in ``UnaryFunction``.
    case elu(alpha: Double), leakyRelu(slope: Double)
  }
  /// The kind of cell.
  public var cell: Cell
  /// F.
  public var units: Int
  /// The function of the new state.
  public var activation: Activation
  /// The gates' function; ignored by the simple cell.
  public var recurrentActivation: Activation
  /// Whether there is a bias among the operands.
  public var hasBias: Bool
  /// Whether there is a mask among the operands.
  public var hasMask: Bool
  /// Whether the initial states are among the operands; zeros otherwise.
  public var hasInitialState: Bool
  /// Whether time is walked from the end.
  public var reverse: Bool
  /// Whether the output of a masked step is zero.
  public var zeroOutputForMask: Bool
  /// All attributes; those that are left out have Keras's defaults.
  public init(
    cell: Cell, units: Int, activation: Activation = .tanh, recurrentActivation: Activation = .sigmoid,
    hasBias: Bool = true, hasMask: Bool = false, hasInitialState: Bool = false, reverse: Bool = false,
    zeroOutputForMask: Bool = false
  ) {
    self.cell = cell
    self.units = units
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.hasBias = hasBias
    self.hasMask = hasMask
    self.hasInitialState = hasInitialState
    self.reverse = reverse
    self.zeroOutputForMask = zeroOutputForMask
  }
  /// G: 4, 3 or 1.
  package var gateCount: Int {
    switch cell {
    case .lstm: 4
    case .gru: 3
    case .simple: 1
    }
  }
  /// The number of states: 2 for an LSTM, else 1.
  package var stateCount: Int { cell == .lstm ? 2 : 1 }
}

/// Attributes of ``Op/sequenceRecurrent(_:)``: D directions of one kind of cell, walked side by side.
///
/// Operands in order: `x [T, N, C]`, `kernel [D, G * F, C]`, `recurrentKernel [D, G * F, F]`, then those that are present:
/// `bias [D, 2 * G * F]` (of the input, then of the state), `lengths: int32 [N]`, the initial states (`h [D, N, F]`; LSTM
/// also `c`). Gates are in ONNX's order: LSTM i o f c, GRU z r h. Results: `sequence [T, D, N, F]`, then the final
/// states, each `[D, N, F]`. From a row's length on its states stay and its sequence is zero; a reverse direction starts
/// at the row's last step.
public struct SequenceRecurrentAttributes: Hashable, Sendable {
  /// The directions, forward first; their cells and units are equal, their flags for operands are not looked at.
  public package(set) var directions: [RecurrentAttributes]
  /// Which operands there are besides the input and the kernels.
  public var hasBias, hasLengths, hasInitialState: Bool

  /// One direction, or two side by side.
  public init(
    _ forward: RecurrentAttributes, _ backward: RecurrentAttributes? = nil, hasBias: Bool,
    hasLengths: Bool = false, hasInitialState: Bool = false
  ) {
    let directions = [forward] + (backward.map { [$0] } ?? [])  // One alone is a list of one.
    self.init(
      directions: directions, hasBias: hasBias, hasLengths: hasLengths, hasInitialState: hasInitialState)
  }

  /// - Parameter directions: at least one.
  package init(directions: [RecurrentAttributes], hasBias: Bool, hasLengths: Bool, hasInitialState: Bool) {
    self.directions = directions
    self.hasBias = hasBias
    self.hasLengths = hasLengths
    self.hasInitialState = hasInitialState
  }
}

/// A graph used inside an operation; two are equal when they are the same object.
package final class Subgraph: Hashable, Sendable {
  /// The graph.
  package let graph: Graph
  /// A graph as part of an operation.
  package init(_ graph: Graph) { self.graph = graph }
  /// Whether they are the same object.
  package static func == (a: Subgraph, b: Subgraph) -> Bool { a === b }
  /// Hashes the object's identity.
  package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Attributes of ``Op/scan(_:)``, which a recurrent layer makes of its cell: the step is what a `CellLayer` of
/// `KerasImport` emits.
///
/// Operands: `stateCount` initial states, then sequences `[N, T, ...]`. The body maps states and one step of each
/// sequence (`[N, ...]`, axis 1 removed) to the new states and any number of per-step results.
/// Results: the final states, then each per-step result stacked along axis 1. With `reverse`, time is walked from the
/// end and results are stacked at the time they belong to.
public struct ScanAttributes: Hashable, Sendable {
  /// One step.
  package var body: Subgraph
  /// The number of states.
  public package(set) var stateCount: Int
  /// Whether time is walked from the end.
  public package(set) var reverse: Bool
  /// All attributes.
  package init(body: Subgraph, stateCount: Int, reverse: Bool) {
    self.body = body
    self.stateCount = stateCount
    self.reverse = reverse
  }
}
