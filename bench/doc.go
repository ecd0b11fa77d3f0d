// Package bench measures what the components of this repository cost, beside
// contrib's components and beside nothing at all. Its benchmarks are in its
// tests; how to run and to read them is at the top of bench_test.go. What a
// whole collector uses is measured by cmd/wholeprocess.
package bench
