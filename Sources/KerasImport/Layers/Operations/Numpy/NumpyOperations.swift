import ModelIR

/// The operations of `keras/src/ops/numpy.py`, one line each.
extension LayerRegistry {
  mutating func addNumpyOperations() {
    addNumpyFunctions()
    addNumpyPairs()
    addNumpyReductions()
    addNumpyOrder()
    addNumpyMovement()
    addNumpyProducts()
  }

  private mutating func addNumpyFunctions() {
    let functions: [(String, UnaryFunction)] = [
      ("Exp", .exp), ("Log", .log), ("Sqrt", .sqrt), ("Expm1", .expm1), ("Log1p", .log1p), ("Sin", .sin),
      ("Cos", .cos), ("Tan", .tan), ("Arcsin", .asin), ("Arccos", .acos), ("Arctan", .atan), ("Sinh", .sinh),
      ("Cosh", .cosh), ("Tanh", .tanh), ("Arcsinh", .asinh), ("Arccosh", .acosh), ("Arctanh", .atanh),
      ("Ceil", .ceil), ("Floor", .floor), ("Reciprocal", .reciprocal),
    ]
    for (name, function) in functions { add(name, as: OperationCall.floatingFunction, function) }
    add("Negative", as: OperationCall.numericFunction, .negate)
    add("Sign", as: OperationCall.numericFunction, .sign)
    add("Square", as: OperationCall.numericFunction, .square)
    add("Absolute", "Abs", as: OperationCall.absolute)
    add("Fabs", as: OperationCall.fabs)
    add("BitwiseInvert", "BitwiseNot", as: OperationCall.bitwiseInvert)
    add("Copy", "Array", as: OperationCall.copy)
    add("Conjugate", "Conj", as: OperationCall.conjugate)
    add("Real", as: OperationCall.realPart)
    add("Imag", as: OperationCall.imaginaryPart)
    add("Angle", as: OperationCall.angle)
    add("Isreal", as: OperationCall.isReal)
    add("Cbrt", as: OperationCall.cubeRoot)
    add("Exp2", as: OperationCall.exp2)
    add("Log2", as: OperationCall.logarithm, 1.4426950408889634)
    add("Log10", as: OperationCall.logarithm, 0.4342944819032518)
    add("Deg2rad", as: OperationCall.scaled, 0.017453292519943295)
    add("Rad2deg", as: OperationCall.scaled, 57.29577951308232)
    add("Trunc", as: OperationCall.trunc)
    add("Round", as: OperationCall.round)
    add("Clip", as: OperationCall.clip)
    add("Isnan", as: OperationCall.isNaN)
    add("Isinf", as: OperationCall.isInfinite)
    add("Isfinite", as: OperationCall.isFinite)
    add("Isposinf", as: OperationCall.isInfinity, .infinity)
    add("Isneginf", as: OperationCall.isInfinity, -.infinity)
    add("NanToNum", as: OperationCall.nanToNum)
    add("Signbit", as: OperationCall.signBit)
    add("Sinc", as: OperationCall.sinc)
    add("I0", as: OperationCall.bessel)
    add("LogicalNot", as: OperationCall.logicalNot)
    add("View", as: OperationCall.view)
  }

