package shop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStoreForgetsNoEnd(t *testing.T) {
	s := newStore()
	expiry := time.Now().Add(time.Hour)
	require.NoError(t, s.Commit("id", []byte("data"), expiry))
	require.True(t, s.found("id"))
	require.Equal(t, alive, s.fate("id"))

	s.retire("id", rotated)
	require.NoError(t, s.Delete("id"))
	require.Equal(t, rotated, s.fate("id"), "the first reason stays")

	// A request that was in flight saves the session when it ends.
	require.NoError(t, s.Commit("id", []byte("data"), expiry))
	require.False(t, s.found("id"))
	all, err := s.All()
	require.NoError(t, err)
	require.Empty(t, all)
}
