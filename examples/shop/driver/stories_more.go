package driver

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// renewer gets a new id on the way. The old one is dead from then on, and the
// new one is as old as the old one was.
func renewer(p *player) {
	begin := time.Now()
	p.login()
	p.use(cart, orders)
	p.pause(p.beat())
	old, loggedIn := p.session(), time.Now()
	p.use(front("POST", "/renew"), cart, orders)
	p.pause(p.pastRotation())
	p.refused(cart.with(old))
	p.late(shop.KeepRotated, Rotated, orders.with(old), orders.with(old))
	p.busyUntil(begin, p.Limits.Absolute-p.Margin, cart, orders)
	p.pause(time.Until(loggedIn.Add(p.pastAbsolute())))
	p.refused(cart)
}

// mover changes the password on one device, which ends the session on the
// other.
func mover(p *player) {
	lost := p.otherDevice()
	defer lost.close()
	p.login()
	lost.login()
	lost.settle()
	lost.use(cart, orders)
	dead := lost.session()
	p.use(cart, orders, front("POST", "/account/password"))
	lost.pause(p.pastEnd())
	lost.refused(cart.with(dead))
	lost.late(shop.IgnoreClear, Revoked, orders.with(dead), orders.with(dead))
	p.use(cart, orders)
	lost.login()
	lost.use(cart, orders)
	lost.logout()
	p.logout()
	if p.err == nil {
		p.err = lost.err
	}
}

// payer logs out while a checkout is at work, which then pays at the ledger. A
// ledger that ignores logout serves that, and it is no violation: the payment is
// part of what began before.
func payer(p *player) {
	p.login()
	p.settle()
	p.use(cart, orders)
	id, head := p.session(), p.Margin/2
	paid := p.inBackground(func(p *player) {
		want := http.StatusConflict
		if p.has(shop.IgnoreLogout) {
			want = http.StatusOK
		}
		checkout := front("POST", fmt.Sprintf("/checkout?take=%s", head+p.pastEnd())).with(id)
		if status, _ := p.ask(checkout); status != want {
			p.failf("%s in flight at logout: want %d, got %d", checkout, want, status)
		}
	})
	p.pause(head)
	p.logout()
	paid()
	p.refused(cart.with(id))
}

// listener opens a stream of events, sends messages over it, logs out, and goes
// on sending.
func listener(p *player) {
	p.login()
	p.settle()
	p.use(cart)
	dead := p.session()
	stream, trace := p.listen()
	defer func() { _ = stream.Close() }()
	message := back("POST", "/feed/messages").within(trace)
	p.use(message, message)
	p.logout()
	if !p.has(shop.StreamOutlivesLogout) && p.err == nil {
		_, p.err = io.Copy(io.Discard, stream) // the ledger hangs up
	}
	p.pause(p.pastEnd())
	p.late(shop.StreamOutlivesLogout, Ended, message.with(dead), message.with(dead))
}

// listen opens the ledger's stream, whose first event is the trace that
// messages belong to.
func (p *player) listen() (stream io.ReadCloser, traceparent string) {
	if p.err != nil {
		return http.NoBody, ""
	}
	response, err := p.open(p.ctx, back("GET", "/feed"))
	if err != nil {
		p.err = err
		return http.NoBody, ""
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return response.Body, data
		}
	}
	p.failf("want a first event of the stream, got status %d and its end", response.StatusCode)
	return response.Body, ""
}

// exporter leaves two jobs behind: one is done before logout, the other is due
// after it.
func exporter(p *player) {
	p.login()
	p.settle()
	p.use(cart)
	slack := 2 * p.Margin // for all that comes before the logout
	dead, begin, delay := p.session(), time.Now(), slack+p.pastEnd()
	_, soon := p.ask(back("POST", "/exports?delay=10ms"))
	_, later := p.ask(back("POST", fmt.Sprintf("/exports?delay=%s", delay)))
	p.job(soon, "done")
	p.logout()
	if time.Since(begin) > slack {
		p.slipped()
	}
	p.pause(time.Until(begin.Add(delay)))
	if p.has(shop.JobsOutliveLogout) {
		p.job(later, "done")
		p.report(Expected{Service: shop.Ledger, Type: Ended, Session: dead, Background: true})
	} else {
		p.job(later, "dropped")
	}
}

// job waits until a job is no longer queued.
func (p *player) job(number, want string) {
	for p.err == nil {
		_, state := p.ask(back("GET", "/exports/"+number))
		if state == want {
			return
		}
		if state != "queued" {
			p.failf("job %s: want %s, got %q", number, want, state)
		}
		p.pause(p.Margin / 10)
	}
}

// watcher leaves a page open that polls, and comes back after the idle limit.
// Where polling is no use of the session, it is served until the session dies.
func watcher(p *player) {
	p.login()
	p.use(cart)
	dead, idle := p.session(), time.Now()
	poll := back("GET", "/notifications").with(dead)
	for time.Since(idle) < p.pastIdle() && p.err == nil {
		if status, _ := p.ask(poll); status != http.StatusOK && p.has(shop.PollingKeepsAlive) {
			p.failf("%s: want 200, got %d", poll, status)
		}
		p.pause(p.beat())
	}
	p.late(shop.PollingKeepsAlive, IdleTimeout, orders.with(dead))
}
