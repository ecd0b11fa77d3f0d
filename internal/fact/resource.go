package fact

import "github.com/otelcol-session/otelcol-session/internal/wire"

// Resource is the service that a fact comes from. Comparable.
type Resource struct {
	ServiceName, ServiceNamespace, ServiceInstance, Environment string
}

// texts returns its texts in the order in which they are written.
func (r *Resource) texts() [4]*string {
	return [...]*string{&r.ServiceName, &r.ServiceNamespace, &r.ServiceInstance, &r.Environment}
}

// AppendResource appends r to b.
func AppendResource(b []byte, r *Resource) []byte {
	for _, s := range r.texts() {
		b = wire.AppendText(b, *s)
	}
	return b
}

// ReadResource reads a resource. Its texts are clean, whatever an older version
// wrote.
func ReadResource(d *wire.Decoder) (r Resource) {
	for _, s := range r.texts() {
		*s = Clean(d.Text())
	}
	return r
}
