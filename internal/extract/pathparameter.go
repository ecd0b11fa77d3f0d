package extract

import "strings"

// parameters takes the values of the parameters of this name in a path, which
// stand behind a semicolon in any of its segments.
func (t *taken) parameters(path string) {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	for t.reason != usable {
		i := strings.IndexByte(path, ';')
		if i < 0 {
			return
		}
		path = path[i+1:]
		rest, ok := strings.CutPrefix(path, t.name)
		if !ok || rest == "" || rest[0] != '=' {
			continue
		}
		value := rest[1:]
		if i := strings.IndexAny(value, ";/"); i >= 0 {
			value = value[:i]
		}
		t.take(value)
	}
}
