package advice

import (
	"fmt"
	"strings"
)

// form is what an id looks like: what it is made of, and its length in bytes, 0
// where that is nothing that tells it from others.
type form struct {
	kind   string
	length int
}

func (f form) String() string {
	if f.length == 0 {
		return f.kind
	}
	return fmt.Sprintf("%s of %d", f.kind, f.length)
}

func formOf(raw string) form {
	switch {
	case len(raw) == 36 && raw[8] == '-' && raw[13] == '-' && raw[18] == '-' && raw[23] == '-' && isHex(strings.ReplaceAll(raw, "-", "")):
		return form{"UUIDs", 0}
	case strings.HasPrefix(raw, "eyJ") && strings.Count(raw, ".") >= 2:
		return form{"tokens", 0}
	case strings.Trim(raw, "0123456789") == "":
		return form{"digits", len(raw)}
	case isHex(raw):
		return form{"hexadecimal", len(raw)}
	case isURLSafe(raw):
		return form{"letters and digits", len(raw)}
	}
	return form{"texts", len(raw)}
}

func isURLSafe(raw string) bool {
	for i := range len(raw) {
		c := raw[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// idForms are how many ids are of which. Those that come first stay.
type idForms map[form]int

func (f *idForms) add(raw string) { f.count(formOf(raw)) }

func (f *idForms) count(of form) {
	if *f == nil {
		*f = idForms{}
	}
	if _, known := (*f)[of]; known || len(*f) < mostForms {
		(*f)[of]++
	}
}

// join adds those of others.
func (f *idForms) join(others idForms) {
	for of, n := range others {
		f.count(of)
		if _, known := (*f)[of]; known {
			(*f)[of] += n - 1
		}
	}
}

// usual is the form that most have.
func (f idForms) usual() string {
	var most form
	for of, n := range f {
		if n > f[most] || n == f[most] && of.String() < most.String() {
			most = of
		}
	}
	return most.String()
}
