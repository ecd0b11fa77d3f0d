package sessionconsole

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// mostText is how many characters of a name are shown.
const mostText = 200

// cut leaves so much of a text as is shown.
func cut(s string) string {
	if len(s) <= mostText {
		return s
	}
	n := 0
	for i := range s {
		if n == mostText {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// shortCut leaves so much of a name as stands within a sentence.
func shortCut(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

func orNameless(service string) string {
	if service == "" {
		return "a service without a name"
	}
	return shortCut(service)
}

func hexOf(b []byte) string {
	for _, x := range b {
		if x != 0 {
			return hex.EncodeToString(b)
		}
	}
	return ""
}

// duration in words, as exactly as a person reads it.
func duration(d time.Duration) string {
	s := math.Abs(d.Seconds())
	switch {
	case s < 1:
		return number(math.Round(s*1000)) + " ms"
	case s < 120:
		return number(math.Round(s*10)/10) + " s"
	case s < 7200 && math.Mod(s, 3600) != 0:
		return number(math.Round(s/6)/10) + " min"
	case s < 48*3600:
		return number(math.Round(s/360)/10) + " h"
	}
	return number(math.Round(s/8640)/10) + " days"
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// count of a noun, with thousands apart.
func count(n int64, noun string) string {
	if n != 1 {
		if stem, ok := strings.CutSuffix(noun, "y"); ok {
			noun = stem + "ie"
		}
		noun += "s"
	}
	return grouped(n) + " " + noun
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// enumerate joins names: "a", "a and b", "a, b and 3 others".
func enumerate(names []string) string {
	const most = 3
	if n := len(names); n > most {
		names = append(append([]string{}, names[:most-1]...), fmt.Sprintf("%d others", n-most+1))
	}
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

func percent(part, all int64) string {
	if all == 0 {
		return "0 %"
	}
	p := 100 * float64(part) / float64(all)
	switch {
	case p > 0 && p < 1:
		return "under 1 %"
	case p > 99 && p < 100:
		return "over 99 %"
	}
	return number(math.Round(p)) + " %"
}
