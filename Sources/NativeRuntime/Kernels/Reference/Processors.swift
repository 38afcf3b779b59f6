import Foundation

/// The number of cores that kernels use.
package let processorCount: Int = max(ProcessInfo.processInfo.activeProcessorCount, 1)
