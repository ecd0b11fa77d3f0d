package fact

// Caller is a span that may be the parent of a request, which lies inside what the
// trace says then: one of kind CLIENT, PRODUCER or INTERNAL, whichever session it is
// of. Whoever is called is told the ids of SERVER spans too often to believe them.
type Caller struct {
	// Trace and Span are zero where they are not known.
	Trace [16]byte
	Span  [8]byte
	// Calls: it is of kind CLIENT or PRODUCER, so that its service tells of what it
	// calls; an INTERNAL span calls nobody.
	Calls bool
	// Start and End bound it, in nanoseconds since the Unix epoch, Start <= End; both
	// are zero where that is not known.
	Start, End int64
	// Resource is not nil.
	Resource *Resource
}
