package driver

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// The requests that most stories are made of.
var (
	home    = front("GET", "/")
	style   = front("GET", "/assets/style.css")
	cart    = front("GET", "/cart")
	orders  = back("GET", "/orders")
	payment = back("POST", "/payments")
)

// shopper is as ordinary as it gets: looks around, logs in, buys, logs out, and
// comes back for a new session.
func shopper(p *player) {
	visit := func() {
		p.use(home, style)
		p.login()
		p.use(style, cart, orders)
		p.pause(p.beat())
		p.use(back("GET", "/notifications"), front("POST", "/checkout?take=50ms"), orders)
		p.pause(p.beat())
		p.use(home, cart)
	}
	visit()
	first := p.session()
	p.logout()
	p.refused(cart.with(first))
	p.pause(p.beat())
	visit()
	p.logout()
}

// stranger never logs in, and comes with cookies that are no sessions. An old
// tab gets a new session without a word.
func stranger(p *player) {
	p.served(front("GET", "/healthz"), back("GET", "/healthz"), style, back("OPTIONS", "/orders"))
	p.refused(cart, orders, orders.with("deleted"), orders.with(rand.Text()), cart.with(rand.Text()))
	p.served(home)
	first := p.session()
	p.pause(p.pastIdle())
	p.served(home)
	if p.session() == first {
		p.failf("want a new session after the idle limit, got the old one")
	}
}

// idler comes back after the idle limit, is refused, and logs in again.
func idler(p *player) {
	p.login()
	p.use(orders, cart, orders)
	dead := p.session()
	p.pause(p.pastIdle())
	p.refused(cart.with(dead))
	p.late(shop.IdleCache, IdleTimeout, orders.with(dead), payment.with(dead))
	p.login()
	p.use(cart, orders)
	p.logout()
}

// leaver logs out, and the session's cookie is used again.
func leaver(p *player) {
	p.use(home)
	p.login()
	p.settle()
	p.use(cart, orders)
	dead := p.session()
	p.logout()
	p.pause(p.pastEnd())
	p.refused(cart.with(dead))
	p.late(shop.IgnoreLogout, Ended, orders.with(dead), payment.with(dead), orders.with(dead))
}

// stayer is busy until the absolute limit and beyond.
func stayer(p *player) {
	begin := time.Now()
	p.login()
	dead, loggedIn := p.session(), time.Now()
	p.busyUntil(begin, p.Limits.Absolute-p.Margin, cart, orders)
	p.pause(time.Until(loggedIn.Add(p.pastAbsolute())))
	p.refused(cart.with(dead))
	p.late(shop.RearmAbsolute, AbsoluteTimeout, orders.with(dead), orders.with(dead))
	p.refused(cart.with(dead))
}

// inflight logs out while both services are still at work for the session.
// What they answer afterwards is in order, and brings nothing back to life.
func inflight(p *player) {
	p.login()
	p.settle()
	p.use(cart)
	id, head := p.session(), p.Margin/2
	slow := fmt.Sprintf("?take=%s", head+p.pastEnd())
	quoted := p.inBackground(func(p *player) { p.served(front("GET", "/quote"+slow).with(id)) })
	stated := p.inBackground(func(p *player) { p.served(back("GET", "/statement"+slow).with(id)) })
	p.pause(head)
	p.logout()
	quoted()
	stated()
	p.refused(cart.with(id))
}

// stepup logs in a second time, which starts both clocks again: the session may
// grow older than the absolute limit then.
func stepup(p *player) {
	begin := time.Now()
	p.login()
	first := p.session()
	p.busyUntil(begin, p.Limits.Absolute/2, cart, orders)
	p.login()
	p.refused(cart.with(first))
	p.busyUntil(begin, p.pastAbsolute(), cart, orders)
	p.logout()
}
