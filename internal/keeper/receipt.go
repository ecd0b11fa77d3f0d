package keeper

import "context"

// group is the batches that are stored together.
type group struct {
	done chan struct{}
	err  error // why nobody knows whether it is stored; written before done is closed
}

// wait returns when the group is stored, or cannot be. After an error nothing is
// acknowledged, and the sender sends again.
func (g *group) wait(ctx context.Context) error {
	if g == nil {
		return nil
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end lets go of those who wait for g, once. The caller holds Keeper.mu.
func (g *group) end(err error) {
	select {
	case <-g.done:
	default:
		g.err = err
		close(g.done)
	}
}

// Receipt is what a batch waits for: all that it was journaled with. Nil is of what nobody stores.
type Receipt []*group

func (r Receipt) with(g *group) Receipt {
	if g == nil || len(r) > 0 && r[len(r)-1] == g {
		return r
	}
	return append(r, g)
}

// Wait returns when all is stored, or passes without. The error is ctx's or [ErrStopped]: then nobody knows
// whether it is stored, nothing is to be acknowledged, and the sender sends again.
func (r Receipt) Wait(ctx context.Context) error {
	for _, g := range r {
		if err := g.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}
