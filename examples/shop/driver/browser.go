package driver

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// browser sends requests to both services, which share its cookies.
type browser struct {
	storefront, ledger string
	client             *http.Client
	collector          *collector
}

func newBrowser(o Options, c *collector) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{
		storefront: o.StorefrontURL, ledger: o.LedgerURL, collector: c,
		client: &http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: time.Minute},
	}
}

func (b *browser) close() { b.client.CloseIdleConnections() }

// request is one thing to ask of a service.
type request struct {
	service string
	method  string
	path    string
	session string // presented in place of the browser's own, where set
	parent  string // traceparent, where set
}

func front(method, path string) request {
	return request{service: shop.Storefront, method: method, path: path}
}

func back(method, path string) request {
	return request{service: shop.Ledger, method: method, path: path}
}

// with presents an id that the browser may have forgotten.
func (r request) with(session string) request {
	r.session = session
	return r
}

func (r request) within(traceparent string) request {
	r.parent = traceparent
	return r
}

func (r request) String() string { return r.method + " " + r.path + " of the " + r.service }

// send does the request and returns its status and body.
func (b *browser) send(ctx context.Context, r request) (int, string, error) {
	response, err := b.open(ctx, r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	b.collector.session(b.session())
	return response.StatusCode, strings.TrimSpace(string(body)), err
}

// open does the request and leaves the body to the caller.
func (b *browser) open(ctx context.Context, r request) (*http.Response, error) {
	base, client := b.storefront, b.client
	if r.service == shop.Ledger {
		base = b.ledger
	}
	request, err := http.NewRequestWithContext(ctx, r.method, base+r.path, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "shop-driver")
	if r.parent != "" {
		request.Header.Set("Traceparent", r.parent)
	}
	if r.session != "" {
		client = &http.Client{Transport: b.client.Transport, Timeout: b.client.Timeout}
		request.AddCookie(&http.Cookie{Name: shop.CookieName, Value: r.session})
		b.collector.session(r.session)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	b.collector.asked(response.StatusCode == http.StatusUnauthorized)
	return response, nil
}

// session is the id that the browser holds now.
func (b *browser) session() string {
	base, err := url.Parse(b.storefront)
	if err != nil {
		return ""
	}
	for _, c := range b.client.Jar.Cookies(base) {
		if c.Name == shop.CookieName {
			return c.Value
		}
	}
	return ""
}
