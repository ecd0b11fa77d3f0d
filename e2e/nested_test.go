package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNested: whoever nests values so deeply that reading them would overflow
// the stack gets nowhere, and the collector serves on. What is small enough to
// be taken is read.
func TestNested(t *testing.T) {
	t.Parallel()
	c := startCollector(t, collectorConfig{policies: []string{"name: default"}, limits: atTempo(1)})
	attack := nested(t, 2_140_000)
	require.Greater(t, len(attack), 20_000_000)
	for range 2 {
		// The collector answers and closes while most of the body is under way,
		// so that the answer may get lost.
		if status, err := postGzip(t, c.url+"/v1/traces", attack); err == nil {
			require.Equal(t, http.StatusBadRequest, status)
		}
		status, err := postGzip(t, c.url+"/v1/traces", nested(t, 10))
		require.NoError(t, err, "the collector said: %s", c.said())
		require.Equal(t, http.StatusOK, status)
	}
	small := nested(t, 430_000)
	require.InDelta(t, 4<<20, len(small), 500_000)
	require.Less(t, len(small), 4<<20)
	status, err := postGzip(t, c.url+"/v1/traces", small)
	require.NoError(t, err, "the collector said: %.2000s", c.said())
	require.Equal(t, http.StatusOK, status)
	c.stop()
}

// nested is an ExportTraceServiceRequest with one span that has an array in an
// array in an array, so many times.
func nested(t *testing.T, depth int) []byte {
	t.Helper()
	// Of fields within one another the outermost comes first and needs the
	// length of all others: written backwards, each is there when it is needed.
	var b backwards
	b.text("x")
	b.begin(1) // AnyValue.string_value
	for range depth {
		b.begin(1) // ArrayValue.values
		b.begin(5) // AnyValue.array_value
	}
	b.begin(2) // KeyValue.value
	b.field(1, "session.id")
	b.begin(9) // Span.attributes
	b.text("\x02")
	b.tag(6, 0) // Span.kind: SERVER
	b.field(2, "\x01\x01\x01\x01\x01\x01\x01\x01")
	b.field(1, "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01")
	b.begin(2) // ScopeSpans.spans
	b.begin(2) // ResourceSpans.scope_spans
	b.begin(1) // ExportTraceServiceRequest.resource_spans
	return b.bytes()
}

// backwards is a protobuf message that is written from its end.
type backwards []byte

func (b *backwards) text(s string) {
	for _, c := range slices.Backward([]byte(s)) {
		*b = append(*b, c)
	}
}

func (b *backwards) tag(field, wire int) { *b = append(*b, byte(field<<3|wire)) }

// begin makes one field of all that has been written.
func (b *backwards) begin(field int) {
	length := len(*b)
	b.text(string(binary.AppendUvarint(nil, uint64(length))))
	b.tag(field, 2)
}

func (b *backwards) field(field int, s string) {
	b.text(s)
	b.text(string(binary.AppendUvarint(nil, uint64(len(s)))))
	b.tag(field, 2)
}

func (b *backwards) bytes() []byte {
	slices.Reverse(*b)
	return *b
}

func postGzip(t *testing.T, url string, body []byte) (status int, err error) {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, &packed)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "gzip")
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute} // it is much to read
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return response.StatusCode, nil
}
