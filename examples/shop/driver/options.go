package driver

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// Options say where the shop is and by which limits it is judged.
type Options struct {
	// StorefrontURL and LedgerURL are where the shop listens.
	StorefrontURL, LedgerURL string
	// Faults are those that the shop was started with.
	Faults []shop.Fault
	// Limits are those of the policy that watches the shop.
	Limits Limits
	// Margin is how far stories keep away from each limit, on both sides. It
	// has to be longer than any hiccup of the machine; 1s by default.
	Margin time.Duration
	// Users is how many play each story; 1 by default.
	Users int
	// Prefix begins the name of every user. Where several shops are watched by
	// one collector, each needs its own: a user's sessions are one user's.
	Prefix string
	// Stories names those to play; all by default.
	Stories []string
}

// Limits are what the watching policy allows. Idle and Absolute are the shop's
// own idle limit and lifetime.
type Limits struct {
	Idle, Absolute                     time.Duration
	Tolerance, EndGrace, RotationGrace time.Duration
}

func (o Options) withDefaults() Options {
	if o.Margin == 0 {
		o.Margin = time.Second
	}
	if o.Users == 0 {
		o.Users = 1
	}
	if len(o.Stories) == 0 {
		for _, s := range Stories {
			o.Stories = append(o.Stories, s.Name)
		}
	}
	return o
}

// Validate reports limits that leave the stories no room between them.
func (o Options) Validate() error {
	var errs []error
	// After a grace, and over the absolute limit, a session must be far from idle.
	grace := max(o.Limits.EndGrace, o.Limits.RotationGrace)
	if least := grace + o.Limits.Tolerance + 3*o.Margin; o.Limits.Idle < least {
		errs = append(errs, fmt.Errorf("idle must be at least grace + tolerance + 3 * margin = %v (got %v)", least, o.Limits.Idle))
	}
	// After the idle limit the session must still be far from its absolute one.
	if least := o.Limits.Idle + o.Limits.Tolerance + 2*o.Margin; o.Limits.Absolute < least {
		errs = append(errs, fmt.Errorf("absolute must be at least idle + tolerance + 2 * margin = %v (got %v)", least, o.Limits.Absolute))
	}
	for _, name := range o.Stories {
		if !slices.ContainsFunc(Stories, func(s Story) bool { return s.Name == name }) {
			errs = append(errs, fmt.Errorf("story must be one of those that the driver knows (got %q)", name))
		}
	}
	return errors.Join(errs...)
}

// The pauses after which a request is late, and would be so for any watcher
// that knows the limits.

func (o Options) pastIdle() time.Duration { return o.Limits.Idle + o.Limits.Tolerance + o.Margin }

func (o Options) pastAbsolute() time.Duration {
	return o.Limits.Absolute + o.Limits.Tolerance + o.Margin
}

func (o Options) pastEnd() time.Duration { return o.Limits.EndGrace + o.Limits.Tolerance + o.Margin }

func (o Options) pastRotation() time.Duration {
	return o.Limits.RotationGrace + o.Limits.Tolerance + o.Margin
}

// beat is the pause between the requests of somebody who is busy.
func (o Options) beat() time.Duration { return o.Limits.Idle / 3 }

func (o Options) has(f shop.Fault) bool { return slices.Contains(o.Faults, f) }
