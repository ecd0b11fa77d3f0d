package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrSlipped says that the machine paused for longer than the stories allow
// for, so that what they know no longer holds. The scenario says nothing then;
// play it again.
var ErrSlipped = errors.New("the scenario slipped in time")

// Play plays the stories, all users at once, and reports what was served late.
// It fails where the shop behaves otherwise than its faults say, and with
// [ErrSlipped] where the machine paused: for half a margin, if something else is
// wrong, too, and for a whole one in any case, since that is how far users keep away
// from the limits.
func Play(ctx context.Context, o Options) (Report, error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return Report{}, err
	}
	var (
		c       = newCollector()
		players sync.WaitGroup
		mu      sync.Mutex
		errs    []error
	)
	longestStall := watchForStalls()
	for _, s := range Stories {
		if !slices.Contains(o.Stories, s.Name) {
			continue
		}
		for i := range o.Users {
			p := newPlayer(ctx, o, c, s.Name, fmt.Sprintf("%s%s-%d", o.Prefix, s.Name, i+1))
			players.Go(func() {
				defer p.close()
				p.pause(time.Duration(i) * o.Margin / 7) // not all at one instant
				s.play(p)
				if p.err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, fmt.Errorf("%s: %w", p.user, p.err))
				}
			})
		}
	}
	players.Wait()
	return c.report(), slip(errors.Join(errs...), longestStall(), o.Margin)
}

// slip is what err means where the machine has paused for so long.
func slip(err error, stall, margin time.Duration) error {
	switch {
	case err != nil && stall > margin/2:
		return fmt.Errorf("%w: %w", ErrSlipped, err)
	case err == nil && stall >= margin:
		return fmt.Errorf("%w: it paused for %v", ErrSlipped, stall)
	}
	return err
}

// watchForStalls returns how to end it and learn for how long at most the machine
// has left this process waiting.
func watchForStalls() (longest func() time.Duration) {
	const interval = 10 * time.Millisecond
	end, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		var longest time.Duration
		for last := time.Now(); ; {
			select {
			case <-end:
				worst <- longest
				return
			case <-tick.C:
				longest, last = max(longest, time.Since(last)), time.Now()
			}
		}
	}()
	return func() time.Duration {
		close(end)
		return <-worst
	}
}
