package shop

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config says where the shop listens, where its telemetry goes, how long its
// sessions live and what is wrong with it.
type Config struct {
	// Storefront and Ledger are listen addresses; a free port by default.
	Storefront, Ledger string
	// Collector is the base URL of an OTLP/HTTP receiver, such as
	// http://localhost:4318. Without one, telemetry goes nowhere.
	Collector string
	// Idle and Lifetime are the limits that both services enforce.
	Idle, Lifetime time.Duration
	// Faults are what the ledger does wrong.
	Faults []Fault
	// BatchTimeout is how long the SDK holds telemetry back; 1s by default.
	BatchTimeout time.Duration
	// AccessLogSessions puts session.id and user.id on the access log, too, so
	// that each request is told twice: by its span and by its log record.
	AccessLogSessions bool
}

func (c Config) withDefaults() Config {
	if c.Storefront == "" {
		c.Storefront = "127.0.0.1:0"
	}
	if c.Ledger == "" {
		c.Ledger = "127.0.0.1:0"
	}
	if c.BatchTimeout == 0 {
		c.BatchTimeout = time.Second
	}
	return c
}

// Validate reports every setting that the shop cannot work with.
func (c Config) Validate() error {
	var errs []error
	if c.Idle <= 0 {
		errs = append(errs, fmt.Errorf("idle must be positive (got %v)", c.Idle))
	}
	if c.Lifetime <= c.Idle {
		errs = append(errs, fmt.Errorf("lifetime must be longer than idle (got %v, idle %v)", c.Lifetime, c.Idle))
	}
	for _, f := range c.Faults {
		if !slices.Contains(Faults, f) {
			errs = append(errs, fmt.Errorf("fault must be one of %v (got %q)", Faults, f))
		}
	}
	return errors.Join(errs...)
}

func (c Config) has(f Fault) bool { return slices.Contains(c.Faults, f) }
