package fact

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// Details are what a finding quotes of the offending request. Empty or zero
// means absent. Strings may alias memory that is only valid during the call.
type Details struct {
	Method      string // http.request.method
	Route       string // http.route
	Path        string // url.path up to the first ';' or '?'
	Status      int32  // http.response.status_code
	RPCMethod   string // rpc.method
	Destination string // messaging.destination.name
	// User is the pseudonym of a user whom the client presented, its 32 bytes; empty: none.
	// A finding has it as its user and not here.
	User string
}

// DetailTexts is how many texts details have.
const DetailTexts = 6

// Texts returns the texts of d in the order in which they are stored: a new one
// comes last, and what an older version stored lacks it.
func (d *Details) Texts() [DetailTexts]*string {
	return [...]*string{&d.Method, &d.Route, &d.Path, &d.RPCMethod, &d.Destination, &d.User}
}

// Values returns what Texts points to.
func (d *Details) Values() [DetailTexts]string {
	return [...]string{d.Method, d.Route, d.Path, d.RPCMethod, d.Destination, d.User}
}

// CommonTexts are the first ones, which almost every request has.
const CommonTexts = 3

// HasRare reports whether d has a text behind those.
func (d *Details) HasRare() bool { return len(d.RPCMethod)+len(d.Destination)+len(d.User) > 0 }

// uncounted is how many texts follow where their number is not written.
const uncounted = 5

// AppendDetails appends d to b.
func AppendDetails(b []byte, d *Details) []byte {
	b = AppendDetailsHeader(b, d.Status)
	for _, s := range d.Texts() {
		b = wire.AppendText(b, *s)
	}
	return b
}

// AppendDetailsHeader appends what AppendDetails does before the texts.
func AppendDetailsHeader(b []byte, status int32) []byte {
	return append(binary.AppendVarint(b, int64(status)), DetailTexts)
}

// ReadDetails reads details. The first versions did not write the number of texts:
// then they are not counted.
func ReadDetails(d *wire.Decoder, counted bool) (v Details) {
	v.Status = int32(d.Varint())
	n := uncounted
	if counted {
		n = int(d.Byte())
	}
	to := v.Texts()
	for i := range n {
		s := d.Text()
		if i < len(to) { // a newer version of the same format may have more
			*to[i] = s
		}
	}
	return v
}
