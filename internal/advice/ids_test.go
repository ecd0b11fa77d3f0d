package advice

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// uuid and hexID are ids of sessions of their own.
func uuid(i int) string  { return fmt.Sprintf("7b1c9a52-6a3e-4b0f-9c61-1f2e3d4c%04x", i) }
func hexID(i int) string { return fmt.Sprintf("5F2B8E0C9A7D4413B6E1A0C2D3F4%04X", i) }

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestEndsUnknown says how the ids of ends differ from those of requests, from what
// is seen, and what to set; of ids themselves nothing.
func TestEndsUnknown(t *testing.T) {
	signature := ".TDrjDwOmxKL8jRNTlQZevY1pWFo3ElwQw0vuVUvBjVg"
	for _, tt := range []struct {
		name         string
		request, end func(i int) string
		want         []string
		says         string
	}{
		{"the same", hexID, hexID, nil, ""},
		{"case", hexID, func(i int) string { return strings.ToLower(hexID(i)) }, []string{"case"}, "ToLowerCase"},
		{"case, the other way", func(i int) string { return strings.ToLower(hexID(i)) }, hexID, []string{"case"}, "ToLowerCase"},
		{"quotes", uuid, func(i int) string { return `"` + uuid(i) + `"` }, []string{"quotes"}, "quotes"},
		{
			"percent-encoding", func(i int) string { return url.QueryEscape("a+b/c=" + hexID(i)) }, func(i int) string { return "a+b/c=" + hexID(i) },
			[]string{"quotes"},
			"percent-encoding",
		},
		{"hyphens", uuid, func(i int) string { return strings.ReplaceAll(uuid(i), "-", "") }, []string{"hyphens"}, "replace_pattern"},
		{"a node", func(i int) string { return hexID(i) + ".node1" }, hexID, []string{"suffix of requests"}, "`until: \".!~\"` on their source in session_id::sources"},
		{"a node in the end", hexID, func(i int) string { return hexID(i) + "!node1" }, []string{"suffix of ends"}, "session: [{attribute: session.id, ...}]"},
		{
			"two nodes", func(i int) string { return hexID(i) + ".node1" }, func(i int) string { return hexID(i) + ".node2" },
			[]string{"suffix of both"},
			"those of both have a suffix",
		},
		{"a prefix", func(i int) string { return "s:" + hexID(i) }, hexID, []string{"prefix of requests"}, "`strip_prefix` on their source"},
		{"a key of Redis", hexID, func(i int) string { return "spring:session:sessions:" + hexID(i) }, []string{"prefix of ends"}, "`strip_prefix`"},
		{
			"a signed cookie", func(i int) string { return "s%3A" + hexID(i) + signature }, hexID,
			[]string{"prefix_and_suffix of requests"},
			"`strip_prefix` and `until` on their source in session_id::sources",
		},
		{"base64", func(i int) string { return base64.StdEncoding.EncodeToString([]byte(uuid(i))) }, uuid, []string{"base64 of requests"}, "`decode: base64`"},
		{"a hash", hexID, func(i int) string { return sha(hexID(i)) }, []string{"sha256 of requests"}, "those of ends are SHA-256 of those of requests"},
		{"a hash in requests", func(i int) string { return sha(hexID(i)) }, hexID, []string{"sha256 of ends"}, "those of requests are SHA-256 of those of ends"},
		{"a private id of Rails", hexID, func(i int) string { return "2::" + sha(hexID(i)) }, []string{"sha256 of requests"}, "send the same"},
		{"something in front", uuid, func(i int) string { return uuid(i)[24:] + uuid(i) }, []string{"ends: letters and digits of 48", "requests: UUIDs"}, "session_id::linked"},
		{"cut", func(i int) string { return fmt.Sprintf("%04x", i) + uuid(i) }, func(i int) string { return fmt.Sprintf("%04x", i) + uuid(i)[:8] }, []string{"first_12 of requests"}, "send whole ids"},
		{"two ids for one login", hexID, uuid, []string{"ends: UUIDs", "requests: hexadecimal of 32"}, "two ids for one login? Set session_id::linked."},
		{
			"tokens", hexID, func(i int) string { return strings.TrimPrefix(token(i), "Bearer ") },
			[]string{"ends: tokens", "requests: hexadecimal of 32"},
			"session_id::linked",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, Config{Recording: true})
			for i := range 20 {
				r.spans(server("shop", attributes{"session.id": tt.request(i), "user.id": fmt.Sprintf("u%d", i)}))
				r.spans(server("shop", attributes{"session.id": tt.request(i), "user.id": fmt.Sprintf("u%d", i)}))
				if i < 10 {
					r.logs(event("session.end", attributes{"session.id": tt.end(i)}))
				}
			}
			r.counts.Ends, r.counts.Logins = 10, 1
			requireEndsUnknown(t, r, tt.want, tt.says)
			said := fmt.Sprint(r.advisor.Advise(&r.counts), Sentences(r.advisor.Advise(&r.counts)))
			for i := range 20 {
				for _, id := range []string{tt.request(i), tt.end(i), tt.request(i)[:10]} {
					require.NotContains(t, said, id)
				}
			}
		})
	}
}

