package sessionconsole

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
)

//go:embed web/dist/index.html web/dist/app.js web/dist/app.css
var dist embed.FS

// handlePage serves what the page is made of. It is asked for anew each time, and sent only
// if it has changed.
func (x *consoleExtension) handlePage(mux *http.ServeMux) {
	for path, file := range map[string]struct{ name, kind string }{
		"GET /{$}":     {"index.html", "text/html; charset=utf-8"},
		"GET /app.js":  {"app.js", "text/javascript; charset=utf-8"},
		"GET /app.css": {"app.css", "text/css; charset=utf-8"},
	} {
		content, err := dist.ReadFile("web/dist/" + file.name)
		if err != nil {
			panic(err) // it is embedded
		}
		sum := sha256.Sum256(content)
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("Content-Type", file.kind)
			_, _ = w.Write(content) // whoever asked has gone
		})
	}
}