  private mutating func addNumpyPairs() {
    let arithmetic: [(String, BinaryFunction)] = [
      ("Add", .add), ("Subtract", .subtract), ("Multiply", .multiply), ("Power", .power),
      ("Maximum", .maximum),
      ("Minimum", .minimum), ("FloorDivide", .floorDivide),
    ]
    for (name, function) in arithmetic { add(name, as: OperationCall.arithmetic, function) }
    add("Mod", as: OperationCall.remainder, .modulo)
    add("Fmod", as: OperationCall.remainder, .remainder)
    add("Fmax", as: OperationCall.maximumOfNumbers, .maximum)
    add("Fmin", as: OperationCall.maximumOfNumbers, .minimum)
    add("Divide", "TrueDivide", as: OperationCall.trueDivide)
    add("DivideNoNan", as: OperationCall.divideNoNaN)
    add("Arctan2", as: OperationCall.arctan2)
    add("Hypot", as: OperationCall.hypot)
    add("Heaviside", as: OperationCall.heaviside)
    add("Ldexp", as: OperationCall.ldexp)
    add("Logaddexp", as: OperationCall.logAddExp, 1)
    add("Logaddexp2", as: OperationCall.logAddExp, 0.6931471805599453)
    add("Nextafter", as: OperationCall.nextAfter)
    add("Gcd", as: OperationCall.greatestCommonDivisor)
    add("Lcm", as: OperationCall.leastCommonMultiple)
    add("BitwiseAnd", as: OperationCall.bitwise, .bitwiseAnd)
    add("BitwiseOr", as: OperationCall.bitwise, .bitwiseOr)
    add("BitwiseXor", as: OperationCall.bitwise, .bitwiseXor)
    add("BitwiseLeftShift", "LeftShift", as: OperationCall.bitwise, .shiftLeft)
    add("BitwiseRightShift", "RightShift", as: OperationCall.bitwise, .shiftRight)
    let comparisons: [(String, Comparison)] = [
      ("Equal", .equal), ("NotEqual", .notEqual), ("Less", .less), ("LessEqual", .lessOrEqual),
      ("Greater", .greater), ("GreaterEqual", .greaterOrEqual),
    ]
    for (name, comparison) in comparisons { add(name, as: OperationCall.comparison, comparison) }
    add("LogicalAnd", as: OperationCall.logical, .logicalAnd)
    add("LogicalOr", as: OperationCall.logical, .logicalOr)
    add("LogicalXor", as: OperationCall.logical, .logicalXor)
    add("Isclose", as: OperationCall.isClose)
    add("AllClose", as: OperationCall.allClose)
    add("Where", as: OperationCall.whereTrue)
    add("Select", as: OperationCall.select)
  }

  private mutating func addNumpyReductions() {
    add("Sum", as: OperationCall.total, .sum)
    add("Prod", as: OperationCall.total, .product)
    add("Max", "Amax", as: OperationCall.extremum, .maximum)
    add("Min", "Amin", as: OperationCall.extremum, .minimum)
    add("Mean", as: OperationCall.floatingReduction, .mean)
    add("Any", as: OperationCall.truth, .any)
    add("All", as: OperationCall.truth, .all)
    add("Var", as: OperationCall.variance)
    add("Std", as: OperationCall.deviation)
    add("Ptp", as: OperationCall.peakToPeak)
    add("CountNonzero", as: OperationCall.countNonzero)
    add("Average", as: OperationCall.average)
    add("Argmax", as: OperationCall.argReduction, .maximum)
    add("Argmin", as: OperationCall.argReduction, .minimum)
    add("Cumsum", as: OperationCall.cumulative, .sum)
    add("Cumprod", as: OperationCall.cumulative, .product)
    add("Diff", as: OperationCall.difference)
    add("Trapezoid", as: OperationCall.trapezoid)
    add("Nansum", as: OperationCall.totalOfNumbers, .sum)
    add("Nanprod", as: OperationCall.totalOfNumbers, .product)
    add("Nanmax", as: OperationCall.extremumOfNumbers, .maximum)
    add("Nanmin", as: OperationCall.extremumOfNumbers, .minimum)
    add("Nanmean", as: OperationCall.meanOfNumbers)
    add("Nanvar", as: OperationCall.varianceOfNumbers)
    add("Nanstd", as: OperationCall.deviationOfNumbers)
    add("Nanargmax", as: OperationCall.argReductionOfNumbers, .maximum)
    add("Nanargmin", as: OperationCall.argReductionOfNumbers, .minimum)
    add("Nancumsum", as: OperationCall.cumulativeOfNumbers, .sum)
    add("Nancumprod", as: OperationCall.cumulativeOfNumbers, .product)
  }

