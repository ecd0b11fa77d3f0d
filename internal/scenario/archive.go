package scenario

import (
	"fmt"
	"strings"
)

// An archive is a file in the txtar format: a comment, then files, each under a
// line `-- name --`.
type archive struct {
	comment string
	files   []file
}

type file struct {
	name, text string
	line       int // the file's first line in the archive
}

func parseArchive(text string) *archive {
	a := &archive{}
	to := &a.comment
	line := 0
	for l := range strings.Lines(text) {
		line++
		if name, ok := fileMarker(l); ok {
			a.files = append(a.files, file{name: name, line: line + 1})
			to = &a.files[len(a.files)-1].text
			continue
		}
		*to += l
	}
	return a
}

func fileMarker(line string) (name string, ok bool) {
	line = strings.TrimRight(line, "\r\n ")
	if len(line) < len("-- x --") || !strings.HasPrefix(line, "-- ") || !strings.HasSuffix(line, " --") {
		return "", false
	}
	return strings.TrimSpace(line[3 : len(line)-3]), true
}

func (a *archive) String() string {
	var b strings.Builder
	b.WriteString(a.comment)
	for _, f := range a.files {
		fmt.Fprintf(&b, "-- %s --\n%s", f.name, f.text)
	}
	return b.String()
}

// find returns the file of this name, or nil.
func (a *archive) find(name string) *file {
	for i := range a.files {
		if a.files[i].name == name {
			return &a.files[i]
		}
	}
	return nil
}

// set replaces the text of a file; one that is not there is added at the end.
func (a *archive) set(name, text string) {
	if f := a.find(name); f != nil {
		f.text = text
		return
	}
	a.files = append(a.files, file{name: name, text: text})
}
