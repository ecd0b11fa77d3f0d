package e2e

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// secretLength is how much of a session id is enough to be a secret: no part
// of one may slip through where the whole is cut.
const secretLength = 16

// requireNoIDs: a text that the collector wrote names no session and no user.
func requireNoIDs(t *testing.T, where string, text []byte, all []played) {
	t.Helper()
	require.NotEmpty(t, text, "%s is empty", where)
	sessions, users := ids(all)
	require.NotEmpty(t, sessions)
	require.NotEmpty(t, users)
	for _, id := range sessions {
		requireAbsent(t, where, text, id[:min(len(id), secretLength)])
	}
	for _, user := range users {
		requireAbsent(t, where, text, user)
	}
}

// requireNoPseudonyms: nor does it name them by pseudonym.
func requireNoPseudonyms(t *testing.T, where string, text []byte, all []played) {
	t.Helper()
	sessions, users := ids(all)
	for _, id := range append(sessions, users...) {
		requireAbsent(t, where, text, pseudonym(id)[:secretLength])
	}
}

// requireIDsPassed: the search for ids would find them, as it does in the
// telemetry that the collector lets pass.
func requireIDsPassed(t *testing.T, c *collector, all []played) {
	t.Helper()
	passed := map[string]bool{}
	for _, s := range c.spans() {
		passed[s.session()] = true
		passed[s.text("user.id")] = true
	}
	sessions, users := ids(all)
	for _, id := range append(sessions, users...) {
		require.True(t, passed[id], "the driver knows of %q, but no service does", id)
	}
}

func requireAbsent(t *testing.T, where string, text []byte, secret string) {
	t.Helper()
	if i := bytes.Index(text, []byte(secret)); i >= 0 {
		require.FailNow(t, "a secret leaked", "%s has %q: %s", where, secret, text[max(0, i-200):min(len(text), i+200)])
	}
}
