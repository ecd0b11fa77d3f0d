package findinglog

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// requireSound looks at what Decode made of a record, whatever that is: it is clean, and a finding is as
// good as one that was never written down.
func requireSound(t require.TestingT, resource pcommon.Map, record plog.LogRecord) Flaw {
	r, flaw := Decode(resource, record)
	for _, s := range r.texts() {
		require.Equal(t, fact.Clean(*s), *s)
	}
	require.Less(t, flaw, FlawCount)
	if flaw != Flawless {
		require.NotEmpty(t, flaw.String())
		return flaw
	}
	require.GreaterOrEqual(t, r.Revision, 1)
	require.GreaterOrEqual(t, r.Requests, 1)
	require.GreaterOrEqual(t, r.LastAt, r.FirstAt)
	require.GreaterOrEqual(t, r.Overrun, int64(0))
	require.Contains(t, []Severity{Info, Warning, Critical}, r.Severity)
	require.Equal(t, []Record{r}, decode(t, Encode([]Record{r})))
	return Flawless
}

func FuzzDecode(f *testing.F) {
	var marshaler plog.ProtoMarshaler
	ended := example()
	ended.Type, ended.State, ended.Reason, ended.EndedBy = fact.EndedSession, fact.Inconclusive, "shared", "sso"
	dirty := Encode([]Record{ended})
	eachRecord(dirty, func(rl plog.ResourceLogs, _ plog.ScopeLogs, record plog.LogRecord) {
		rl.Resource().Attributes().PutStr(AttrServiceName, "\xff\u202e")
		record.Attributes().PutStr(AttrSession, strings.Repeat("ab", 40))
	})
	for _, ld := range []plog.Logs{Encode([]Record{example(), ended}), Encode([]Record{{}}), dirty} {
		data, err := marshaler.MarshalLogs(ld)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ld, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(data)
		if err != nil {
			return
		}
		eachRecord(ld, func(rl plog.ResourceLogs, _ plog.ScopeLogs, record plog.LogRecord) {
			requireSound(t, rl.Resource().Attributes(), record)
		})
	})
}

// TestDecodeWhatLooksLikeAFinding: any attribute may be missing, or be anything.
func TestDecodeWhatLooksLikeAFinding(t *testing.T) {
	seen := map[Flaw]bool{}
	rapid.Check(t, func(t *rapid.T) {
		given := records.Draw(t, "record")
		eachRecord(Encode([]Record{given}), func(rl plog.ResourceLogs, _ plog.ScopeLogs, record plog.LogRecord) {
			resource := rl.Resource().Attributes()
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				spoil(t, resource, resourceAttributes)
				spoil(t, record.Attributes(), attributes)
			}
			if rapid.Bool().Draw(t, "header") {
				record.SetSeverityNumber(plog.SeverityNumber(rapid.Int32Range(-1, 30).Draw(t, "severity")))
				record.SetTimestamp(pcommon.Timestamp(rapid.Uint64().Draw(t, "timestamp")))
				record.SetObservedTimestamp(pcommon.Timestamp(rapid.Uint64().Draw(t, "observed")))
			}
			seen[requireSound(t, resource, record)] = true
		})
	})
	require.True(t, seen[Flawless])
	require.Greater(t, len(seen), 5)
}

