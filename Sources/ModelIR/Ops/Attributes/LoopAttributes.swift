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
  /// The kinds of cell.
  package enum Cell: Hashable, Sendable { case lstm, gru(resetAfter: Bool), simple }
  /// Functions allowed inside a cell; cells with others are loops, ``Op/scan(_:)``.
  package enum Activation: Hashable, Sendable {
    case linear, tanh, sigmoid, relu, softplus, softsign
    case hardSigmoid(alpha: Double, beta: Double)
    case elu(alpha: Double), leakyRelu(slope: Double)
  }
  /// The kind of cell.
  package var cell: Cell
  /// F.
  package var units: Int
  /// The function of the new state.
  package var activation: Activation
  /// The gates' function; ignored by the simple cell.
  package var recurrentActivation: Activation
  /// Whether there is a bias among the operands.
  package var hasBias: Bool
  /// Whether there is a mask among the operands.
  package var hasMask: Bool
  /// Whether the initial states are among the operands; zeros otherwise.
  package var hasInitialState: Bool
  /// Whether time is walked from the end.
  package var reverse: Bool
  /// Whether the output of a masked step is zero.
  package var zeroOutputForMask: Bool
  /// All attributes.
  package init(
    cell: Cell, units: Int, activation: Activation, recurrentActivation: Activation, hasBias: Bool,
    hasMask: Bool, hasInitialState: Bool, reverse: Bool, zeroOutputForMask: Bool
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
  package var directions: [RecurrentAttributes]
  package var hasBias, hasLengths, hasInitialState: Bool
  package init(directions: [RecurrentAttributes], hasBias: Bool, hasLengths: Bool, hasInitialState: Bool) {
    self.directions = directions
    self.hasBias = hasBias
    self.hasLengths = hasLengths
    self.hasInitialState = hasInitialState
  }
}

/// A graph used inside an operation; two are equal when they are the same object.
public final class Subgraph: Hashable, Sendable {
  /// The graph.
  package let graph: Graph
  /// A graph as part of an operation.
  package init(_ graph: Graph) { self.graph = graph }
  /// Whether they are the same object.
  public static func == (a: Subgraph, b: Subgraph) -> Bool { a === b }
  /// Hashes the object's identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Attributes of ``Op/scan(_:)``.
///
/// Operands: `stateCount` initial states, then sequences `[N, T, ...]`. The body maps states and one step of each
/// sequence (`[N, ...]`, axis 1 removed) to the new states and any number of per-step results.
/// Results: the final states, then each per-step result stacked along axis 1. With `reverse`, time is walked from the
/// end and results are stacked at the time they belong to.
public struct ScanAttributes: Hashable, Sendable {
  /// One step.
  package var body: Subgraph
  /// The number of states.
  package var stateCount: Int
  /// Whether time is walked from the end.
  package var reverse: Bool
  /// All attributes.
  package init(body: Subgraph, stateCount: Int, reverse: Bool) {
    self.body = body
    self.stateCount = stateCount
    self.reverse = reverse
  }
}
