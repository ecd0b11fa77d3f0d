package shop

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/felixge/httpsnoop"
)

// visit is what the session layer learns about a request, for the access log
// that is written outside of it.
type visit struct{ session, user string }

type visitKey struct{}

func visitFrom(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// accessLog writes one record per request, within the request's span.
func accessLog(logger *slog.Logger, sessions bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{}
		ctx := context.WithValue(r.Context(), visitKey{}, v)
		m := httpsnoop.CaptureMetrics(next, w, r.WithContext(ctx))
		attrs := []slog.Attr{
			slog.String("http.request.method", r.Method),
			slog.String("url.path", r.URL.Path),
			slog.Int("http.response.status_code", m.Code),
			slog.Float64("http.server.request.duration", m.Duration.Seconds()),
		}
		if sessions && v.session != "" {
			attrs = append(attrs, slog.String("session.id", v.session))
		}
		if sessions && v.user != "" {
			attrs = append(attrs, slog.String("user.id", v.user))
		}
		logger.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
	})
}
