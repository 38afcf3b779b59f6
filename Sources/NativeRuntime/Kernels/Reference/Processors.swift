import CKernels

/// The number of cores that kernels use.
package let processorCount = Int(ck_processor_count())