// spoil takes one of the attributes out, or puts something else there.
func spoil(t *rapid.T, m pcommon.Map, all []attribute) {
	name := rapid.SampledFrom(names(all)).Draw(t, "name")
	m.Remove(name)
	switch rapid.IntRange(0, 7).Draw(t, "what") {
	case 0:
		m.PutStr(name, rapid.String().Draw(t, "text"))
	case 1:
		m.PutStr(name, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
	case 2:
		m.PutInt(name, rapid.Int64().Draw(t, "int"))
	case 3:
		m.PutDouble(name, rapid.Float64().Draw(t, "double"))
	case 4:
		m.PutBool(name, rapid.Bool().Draw(t, "bool"))
	case 5:
		m.PutStr(name, rapid.SampledFrom([]string{"2026-01-01T00:00:00.5+02:00", "ended", "idle_timeout", "00000000000000FF"}).Draw(t, "elsewhere"))
	case 6:
		m.PutEmptySlice(name).AppendEmpty().SetStr("x")
	}
}

// TestFlaws: a record that lacks what a finding needs is none, nor is one that has something else there;
// without the rest it is one.
func TestFlaws(t *testing.T) {
	needed := map[string]Flaw{
		AttrSession: FlawSession, AttrID: FlawID, AttrRevision: FlawRevision, AttrType: FlawType, AttrState: FlawState,
		AttrOverrun: FlawOverrun, AttrRequests: FlawRequests, AttrExpiredAt: FlawTime, AttrFirstAt: FlawTime,
		AttrLastAt: FlawTime, AttrStartedAt: FlawTime, AttrLastActivityAt: FlawTime,
	}
	for _, name := range names(attributes) {
		rl, record := changed(func(r plog.LogRecord) { r.Attributes().Remove(name) })
		_, flaw := Decode(rl.Resource().Attributes(), record)
		require.Equal(t, needed[name], flaw, "without %s", name)
		rl, record = changed(func(r plog.LogRecord) { r.Attributes().PutEmptyMap(name) })
		_, flaw = Decode(rl.Resource().Attributes(), record)
		if name == AttrUser {
			require.Equal(t, FlawUser, flaw)
			continue
		}
		require.Equal(t, needed[name], flaw, "%s is a map", name)
	}
	rl, record := changed(func(r plog.LogRecord) { r.SetSeverityNumber(plog.SeverityNumberDebug) })
	_, flaw := Decode(rl.Resource().Attributes(), record)
	require.Equal(t, FlawSeverity, flaw)
	rl, record = changed(func(r plog.LogRecord) { r.Attributes().PutStr(AttrLastAt, "1999-01-01T00:00:00Z") })
	_, flaw = Decode(rl.Resource().Attributes(), record)
	require.Equal(t, FlawTime, flaw, "before the first")
}

// TestFirstFlaw: of several flaws one is told, and always the same.
func TestFirstFlaw(t *testing.T) {
	rl, record := changed(func(r plog.LogRecord) { r.SetSeverityNumber(0) })
	for _, step := range []struct {
		attribute string
		want      Flaw
	}{
		{AttrOverrun, FlawOverrun},
		{AttrStartedAt, FlawTime},
		{AttrRequests, FlawRequests},
		{AttrState, FlawState},
		{AttrType, FlawType},
		{AttrRevision, FlawRevision},
		{AttrSession, FlawSession},
		{AttrID, FlawID},
		{AttrUser, FlawUser},
	} {
		record.Attributes().PutStr(step.attribute, "?")
		_, flaw := Decode(rl.Resource().Attributes(), record)
		require.Equal(t, step.want, flaw)
	}
}

// TestDecodeWithoutWhatItNeedNotHave: of what is missing or wrong nothing is known.
func TestDecodeWithoutWhatItNeedNotHave(t *testing.T) {
	rl, record := changed(func(r plog.LogRecord) {
		r.SetTimestamp(math.MaxUint64)
		r.Attributes().PutInt(AttrStatus, 1<<40+200)
		r.Attributes().PutInt(AttrMethod, 1)
		r.Attributes().PutDouble(AttrLimit, math.NaN())
		r.Attributes().PutStr(AttrEvidence, "hearsay")
		r.Attributes().PutStr(AttrType, "ended")
		for _, name := range []string{AttrUser, AttrPolicy, AttrStartKnown, AttrBackground} {
			r.Attributes().Remove(name)
		}
	})
	rl.Resource().Attributes().PutInt(AttrServiceName, 1)
	want := example()
	want.At, want.Details.Status, want.Details.Method, want.Limit, want.Type, want.User = 0, 0, "", 0, fact.EndedSession, fact.Pseudonym{}
	want.PolicyName, want.StartKnown, want.Resource.ServiceName = "", false, ""
	want.LastActivityAt = 0 // only an idle timeout is measured from there
	got, flaw := Decode(rl.Resource().Attributes(), record)
	require.Equal(t, Flawless, flaw)
	require.Equal(t, want, got)
}

// TestSeconds: a double holds more than nanoseconds do, and less.
func TestSeconds(t *testing.T) {
	for in, want := range map[float64]int64{
		0: 0, 1.5: 1_500_000_000, 0.000_000_001: 1, 1e-300: 0, 1e300: math.MaxInt64, maxSeconds: math.MaxInt64,
		float64(1<<23) - 1.0/(1<<30): endOfSeconds - 1,
	} {
		v := pcommon.NewValueDouble(in)
		got, ok := seconds[int64]().read(v)
		require.True(t, ok)
		require.Equal(t, want, got, in)
	}
	for _, in := range []float64{-1e-9, math.NaN(), math.Inf(1), math.Inf(-1)} {
		got, ok := seconds[time.Duration]().read(pcommon.NewValueDouble(in))
		require.False(t, ok, in)
		require.Zero(t, got)
	}
}

func TestParsePseudonym(t *testing.T) {
	p, ok := ParsePseudonym("ab" + strings.Repeat("0", 62))
	require.True(t, ok)
	require.Equal(t, fact.Pseudonym{0xab}, p)
	for _, s := range []string{"", "ab", strings.Repeat("AB", 32), strings.Repeat("g", 64), strings.Repeat("0", 65), strings.Repeat("0", 63) + "\n"} {
		p, ok = ParsePseudonym(s)
		require.False(t, ok, "%q", s)
		require.Zero(t, p)
	}
}
