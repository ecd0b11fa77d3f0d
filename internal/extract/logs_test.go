package extract

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestAccessLogIsARequest(t *testing.T) {
	x := newExtractor(t)
	b := ofLogs(x, oneLog(t, served.with(attrs{"user.id": "ann", "http.server.request.duration": 1.5}), func(r plog.LogRecord) {
		r.SetTraceID(testTrace)
		r.SetSpanID(testSpan)
	}))
	require.Len(t, b.Facts, 1)
	require.Equal(t, fact.Fact{
		Kind: fact.Request, Outcome: fact.Served, Flags: fact.FromLog,
		Session: sessionName(x, "s1"), User: userName(x, "ann"),
		Start: testStart.UnixNano(), End: testEnd.UnixNano(), At: testStart.UnixNano(),
		Trace: testTrace, Span: testSpan,
		Resource: &fact.Resource{ServiceName: "shop"},
		Details:  fact.Details{Method: "GET", Route: "/cart/{id}", Path: "/cart/7", Status: 200},
	}, b.Facts[0])
	require.Equal(t, []Seen{{RequestWithID: 1}}, b.Seen)
}

func TestWhatIsAnAccessLog(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		name string
		a    attrs
		want Seen
	}{
		{"stable names", attrs{"http.request.method": "GET", "http.response.status_code": 200}, Seen{RequestWithID: 1}},
		{"legacy names", attrs{"http.method": "GET", "http.status_code": "200"}, Seen{RequestWithID: 1}},
		{"an RPC status", attrs{"http.request.method": "POST", "rpc.grpc.status_code": 0}, Seen{RequestWithID: 1}},
		{"no status", attrs{"http.request.method": "GET"}, Seen{LogNotUnderstood: 1}},
		{"no method", attrs{"http.response.status_code": 200}, Seen{LogNotUnderstood: 1}},
		{"empty method", attrs{"http.request.method": "", "http.response.status_code": 200}, Seen{LogNotUnderstood: 1}},
		{"neither", attrs{}, Seen{LogNotUnderstood: 1}},
	} {
		b := ofLogs(x, oneLog(t, c.a.with(attrs{"session.id": "s1"})))
		require.Equal(t, []Seen{c.want}, b.Seen, c.name)
		require.Len(t, b.Facts, c.want.RequestWithID, c.name)
	}
	b := ofLogs(x, oneLog(t, attrs{"http.request.method": "GET", "http.response.status_code": 200}))
	require.Equal(t, []Seen{{RequestWithoutID: 1}}, b.Seen)
	b = ofLogs(x, oneLog(t, attrs{"message": "hello"}))
	require.Equal(t, []Seen{{LogNotUnderstood: 1}}, b.Seen)
}

func TestBodiesAreNotRead(t *testing.T) {
	b := ofLogs(newExtractor(t), oneLog(t, nil, func(r plog.LogRecord) {
		served.put(t, r.Body().SetEmptyMap())
	}))
	require.Empty(t, b.Facts)
}

func TestAccessLogTimes(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.LogRequestSlack = 10 * time.Second })
	end := testEnd.UnixNano()
	for _, c := range []struct {
		name      string
		duration  any
		start, at int64
	}{
		{"double", 1.5, end - 1.5e9, end - 1.5e9},
		{"int", 2, end - 2e9, end - 2e9},
		{"text", "1.5", end - 1.5e9, end - 1.5e9},
		{"zero", 0, end, end},
		{"none", nil, end - 10e9, end},
		{"garbage", "-", end - 10e9, end},
		{"negative", -1, end - 10e9, end},
		{"NaN", math.NaN(), end - 10e9, end},
		{"longer than there has been time", 1e18, end - 10e9, end},
	} {
		a := served
		if c.duration != nil {
			a = served.with(attrs{"http.server.request.duration": c.duration})
		}
		f := logFact(t, x, a)
		require.Equal(t, []int64{c.start, c.at, end}, []int64{f.Start, f.At, f.End}, c.name)
	}
}

func TestTimeOfALogRecord(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.LogRequestSlack = 0 })
	for _, c := range []struct {
		name               string
		timestamp, obvious uint64
		want               int64
		refused            Reason
	}{
		{"timestamp", 5, 7, 5, usable},
		{"observed", 0, 7, 7, usable},
		{"neither", 0, 0, 0, TimestampZero},
		{"2554", math.MaxUint64, 7, 0, TimestampRange},
		{"observed in 2554", 0, math.MaxUint64, 0, TimestampRange},
	} {
		times := func(r plog.LogRecord) {
			r.SetTimestamp(pcommon.Timestamp(c.timestamp))
			r.SetObservedTimestamp(pcommon.Timestamp(c.obvious))
		}
		for _, b := range []*Batch{
			ofLogs(x, oneLog(t, served, times)),
			ofLogs(x, oneLog(t, attrs{"session.id": "s1", "event.name": "session.start"}, times)),
		} {
			if c.refused != usable {
				require.Empty(t, b.Facts, c.name)
				require.Equal(t, 1, refusedIn(b)[c.refused], c.name)
				continue
			}
			require.Len(t, b.Facts, 1, c.name)
			require.Equal(t, []int64{c.want, c.want, c.want}, []int64{b.Facts[0].Start, b.Facts[0].End, b.Facts[0].At}, c.name)
		}
	}
}

func TestSlackMayReachBeforeTheEpoch(t *testing.T) {
	f := logFact(t, newExtractor(t), served, func(r plog.LogRecord) { r.SetTimestamp(1) })
	require.Equal(t, int64(1-time.Minute), f.Start)
	require.Equal(t, int64(1), f.At)
}

func TestExemptAccessLog(t *testing.T) {
	x := newExtractor(t)
	logout := served.with(attrs{"http.route": "", "url.path": "/logout"})
	f := logFact(t, x, logout)
	require.Equal(t, fact.Request, f.Kind)
	require.Equal(t, fact.FromLog|fact.Exempt, f.Flags)
	require.Equal(t, testEnd.Add(-time.Minute).UnixNano(), f.Start)
	f = logFact(t, x, served.with(attrs{"http.route": "", "url.path": "/logout", "user.id": "ann"}))
	require.Equal(t, "ann", f.User.Raw)
}