  private mutating func addNumpyOrder() {
    add("Sort", as: OperationCall.sort)
    add("Argsort", as: OperationCall.argsort)
    add("Argpartition", as: OperationCall.argpartition)
    add("SearchSorted", as: OperationCall.searchSorted)
    add("Digitize", as: OperationCall.digitize)
    add("IsIn", as: OperationCall.isIn)
    add("Bincount", as: OperationCall.bincount)
    add("Histogram", as: OperationCall.histogram)
    add("Median", as: OperationCall.median)
    add("Quantile", as: OperationCall.quantile)
    add("Percentile", as: OperationCall.percentile)
    add("Nanmedian", as: OperationCall.medianOfNumbers)
    add("Nanquantile", as: OperationCall.quantileOfNumbers)
    add("Nanpercentile", as: OperationCall.percentileOfNumbers)
    add("Nonzero", as: OperationCall.nonzero)
    add("UnravelIndex", as: OperationCall.unravelIndex)
    add("Unique", as: OperationCall.unique)
    add("GetItem", as: OperationCall.item)
    add("Take", as: OperationCall.take)
    add("TakeAlongAxis", as: OperationCall.takeAlongAxis)
  }

  private mutating func addNumpyMovement() {
    add("Reshape", as: OperationCall.reshape)
    add("Ravel", as: OperationCall.ravel)
    add("ExpandDims", as: OperationCall.expandDims)
    add("Squeeze", as: OperationCall.squeeze)
    add("BroadcastTo", as: OperationCall.broadcastTo)
    add("Transpose", as: OperationCall.transpose)
    add("Swapaxes", as: OperationCall.swapAxes)
    add("Moveaxis", as: OperationCall.moveAxis)
    add("Flip", as: OperationCall.flip)
    add("Fliplr", as: OperationCall.flipAxis, 1)
    add("Flipud", as: OperationCall.flipAxis, 0)
    add("Rot90", as: OperationCall.rotate90)
    add("Roll", as: OperationCall.roll)
    add("Tile", as: OperationCall.tile)
    add("Repeat", as: OperationCall.repeatElements)
    add("Pad", as: OperationCall.pad)
    add("Concatenate", as: OperationCall.concatenate)
    add("Stack", as: OperationCall.stack)
    add("Append", as: OperationCall.append)
    add("Hstack", as: OperationCall.horizontalStack)
    add("Vstack", as: OperationCall.verticalStack)
    add("Dstack", as: OperationCall.depthStack)
    add("Split", as: OperationCall.split)
    add("ArraySplit", as: OperationCall.arraySplit)
    add("Hsplit", as: OperationCall.horizontalSplit)
    add("Vsplit", as: OperationCall.splitAxis, 0)
    add("Dsplit", as: OperationCall.splitAxis, 2)
    add("Meshgrid", as: OperationCall.meshgrid)
  }

  private mutating func addNumpyProducts() {
    add("Matmul", as: OperationCall.matMul)
    add("Dot", as: OperationCall.dot)
    add("Tensordot", as: OperationCall.tensorDot)
    add("Vdot", as: OperationCall.vectorDot)
    add("Inner", as: OperationCall.inner)
    add("Outer", as: OperationCall.outer)
    add("Kron", as: OperationCall.kronecker)
    add("Cross", as: OperationCall.cross)
    add("Einsum", as: OperationCall.einsum)
    add("Corrcoef", as: OperationCall.correlationCoefficients)
    add("Correlate", as: OperationCall.correlate)
    add("Slogdet", as: OperationCall.signAndLogDeterminant)
    add("Diag", as: OperationCall.diag)
    add("Diagflat", as: OperationCall.diagFlat)
    add("Diagonal", as: OperationCall.diagonal)
    add("Trace", as: OperationCall.trace)
    add("Tril", as: OperationCall.triangle, false)
    add("Triu", as: OperationCall.triangle, true)
    add("Vander", as: OperationCall.vander)
    add("ZerosLike", "EmptyLike", as: OperationCall.like, 0)
    add("OnesLike", as: OperationCall.like, 1)
    add("FullLike", as: OperationCall.fullLike)
    add("Full", as: OperationCall.full)
    add("Arange", as: OperationCall.arange)
    add("Linspace", as: OperationCall.linspace)
    add("Logspace", as: OperationCall.logspace)
    add("Geomspace", as: OperationCall.geomspace)
    add("Ndim", as: OperationCall.axisCount)
    add("Size", as: OperationCall.elementCount)
  }
}
