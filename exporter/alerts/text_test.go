package alerts

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestLabelValue(t *testing.T) {
	require.Equal(t, "bad\uFFFDsvc\uFFFD\uFFFD", labelValue("bad\xffsvc\n\u2028"))
	require.Len(t, labelValue(strings.Repeat("x", 1<<16)), maxLabelValue)
	require.Equal(t, strings.Repeat("ä", 128), labelValue("ä"+strings.Repeat("ä", 300)))

	batch := "checkout"
	require.NotSame(t, unsafe.StringData(batch), unsafe.StringData(labelValue(batch)), "it does not keep the batch that it came in")
}
