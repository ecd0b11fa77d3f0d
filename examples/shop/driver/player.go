package driver

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// player is one user with one browser. The first error sticks: after it a
// player does nothing any more, so that a story reads as what happens in it.
type player struct {
	Options
	*browser
	ctx     context.Context // of the one scenario that the player lives for
	story   string
	user    string
	err     error
	lastUse time.Time // when the session was used last, as far as the player knows
}

func newPlayer(ctx context.Context, o Options, c *collector, story, user string) *player {
	return &player{Options: o, browser: newBrowser(o, c), ctx: ctx, story: story, user: user}
}

// otherDevice is the same user with another browser.
func (p *player) otherDevice() *player {
	return newPlayer(p.ctx, p.Options, p.collector, p.story, p.user)
}

// ask sends a request and returns its status and body.
func (p *player) ask(r request) (status int, body string) {
	if p.err == nil {
		status, body, p.err = p.send(p.ctx, r)
	}
	return status, body
}

// served sends requests that have to be served.
func (p *player) served(requests ...request) {
	for _, r := range requests {
		if status, body := p.ask(r); status >= http.StatusMultipleChoices {
			p.failf("%s: want success, got %d: %s", r, status, body)
		}
	}
}

// refused sends requests that have to be answered by 401.
func (p *player) refused(requests ...request) {
	for _, r := range requests {
		if status, _ := p.ask(r); status != http.StatusUnauthorized {
			p.failf("%s: want 401, got %d", r, status)
		}
	}
}

// use sends requests that have to be served because their session lives, and
// that use it.
func (p *player) use(requests ...request) {
	for _, r := range requests {
		if !p.lastUse.IsZero() && time.Since(p.lastUse) > p.Limits.Idle {
			p.slipped()
		}
		p.served(r)
		p.lastUse = time.Now()
	}
}

// late sends requests with a session that is dead by the rule named. They have
// to be refused, or served and reported where the ledger has the fault.
func (p *player) late(fault shop.Fault, rule Type, requests ...request) {
	if !p.has(fault) {
		p.refused(requests...)
		return
	}
	for _, r := range requests {
		p.served(r)
		p.report(Expected{Service: r.service, Type: rule, Session: r.session})
	}
}

// report tells of a request that was served late.
func (p *player) report(e Expected) {
	if p.err == nil {
		e.Story, e.User = p.story, p.user
		p.collector.served(e)
	}
}

// login begins a session, and both clocks with it.
func (p *player) login() {
	p.collector.user(p.user)
	p.lastUse = time.Time{}
	p.use(front("POST", "/login?user="+url.QueryEscape(p.user)))
}

func (p *player) logout() {
	p.use(front("POST", "/logout"))
	p.lastUse = time.Time{}
}

// settle waits until an end cannot be mistaken for one from before the login,
// as it would be within the tolerance.
func (p *player) settle() { p.pause(p.Limits.Tolerance + p.Margin/2) }

// busyUntil repeats the requests until so long after the session's begin, where
// the last ones fall, and watches that they do not come too late.
func (p *player) busyUntil(begin time.Time, d time.Duration, requests ...request) {
	for p.err == nil {
		rest := time.Until(begin.Add(d))
		p.pause(min(rest, p.beat()))
		p.use(requests...)
		if time.Since(begin) > d+p.Margin {
			p.slipped()
		}
		if rest <= p.beat() {
			return
		}
	}
}

func (p *player) pause(d time.Duration) {
	if p.err != nil {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.ctx.Done():
		p.err = p.ctx.Err()
	case <-t.C:
	}
}

// inBackground does something beside the story, and returns how to wait for it.
func (p *player) inBackground(do func(*player)) (wait func()) {
	other, done := *p, make(chan struct{})
	go func() {
		defer close(done)
		do(&other)
	}()
	return func() {
		<-done
		if p.err == nil {
			p.err = other.err
		}
	}
}

func (p *player) slipped() { p.failf("%w", ErrSlipped) }

func (p *player) failf(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}
