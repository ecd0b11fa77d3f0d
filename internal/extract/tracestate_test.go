package extract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsSampled(t *testing.T) {
	for state, want := range map[string]bool{
		"":                              false,
		"ot=th:0":                       false,
		"ot=th:00000000000000":          false,
		"ot=th:c":                       true,
		"ot=th:fd70a3":                  true,
		"ot=th:0c":                      true,
		"ot=rv:abcdef01234567;th:8":     true,
		"ot=th:8;rv:abcdef01234567":     true,
		"ot=rv:abcdef01234567":          false,
		"vendor=x,ot=th:c":              true,
		"vendor=x , \tot=th:c ,other=y": true,
		",,ot=th:c":                     true,
		"vendor=th:c":                   false,
		"tenant@ot=th:c":                false,
		"got=th:c":                      false,
		"ott=th:c":                      false,
		"vendor=ot=th:c":                false,
		"ot":                            false,
		"ot=":                           false,
		"ot=th:":                        false,
		"ot=th":                         false,
		"ot=xth:c":                      false,
		"ot=th:C":                       false, // lower case only
		"ot=th:g":                       false,
		"ot=th:/":                       false,
		"ot=th:123456789abcdef":         false, // more than 56 bits
		"ot=th:123456789abcde":          true,
		"ot=rv:1,ot=th:c":               false, // a key comes once
		"ot=th:0;th:c":                  false,
	} {
		require.Equal(t, want, isSampled(state), "%q", state)
	}
}

func FuzzIsSampled(f *testing.F) {
	f.Add("vendor=x,ot=rv:1;th:c")
	f.Fuzz(func(t *testing.T, state string) {
		if isSampled(state) && !strings.Contains(state, "th:") {
			t.Fatalf("%q", state)
		}
	})
}
