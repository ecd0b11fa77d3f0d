package sessiontimeout

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// record is what leaves of a finding: itself, and what the configuration knows of it.
func (c *Config) record(f *fact.Finding) findinglog.Record {
	p := &c.Policies[f.Policy]
	return findinglog.Record{Finding: *f, PolicyName: p.name(), Limit: limit(f.Type, p), Severity: severity(f, p)}
}

func severity(f *fact.Finding, p *PolicyConfig) findinglog.Severity {
	if f.Background && p.Background == "observe" {
		return findinglog.Info
	}
	return findinglog.Severity(p.Severity)
}

// limit is what the type of violation is measured by: a limit, or how long an
// ended session may still be served.
func limit(t fact.Type, p *PolicyConfig) time.Duration {
	switch t {
	case fact.IdleTimeout:
		return p.IdleTimeout
	case fact.AbsoluteTimeout:
		return p.AbsoluteTimeout
	case fact.RotatedSession:
		return p.RotationGrace
	default:
		return p.EndGrace
	}
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

// name is what the policy is called in whatever leaves.
func (p *PolicyConfig) name() string { return fact.Clean(p.Name) }
