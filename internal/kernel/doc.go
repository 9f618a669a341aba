// Package kernel holds the numeric kernels of the networks: plain functions on row-major slices, generic over float32 and
// float64, that know nothing of graphs. Images are (N, C, H, W), weights (out, in, kh, kw), as in PyTorch.
//
// Kernels check nothing: their callers have checked all shapes. Large ones spread over the processors through
// internal/parallel, and give the same bits for every number of threads: work is cut as the shapes alone say, and partial
// sums are added in a fixed order. Matrix products are those of internal/gemm. README.md is the map.
package kernel

// Float is the element type of every kernel.
type Float interface {
	float32 | float64
}
