package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

func appendResource(b []byte, r *Resource) []byte {
	for _, s := range [...]string{r.ServiceName, r.ServiceNamespace, r.ServiceInstance, r.Environment} {
		b = wire.AppendText(b, s)
	}
	return b
}

// resource reads a resource, whose texts may be from a version that took what
// came.
func readResource(d *wire.Decoder) (r Resource) {
	for _, s := range [...]*string{&r.ServiceName, &r.ServiceNamespace, &r.ServiceInstance, &r.Environment} {
		*s = Clean(d.Text())
	}
	return r
}

func appendDetails(b []byte, d *Details) []byte {
	b = binary.AppendVarint(b, int64(d.Status))
	for _, s := range [...]string{d.Method, d.Route, d.Path, d.RPCMethod, d.Destination} {
		b = wire.AppendText(b, s)
	}
	return b
}

func readDetails(d *wire.Decoder) (v Details) {
	v.Status = int32(d.Varint())
	for _, s := range [...]*string{&v.Method, &v.Route, &v.Path, &v.RPCMethod, &v.Destination} {
		*s = d.Text()
	}
	return v
}