func requireEndsUnknown(t *testing.T, r *rig, want []string, says string) {
	t.Helper()
	var names []string
	all := r.advisor.Advise(&r.counts)
	for _, a := range all {
		require.Equal(t, EndsUnknown, a.Code)
		names = append(names, a.Name)
	}
	require.Equal(t, want, names)
	if want != nil {
		said := Sentences(all)
		require.Len(t, said, 1)
		require.Contains(t, said[0].Text, " ends name a session that no request names")
		require.Contains(t, said[0].Text, says)
		require.Contains(t, said[0].Text, said[0].Key[strings.LastIndex(said[0].Key, ":")+1:])
	}
}

// TestPseudonymInOneOfThem: redaction stands before the processor in one pipeline
// and behind it in the other.
func TestPseudonymInOneOfThem(t *testing.T) {
	r := newRig(t, Config{Recording: true})
	withID(r)
	for i := range 2 {
		p := r.extractor.Pseudonym(fmt.Sprintf("s%d", i))
		r.logs(event("session.end", attributes{"session.id": hex.EncodeToString(p[:])}))
	}
	r.counts.Ends = 2
	requireEndsUnknown(t, r, []string{"pseudonym of requests"}, "those of ends are pseudonyms already: `redaction` stands before session_timeout")
}

// TestKnownEnds: an end is known where requests know the session by another name.
func TestKnownEnds(t *testing.T) {
	linked := func(status int) func(*rig) {
		return func(r *rig) {
			withID(r)
			td := server("shop", attributes{"session.id": "s1", "user.id": "u1", "oidc.sid": "larger"})
			first(td).Attributes().PutInt("http.response.status_code", int64(status))
			r.spans(td)
		}
	}
	unknown := []string{"ends_unknown:ends: letters and digits of 6", "ends_unknown:requests: letters and digits of 2"}
	for _, tt := range []struct {
		name string
		feed func(*rig)
		want []string
	}{
		{"of nobody", withID, unknown},
		{"of the larger session", linked(200), nil},
		{"of a larger session that was refused", linked(401), unknown},
		{"of a larger session that an event names", func(r *rig) {
			withID(r)
			r.logs(event("authn_login_success", attributes{"session.id": "s1", "oidc.sid": "larger"}))
		}, nil},
		{"of what was rotated", func(r *rig) {
			withID(r)
			r.logs(rotated("larger", "s1"))
		}, nil},
		{"of what somebody else's was rotated to", func(r *rig) {
			withID(r)
			r.logs(rotated("larger", "other"))
		}, unknown},
		{"of what was rotated away", func(r *rig) {
			withID(r)
			r.logs(rotated("s1", "larger"))
		}, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, Config{Recording: true})
			tt.feed(r)
			r.logs(event("session.end", attributes{"session.id": "larger"}))
			r.counts.Ends, r.counts.Logins = 1, 1
			require.Equal(t, tt.want, r.codes())
		})
	}
}

// TestKnownLogins: a login is of use where a request names its session. What is said
// of a larger one starts no clock.
func TestKnownLogins(t *testing.T) {
	login := func(id string) plog.Logs { return event("authn_login_success", attributes{"session.id": id}) }
	for _, tt := range []struct {
		name string
		ids  []string
		want []string
	}{
		{"none", nil, []string{"logins_none"}},
		{"of ours", []string{"s1"}, nil},
		{"of others", []string{"other", "others"}, []string{"logins_none"}},
		{"of ours and others", []string{"other", "s0"}, nil},
		{"of the larger session", []string{"larger"}, []string{"logins_none"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, Config{Recording: true, Absolute: true})
			withID(r)
			r.spans(server("shop", attributes{"session.id": "s1", "user.id": "u1", "oidc.sid": "larger"}))
			for _, id := range tt.ids {
				r.logs(login(id))
				r.counts.Logins++
			}
			require.Equal(t, tt.want, r.codes())
		})
	}
}

// rotated is of a session that continues another.
func rotated(id, previous string) plog.Logs {
	return event("session.start", attributes{"session.id": id, "session.previous_id": previous})
}
