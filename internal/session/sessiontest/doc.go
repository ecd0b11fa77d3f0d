// Package sessiontest has what tests hold an engine of sessions against: histories, which
// are written as text, drawn by chance and made smaller, and the naive reference, which
// says what is to be found in one. It shares only the plain types of internal/fact with
// the engine, so that a mistake of the engine is not the reference's, too.
package sessiontest
