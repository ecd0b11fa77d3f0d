// Package recipes holds the test of what stands in the folders beside it: for
// each software a configuration, a sample as that software writes it, and what
// must be found in the sample.
package recipes
