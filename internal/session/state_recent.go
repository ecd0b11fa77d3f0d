package session

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// record is one recent fact, kept so that evidence which comes later can be
// held against it. It holds no pointer.
type record struct {
	Start, End, At int64
	// EffectiveStart is where the request starts as it is judged: where the longest
	// request around it does.
	EffectiveStart int64
	// enclosing is the length of the longest request around it, or less than 0.
	enclosing int64
	// FirstEnd is where the first of its records ended, before a second one
	// knew better.
	FirstEnd int64
	Arrival  int64
	session  fact.ID
	user     fact.ID
	linked   fact.ID // the larger session that it names, see largerSession
	trace    [16]byte
	span     [8]byte
	parent   [8]byte // the span that called it; zero: not known
	// position in the ring, from 1 on; 0 is an empty slot.
	position uint64
	// seq of arrival among all facts.
	seq     uint64
	details uint64
	// ofSession and ofTrace lead to older records, see older.
	ofSession, ofTrace uint32
	slot               uint32
	resource           uint32
	kind               fact.Kind
	outcome            fact.Outcome
	policy             uint8
	filled             fills
	userSource         uint8
	flags              fact.Flags
	state              recordState
}

// fills says what of a span's record only logs said. Texts of details have the bits
// behind these.
type fills uint16

const (
	filledUser fills = 1 << iota
	filledStatus
	filledLinked
	filledTexts = iota
)

// recordState says what became of a record.
type recordState uint16

const (
	// late: it came behind the reorder window: activity, but not judged.
	late recordState = 1 << iota
	// exempted: it lies inside an exempt request.
	exempted
	// coveredByActivity: what it lies inside is activity from its start on.
	coveredByActivity
	// traceTruncated: its trace has more records than are looked at, so that what it
	// lies inside is not known: what is found of it is inconclusive.
	traceTruncated
	// afterGap: its service let a longer silence pass than any known.
	afterGap
	// evident: it was evidence when it came.
	evident
	// deferred: it was served too late, by what is known now.
	deferred
	// suspected: a suspect stands for it.
	suspected
	// decided: its verdict has been counted.
	decided
	// unplaced: its trace is yet to be looked through.
	unplaced
	// startsOthers: it became another request where not all of its trace was looked at,
	// so that something may yet start where it did.
	startsOthers
	// inBackground: it lies inside background work.
	inBackground
	// aroundRejected: a request that was rejected lies inside it.
	aroundRejected
	// insideByTimes: it lies inside another since the service of that one calls nobody.
	insideByTimes
	// awaitsParent: it would lie inside another if its parent had been seen.
	awaitsParent
	// parentLost: it was not remembered that it awaits its parent, so that times have to do.
	parentLost
)

// older is the position of which low are the low bits, the newest one before r; 0: none.
// Records that can be reached are fewer than there are low bits.
func (r *record) older(low uint32) uint64 {
	if d := uint32(r.position) - low; low != 0 && d != 0 {
		return r.position - min(uint64(d), r.position)
	}
	return 0
}

// identified reports whether the record names its trace and its span.
func (r *record) identified() bool { return r.trace != [16]byte{} && r.span != [8]byte{} }

// part is the kind of a record that turned out to be of the request of another one: all
// that is left of it is its place.
const part = fact.KindCount

// sameRequest reports whether r and o are records of one request: a span, and what is
// logged of it. Two that are logged may be of two, since whoever calls chooses what names
// them.
func (r *record) sameRequest(o *record) bool {
	return r.kind == fact.Request && o.kind == fact.Request && r.identified() && r.span == o.span && r.trace == o.trace &&
		r.session == o.session && r.flags&o.flags&fact.FromLog == 0
}

// inside reports whether o, a longer request of the same session and trace that is not a
// stream, spans the interval of r.
func (r *record) inside(o *record) bool {
	return o.Start <= r.Start && r.End <= o.End && o.End-o.Start > r.End-r.Start &&
		o.flags&fact.Stream == 0 && r.trace == o.trace && r.session == o.session && r.identified() && o.identified()
}

const (
	chunkBits = 5
	chunkSize = 1 << chunkBits
)

// recent is a ring of the last records of the whole table, linked by session
// and, through a hash, by trace. Chunks are allocated as they are needed, so
// that a large limit costs nothing until it is used.
type recent struct {
	limit     uint64 // records that can be reached
	chunks    [][]record
	next      uint64 // position of the next record; the first is 1
	nextIndex uint64 // where it will lie: (next-1) % limit, without the division
	gone      int64  // the latest end of a record that gave up its place
	latest    int64  // and of any
	traces    compact.TraceIndex
	details   detailLog
}

func newRecent(limit int) recent {
	limit = max(limit, 1)
	n := (limit + chunkSize - 1) / chunkSize
	return recent{
		limit: uint64(limit), next: 1, gone: longAgo, latest: longAgo,
		chunks: make([][]record, n),
		traces: compact.NewTraceIndex(limit),
	}
}

// oldest returns the position of the oldest record that can be reached.
func (r *recent) oldest() uint64 {
	if r.next > r.limit {
		return r.next - r.limit
	}
	return 1
}

// at returns the record at position, or nil if it can no longer be reached.
func (r *recent) at(position uint64) *record {
	if position < r.oldest() || position >= r.next {
		return nil
	}
	return r.place(position)
}

