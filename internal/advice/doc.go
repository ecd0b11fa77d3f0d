// Package advice says why nothing can be found, why findings would be false, and
// why there are fewer than there could be.
//
// An [Advisor] looks more closely at a few records: at all of the first ones, and
// at one in 1,024 from then on. What it keeps of them is bounded: for each of a
// few services some counts and small sketches, no id, no header, no token. It
// changes nothing and decides nothing about sessions.
//
// Ids are another matter: to see that ends and requests name the same sessions, some
// sessions are watched in all of their records, by their hashes.
//
// advisor.go chooses the records, look_span.go, look_log.go and look_facts.go look
// at them, sketch.go and names.go hold what is kept. idwatch.go chooses the sessions,
// ids.go compares what names them, and differ.go and forms.go say how ids differ.
// decide.go makes advice of it and of what the processor counts anyway (counts.go),
// and sentence.go words it.
package advice
