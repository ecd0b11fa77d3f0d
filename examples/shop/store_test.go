package shop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStoreForgetsNoEnd(t *testing.T) {
	s := newStore()
	expiry := time.Now().Add(time.Hour)
	require.NoError(t, s.Commit("id", []byte("data"), expiry))
	assert.True(t, s.found("id"))
	assert.Equal(t, alive, s.fate("id"))

	s.retire("id", rotated)
	require.NoError(t, s.Delete("id"))
	assert.Equal(t, rotated, s.fate("id"), "the first reason stays")

	// A request that was in flight saves the session when it ends.
	require.NoError(t, s.Commit("id", []byte("data"), expiry))
	assert.False(t, s.found("id"))
	all, err := s.All()
	require.NoError(t, err)
	assert.Empty(t, all)
}