// place returns where the record at position lies, which can be reached or is
// the next one.
func (r *recent) place(position uint64) *record {
	i := uint64(r.index(position))
	c := i >> chunkBits
	if r.chunks[c] == nil {
		r.chunks[c] = make([]record, min(chunkSize, r.limit-c<<chunkBits))
	}
	return &r.chunks[c][i&(chunkSize-1)]
}

// index returns where position, which can be reached or is the next one, lies in
// the ring.
func (r *recent) index(position uint64) int {
	i := int64(r.nextIndex) - int64(r.next-position)
	if i < 0 {
		i += int64(r.limit)
	}
	return int(i)
}

// startAt makes next the position of the next record.
func (r *recent) startAt(next uint64) { r.next, r.nextIndex = next, (next-1)%r.limit }

// step goes on to the next record.
func (r *recent) step() {
	r.next++
	if r.nextIndex++; r.nextIndex == r.limit {
		r.nextIndex = 0
	}
}

// expand returns the position of which low are the low bits: the newest one
// that there may be. 0 stands for none.
func (r *recent) expand(low uint32) uint64 {
	if low == 0 {
		return 0
	}
	return r.next - uint64(uint32(r.next)-low)
}

// window are the positions that can be reached.
func (r *recent) window() compact.Window {
	return compact.Window{Next: uint32(r.next), Reach: uint32(r.next - r.oldest())}
}

// full reports whether the next push overwrites a record.
func (r *recent) full() bool { return r.next > r.limit }

// release must be called when old, which had its place, gives it up.
func (r *recent) release(old *record) {
	r.gone = max(r.gone, old.End)
	r.details.Release(old.details)
}

// redescribe lets d describe rec, and the record that it is a copy of, if that
// still has a place.
func (r *recent) redescribe(rec *record, d *fact.Details) {
	if own := r.at(rec.position); own != nil {
		own.details = r.details.replace(own.details, d)
		rec.details = own.details
	}
}

// push stores rec and links it to the others of hash.
func (r *recent) push(rec *record, hash uint64, d *fact.Details) *record {
	rec.ofTrace = r.traces.Put(hash, r.next, r.window())
	return r.append(rec, d)
}

// append stores rec, which is linked.
func (r *recent) append(rec *record, d *fact.Details) *record {
	rec.position = r.next
	rec.details = r.details.put(d)
	to := r.place(rec.position)
	*to = *rec
	r.latest = max(r.latest, rec.End)
	r.step()
	return to
}

// eachOfTrace calls each with the records that share hash, newest first, at most so many
// and until it returns false. A few others may be among them. all: there are no
// more.
func (r *recent) eachOfTrace(hash uint64, looks int, each func(*record) bool) (all bool) {
	p := r.expand(r.traces.Get(hash, r.window()))
	for range looks {
		rec := r.at(p)
		if rec == nil || !each(rec) {
			return true
		}
		p = rec.older(rec.ofTrace)
	}
	return r.at(p) == nil
}

// hash of what records of one request, and of its trace, have in common.
func (r *record) hash() uint64 {
	if r.identified() {
		return mix(mix(r.session[0], le(r.trace[:8])), le(r.trace[8:]))
	}
	return mix(mix(r.session[0], uint64(r.At)), uint64(r.kind))
}

// hash is that of the record that f becomes.
func traceHash(f *fact.Fact) uint64 {
	if f.Trace != [16]byte{} && f.Span != [8]byte{} {
		return mix(mix(f.Session.ID[0], le(f.Trace[:8])), le(f.Trace[8:]))
	}
	return mix(mix(f.Session.ID[0], uint64(f.At)), uint64(f.Kind))
}

func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

func le(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

const (
	_ = uint(compact.MaxText - fact.MaxText)
	_ = uint(len(compact.Texts{}) - fact.DetailTexts)
)

// detailLog keeps the details of the recent records.
type detailLog struct{ compact.TextLog }

// put stores d and returns where, for one record to refer to. Nothing is at 0.
func (l *detailLog) put(d *fact.Details) uint64 {
	if !d.HasRare() { // as almost always
		return l.Put(d.Status, d.Method, d.Route, d.Path, nil)
	}
	var more compact.MoreTexts
	texts := d.Values()
	copy(more[:], texts[fact.CommonTexts:])
	return l.Put(d.Status, d.Method, d.Route, d.Path, &more)
}

// replace lets d take the place of what is at where, for the record that refers
// to it, and returns where it is.
func (l *detailLog) replace(where uint64, d *fact.Details) uint64 {
	t := textsOf(d)
	return l.Replace(where, d.Status, &t)
}

func textsOf(d *fact.Details) (t compact.Texts) {
	v := d.Values()
	copy(t[:], v[:])
	return t
}

// get returns what was put at where, in memory of its own.
func (l *detailLog) get(where uint64) (d fact.Details) {
	e := l.At(where)
	if e == nil {
		return d
	}
	d.Status = e.Number()
	texts := e.Texts()
	for i, to := range d.Texts() {
		*to = string(texts[i])
	}
	return d
}

// clonedDetails is d in memory of its own.
func clonedDetails(d *fact.Details) fact.Details {
	kept := *d
	for _, s := range kept.Texts() {
		*s = strings.Clone((*s)[:min(len(*s), fact.MaxText)])
	}
	return kept
}

// appendDetails appends e as [fact.AppendDetails] does.
func appendDetails(b []byte, e compact.TextEntry) []byte {
	b = fact.AppendDetailsHeader(b, e.Number())
	texts := e.Texts()
	for _, text := range texts[:fact.DetailTexts] {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}
