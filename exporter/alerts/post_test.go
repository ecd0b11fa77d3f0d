package alerts

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
)

func TestPost(t *testing.T) {
	for name, test := range map[string]struct {
		status    int
		body      string
		header    []string
		result    result
		wait      time.Duration
		err       string
		permanent bool
	}{
		"200":      {status: 200, result: resultAccepted},
		"204":      {status: 204, result: resultAccepted},
		"400":      {status: 400, body: "invalid label set\n", result: resultRejected, err: `answer 400 Bad Request from Alertmanager: "invalid label set"`, permanent: true},
		"401":      {status: 401, result: resultRejected, err: "answer 401 Unauthorized from Alertmanager", permanent: true},
		"404":      {status: 404, result: resultRejected, err: "answer 404 Not Found from Alertmanager", permanent: true},
		"302":      {status: 302, header: []string{"Location", "/login"}, result: resultRejected, err: "answer 302 Found from Alertmanager", permanent: true},
		"429":      {status: 429, header: []string{"Retry-After", "30"}, result: resultThrottled, wait: 30 * time.Second, err: "answer 429 Too Many Requests from Alertmanager"},
		"429 bare": {status: 429, result: resultThrottled, err: "answer 429 Too Many Requests from Alertmanager"},
		"500":      {status: 500, body: strings.Repeat("x", 1<<20), result: resultUnavailable, err: `answer 500 Internal Server Error from Alertmanager: "` + strings.Repeat("x", maxErrorBody) + `"`},
		"503":      {status: 503, header: []string{"Retry-After", "1"}, result: resultUnavailable, wait: time.Second, err: "answer 503 Service Unavailable from Alertmanager"},
	} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			body := &closing{Reader: strings.NewReader(test.body)}
			client := &http.Client{CheckRedirect: stay, Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				got = req
				resp := respond(test.status, "", test.header...)
				resp.Body = body
				return resp, nil
			})}
			a := post(t.Context(), client, "http://am.example/api/v2/alerts", []byte("[]"))
			require.Equal(t, test.result, a.result)
			require.Equal(t, test.wait, a.wait)
			require.Equal(t, test.permanent, consumererror.IsPermanent(a.err))
			if test.err == "" {
				require.NoError(t, a.err)
			} else {
				require.ErrorContains(t, a.err, test.err)
			}
			require.Equal(t, http.MethodPost, got.Method)
			require.Equal(t, "application/json", got.Header.Get("Content-Type"))
			require.True(t, body.closed)
			if len(test.body) < maxDrain {
				_, err := body.Read(make([]byte, 1))
				require.ErrorIs(t, err, io.EOF, "the connection can be used again")
			}
		})
	}
}

func TestPostWithoutAnAnswer(t *testing.T) {
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })}
	a := post(t.Context(), client, "http://user:secret@am.example/api/v2/alerts", nil)
	require.Equal(t, resultFailed, a.result)
	require.ErrorContains(t, a.err, "no route")
	require.NotContains(t, a.err.Error(), "secret")
	require.False(t, consumererror.IsPermanent(a.err))
}

func TestPostFollowsNoRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = stay
	a := post(t.Context(), client, server.URL, []byte("[]"))
	require.Equal(t, resultRejected, a.result)
	require.True(t, consumererror.IsPermanent(a.err))
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                              0,
		"120":                           2 * time.Minute,
		" 7 ":                           7 * time.Second,
		"0":                             0,
		"-5":                            0,
		"99999999999":                   0,
		"soon":                          0,
		"Sat, 01 Jan 2000 00:01:30 GMT": 90 * time.Second,
		"Fri, 31 Dec 1999 23:00:00 GMT": 0,
	} {
		require.Equal(t, want, retryAfter(header, epoch), header)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}
